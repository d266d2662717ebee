"""Held-out loss: nats per token of whole pieces, each from a zero state."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

from improv import conditioning
from training.batches import conditioned
from training.dataset import Dataset, PieceRow
from training.network import EventLSTM

CHUNK = 512  # tokens; bounds the memory of the logits


class Score(NamedTuple):
    """Mean over all predicted tokens of the pieces (START is given, not predicted)."""

    nats_per_token: float
    accuracy: float
    tokens: int


@torch.no_grad()
def score(
    network: EventLSTM,
    dataset: Dataset,
    pieces: list[PieceRow],
    *,
    commands: bool,
    device: torch.device,
    batch: int = 16,
) -> Score:
    """commands: False hides valence, arousal, all attributes and the ending; the place in the bar stays known."""
    was_training = network.training
    network.eval()
    nats, right, total = 0.0, 0, 0
    ordered = sorted(pieces, key=lambda row: row.stop - row.start)
    for first in range(0, len(ordered), batch):
        part = _score_group(network, dataset, ordered[first : first + batch], commands, device)
        nats, right, total = nats + part[0], right + part[1], total + part[2]
    network.train(was_training)
    return Score(nats / total, right / total, total)


def _score_group(
    network: EventLSTM, dataset: Dataset, rows: list[PieceRow], commands: bool, device: torch.device
) -> tuple[float, int, int]:
    longest = max(row.stop - row.start for row in rows) - 1
    tokens = np.zeros((len(rows), longest + 1), dtype=np.int64)
    condition = np.zeros((len(rows), longest, conditioning.SIZE), dtype=np.float32)
    valid = np.zeros((len(rows), longest), dtype=np.bool_)
    for index, row in enumerate(rows):
        length = row.stop - row.start
        tokens[index, :length] = dataset.tokens[row.start : row.stop]
        steps = dataset.token_step[row.start + 1 : row.stop]
        condition[index, : length - 1] = conditioned(dataset.conditioning[steps], 0)
        valid[index, : length - 1] = True
    if not commands:
        condition[..., : 2 * len(conditioning.COMMANDS)] = 0
    state = network.zero_state(len(rows), device)
    nats, right = 0.0, 0
    for at in range(0, longest, CHUNK):
        part = slice(at, min(at + CHUNK, longest))
        inputs = torch.from_numpy(tokens[:, part]).to(device)
        logits, state = network(inputs, torch.from_numpy(condition[:, part]).to(device), state)
        targets = torch.from_numpy(tokens[:, part.start + 1 : part.stop + 1]).to(device)
        keep = torch.from_numpy(valid[:, part]).to(device)
        nats += float(functional.cross_entropy(logits[keep].float(), targets[keep], reduction="sum"))
        right += int((logits.argmax(-1) == targets)[keep].sum())
    return nats, right, int(valid.sum())
