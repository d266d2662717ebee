"""What each input beside the token is worth to a trained network: it is hidden, and the held-out loss rises.

    python -m training ablation data/pianist --checkpoint runs/pianist/best.pt --out runs/hidden.json

The network was trained with each of these inputs hidden at times, so it knows how to go on without.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from improv.files import atomic_write
from improv.model import conditioning
from training.dataset.dataset import Dataset
from training.dataset.splits import spread
from training.models.checkpoints import read_checkpoint
from training.models.export import network_of
from training.models.scoring import Arrays, TorchScorer, score_pieces, total

_COMMANDS = 2 * len(conditioning.COMMANDS)  # columns; the ending is the last of the commands
HIDDEN: dict[str, slice] = {
    "nothing": slice(0, 0),
    "place": slice(_COMMANDS, _COMMANDS + len(conditioning.PLACE)),
    "attributes": slice(0, _COMMANDS - 2),
    "bars left": slice(_COMMANDS - 2, _COMMANDS),
    "all commands": slice(0, _COMMANDS),
}
HELD_OUT_PIECES = 12


@dataclass(frozen=True)
class Blindfold:
    """A scorer that does not see some columns of the conditioning."""

    scorer: TorchScorer
    columns: slice

    def zero_state(self, lanes: int) -> Arrays:
        return self.scorer.zero_state(lanes)

    def forward(self, tokens: np.ndarray, condition: np.ndarray, state: Arrays) -> tuple[np.ndarray, Arrays]:
        seen = condition.copy()
        seen[..., self.columns] = 0
        return self.scorer.forward(tokens, seen, state)


def hidden(saved: dict[str, Any], dataset: Dataset) -> dict[str, float]:
    """What is hidden (HIDDEN) -> nats per held-out token."""
    scorer = TorchScorer(network_of(saved), torch.device("cpu"))
    pieces = spread(dataset.split("test"), HELD_OUT_PIECES)
    return {
        name: total(score_pieces(Blindfold(scorer, columns), dataset, pieces, commands=True)).nats_per_token
        for name, columns in HIDDEN.items()
    }


def table(losses: dict[str, float]) -> str:
    """Markdown: each loss and what the hiding changed."""
    lines = ["| hidden | held-out nats per token | change |", "|---|---|---|"]
    whole = losses["nothing"]
    lines += [f"| {name} | {loss:.4f} | {loss - whole:+.4f} |" for name, loss in losses.items()]
    return "\n".join(lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", type=Path, help="whose test pieces are scored")
    parser.add_argument("--checkpoint", type=Path, required=True, help="the trained network")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")


def command(options: argparse.Namespace) -> None:
    losses = hidden(read_checkpoint(options.checkpoint), Dataset(options.dataset))
    with atomic_write(options.out) as file:
        file.write(json.dumps(losses, indent=1) + "\n")
    print(table(losses))
