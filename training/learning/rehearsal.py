"""Old music beside new, so that a network that learns a style does not forget how to play.

Every batch of the new music goes with one of old music, on which the network is held to what the model said before (its
probabilities, not only the right answers: Li & Hoiem, Learning without Forgetting, 2016). The old music is improvised
by the model itself (Robins, Catastrophic forgetting, rehearsal and pseudorehearsal, 1995), or read from the dataset it
was trained on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from improv.model import conditioning
from improv.model.plan_inputs import tell_context
from improv.model.vocabulary import encoding_for
from improv.model.vocabulary.hands import HandsDecoder
from training.dataset.dataset import Dataset, PieceRow
from training.dataset.splits import spread
from training.models.batches import Batch, LaneStream
from training.models.lstm import Network
from training.models.scoring import score

CPU = torch.device("cpu")
KEYS = (-5, 6)  # semitones that every piece is moved by, at random
OLD_PIECES = 16  # held-out pieces of the old dataset that are scored
IMPROVISED_TOKENS = 1536  # for each lane; more than the music of two minutes
COMMAND_TOKENS = 256  # so long an improvised lane keeps its commands
_COMMAND_COLUMNS = 2 * len(conditioning.COMMANDS)


@torch.no_grad()
def improvise(network: Network, family: str, lanes: int, tokens: int, seed: int) -> Batch:
    """What the model plays by itself, with commands drawn at random: `tokens` of each of `lanes` lanes."""
    rng, encoding = np.random.default_rng(seed), encoding_for(family)
    ids = np.empty((lanes, tokens + 1), dtype=np.int64)
    condition = np.zeros((lanes, tokens, conditioning.width(encoding)), dtype=np.float32)
    decoders = [encoding.decoder() for _ in range(lanes)]
    ids[:, 0], state = encoding.start_id, network.zero_state(lanes)
    network.eval()
    for at in range(tokens):
        if at % COMMAND_TOKENS == 0:
            commands = _random_commands(rng, lanes)
        for lane, decoder in enumerate(decoders):
            if ids[lane, at] == encoding.end_id:
                decoders[lane] = decoder = encoding.decoder()
            else:
                decoder.feed(int(ids[lane, at]))
            beat = decoder.tick / encoding.ticks_per_beat
            condition[lane, at, _COMMAND_COLUMNS : conditioning.SIZE] = conditioning.place(beat % 4, 4)
            if isinstance(decoder, HandsDecoder):  # no plan, but its own last notes are known
                tell_context(condition[lane : lane + 1, at, conditioning.SIZE :], decoder.context)
        condition[:, at, :_COMMAND_COLUMNS] = commands
        logits, state = network(
            torch.from_numpy(ids[:, at : at + 1]), torch.from_numpy(condition[:, at : at + 1]), state
        )
        ids[:, at + 1] = _draw(logits[:, 0], rng)
        ids[ids[:, at] == encoding.end_id, at + 1] = encoding.start_id
    return Batch(ids[:, :-1], ids[:, 1:], condition, np.zeros(lanes, dtype=np.bool_))


def _random_commands(rng: np.random.Generator, lanes: int) -> NDArray[np.float32]:
    """Each command known in half of the lanes; the ending is never near."""
    known = rng.random((lanes, len(conditioning.COMMANDS))) < 0.5
    values = rng.uniform(-1, 1, known.shape)
    values[:, conditioning.COMMANDS.index("ending")] = 0
    return np.stack([values * known, known], axis=-1).reshape(lanes, -1).astype(np.float32)


def _draw(logits: Tensor, rng: np.random.Generator) -> NDArray[np.int64]:
    cumulative = torch.softmax(logits.double(), dim=-1).cumsum(-1).numpy()
    below = cumulative < rng.random((len(cumulative), 1)) * cumulative[:, -1:]
    return np.asarray(below.sum(axis=1), dtype=np.int64)


class Rehearsal:
    """Old music with what the old network says of it. source: yields the batches, one after the other for ever."""

    def __init__(self, teacher: Network, source: Callable[[], Batch], lanes: int) -> None:
        self._teacher, self._source = teacher.eval(), source
        self._state = teacher.zero_state(lanes)

    @torch.no_grad()
    def next(self) -> tuple[Tensor, Tensor, Tensor]:
        """tokens (lanes, time), condition (lanes, time, SIZE), the old probabilities (lanes, time, vocabulary)."""
        batch = self._source()
        tokens, condition = torch.from_numpy(batch.tokens), torch.from_numpy(batch.condition)
        logits, self._state = self._teacher(tokens, condition, self._state)
        return tokens, condition, logits.softmax(-1)


def in_turn(music: Batch, sequence: int) -> Callable[[], Batch]:
    """Parts of a long batch, from its beginning to its end and again."""
    starts = range(0, music.tokens.shape[1] - sequence + 1, sequence)
    at = -1

    def following() -> Batch:
        nonlocal at
        at = (at + 1) % len(starts)
        part = slice(starts[at], starts[at] + sequence)
        return music._replace(
            tokens=music.tokens[:, part], targets=music.targets[:, part], condition=music.condition[:, part]
        )

    return following


@dataclass(frozen=True)
class Old:
    """Where old music comes from and how the held-out loss on it is measured. kind: told to people."""

    kind: str
    rehearsal: Callable[[], Batch]
    loss: Callable[[Network], float]


def old_music(
    network: Network, family: str, lanes: int, sequence: int, seed: int, old: Dataset | None, *, improvised: bool
) -> Old:
    """From the old dataset where there is one, else improvised; with `improvised` that is only measured on."""
    if old is None or improvised:
        music = improvise(network, family, lanes, IMPROVISED_TOKENS, seed)
        source = in_turn(music, sequence)
    else:
        source = LaneStream(old, old.split("train"), lanes, sequence, KEYS, seed).next
    if old is None:
        unheard = improvise(network, family, lanes, IMPROVISED_TOKENS // 2, seed + 1)
        return Old("improvised by the model before", source, lambda now: _loss_on(now, unheard))
    pieces = spread(old.split("test"), OLD_PIECES)
    return Old(f"{len(pieces)} held-out pieces of the old dataset", source, lambda now: held_out_loss(now, old, pieces))


def held_out_loss(network: Network, dataset: Dataset, pieces: list[PieceRow], *, told: bool = True) -> float:
    """Nats per token. told: commands and plan are known, as the daemon tells them; else they are hidden."""
    return score(network, dataset, pieces, commands=told, device=CPU).nats_per_token


@torch.no_grad()
def _loss_on(network: Network, music: Batch) -> float:
    tokens, targets, condition, _ = (torch.from_numpy(array) for array in music)
    was_training = network.training
    network.eval()
    logits, _ = network(tokens, condition, network.zero_state(len(tokens)))
    network.train(was_training)
    return float(functional.cross_entropy(logits.flatten(0, 1), targets.flatten()))
