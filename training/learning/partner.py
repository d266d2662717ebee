"""Teach a model of two hands to play one of them while a person plays the other.

    python -m training partner runs/hands/best.pt --dataset data/hands --out runs/partner.pt
    python -m training export runs/partner.pt --dataset data/hands --out hands.onnx

Each piece is laid out as two players (training.models.two_players): in half of them a person has the right hand, in
half the left. What the network has learned before stays as it is; only what is added where it is told a role is
learned. So alone it plays the same music to the last note. It learns for as long as --minutes says and keeps the best
by held-out pieces. Where --out is there already, it goes on from that.
"""

from __future__ import annotations

import argparse
import logging
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from improv.clock import SystemClock
from improv.errors import InputError
from improv.model import roles
from improv.model.vocabulary.hands import HANDS, LENGTH_KINDS, NOTE_KINDS, TABLE
from training.corpus.augment import transpositions
from training.dataset import plan_columns
from training.dataset.dataset import Dataset, PieceRow
from training.dataset.splits import spread
from training.learning.schedule import descend
from training.models.batches import hide
from training.models.checkpoints import read_checkpoint, save
from training.models.export import network_of
from training.models.planned_lstm import PlannedLSTM
from training.models.two_players import LATEST_TICKS, NOT_ASKED, Role, Stream, stream

log = logging.getLogger(__name__)
LANES, LONGEST = 8, 640
HELD_OUT_PIECES, KEYS = 24, (-5, 6)
RATE, LEAST_RATE, WEIGHT_DECAY, CLIP = 2e-3, 1e-4, 0.01, 1.0
LOOK_EVERY = 100  # batches, between two looks at held-out pieces


class Judged(NamedTuple):
    """Nats of what is asked of the hand that is learned: all, its notes and lengths, its shifts of time; how many."""

    nats: float
    notes: float
    shifts: float
    asked: int


class Lesson(NamedTuple):
    """Streams side by side from their beginning, padded. tokens, targets: int64 (lanes, time); condition: float32
    (lanes, time, width); role: float32 (lanes, time, roles.SIZE).
    """

    tokens: Tensor
    targets: Tensor
    condition: Tensor
    role: Tensor


def lesson(streams: list[Stream], persons: list[int], rng: np.random.Generator | None) -> Lesson:
    """Side by side. persons: the hand, LEFT or RIGHT, of the person in each. rng: hides commands as in other training;
    None: hides nothing.
    """
    time = max(len(one.targets) for one in streams)
    width = streams[0].condition.shape[1]
    tokens = np.zeros((len(streams), time), dtype=np.int64)
    targets = np.full((len(streams), time), NOT_ASKED, dtype=np.int64)
    condition = np.zeros((len(streams), time, width), dtype=np.float32)
    role = np.zeros((len(streams), time, roles.SIZE), dtype=np.float32)
    for lane, (one, person) in enumerate(zip(streams, persons, strict=True)):
        length = len(one.targets)
        tokens[lane, :length] = one.tokens[:length]
        targets[lane, :length] = one.targets[:length]
        condition[lane, :length] = one.condition[:length]
        role[lane, :, person] = 1
    if rng is not None:
        hide(condition, rng)
    return Lesson(*(torch.from_numpy(array) for array in (tokens, targets, condition, role)))


class Lessons:
    """Draws lessons for ever. weights: how often each piece comes."""

    def __init__(self, dataset: Dataset, pieces: list[PieceRow], weights: list[float], seed: int) -> None:
        self._dataset, self._pieces, self._rng = dataset, pieces, np.random.default_rng(seed)
        share = np.asarray(weights, dtype=np.float64)
        self._share = share / share.sum()

    def next(self) -> Lesson:
        streams, persons = [], []
        for index in self._rng.choice(len(self._pieces), LANES, p=self._share):
            piece, person = self._pieces[int(index)], int(self._rng.integers(len(HANDS)))
            low, high = self._dataset.encoding.pitch_range(self._dataset.tokens[piece.start : piece.stop])
            keys = transpositions(low, high, *KEYS)
            semitones, late = int(self._rng.integers(keys.start, keys.stop)), int(self._rng.integers(LATEST_TICKS + 1))
            role = Role(person, late, semitones, plan_columns.drawn(self._rng))
            streams.append(stream(self._dataset, piece, role, LONGEST, float(self._rng.random())))
            persons.append(person)
        return lesson(streams, persons, self._rng)


def held_out(dataset: Dataset, pieces: list[PieceRow], late_ticks: int = 1) -> list[Lesson]:
    """Each piece with a person at the left hand, then at the right, everything told."""
    rows = []
    for person in HANDS:
        for first in range(0, len(pieces), LANES):
            some = pieces[first : first + LANES]
            streams = [stream(dataset, piece, Role(person, late_ticks), LONGEST, 0.5) for piece in some]
            rows.append(lesson(streams, [person] * len(some), None))
    return rows


def _own_alone(person: int) -> NDArray[np.bool_]:
    """Tokens that the player of the other hand may say."""
    mask = np.ones(TABLE.size, dtype=np.bool_)
    for kind in (NOTE_KINDS[person], LENGTH_KINDS[person], "START", "END"):
        mask[TABLE.slice_of(kind)] = False
    return mask


OWN: Tensor = torch.from_numpy(np.stack([_own_alone(person) for person in HANDS]))
"""Tokens that may be said where a person plays each hand, (hands, tokens)."""


def _legal(logits: Tensor, role: Tensor) -> Tensor:
    """The logits without what the own hand can never say: the grammar of the daemon forbids it, too."""
    return logits.masked_fill(~OWN[role.argmax(-1)], -1e9)


@torch.no_grad()
def judge(network: PlannedLSTM, lessons: list[Lesson], *, told: bool = True) -> Judged:
    """told: the network is told its role; else it plays as it does alone, with the own hand alone allowed."""
    shifts = TABLE.slice_of("TIME_SHIFT")
    sums = np.zeros(4)
    for one in lessons:
        features, table, _ = network.layered(one.tokens, one.condition, network.zero_state(len(one.tokens)))
        logits = network.answered(features, table, one.condition, one.role if told else None)
        logits = _legal(logits, one.role)
        nats = functional.cross_entropy(
            logits.flatten(0, 1), one.targets.flatten(), ignore_index=NOT_ASKED, reduction="none"
        )
        asked, moves = one.targets.flatten() >= 0, (one.targets >= shifts.start) & (one.targets < shifts.stop)
        later = moves.flatten()
        for at, some in ((0, asked & ~later), (2, later)):
            sums[at : at + 2] += [float(nats[some].sum()), int(some.sum())]
    notes, count, moves_nats, moves_count = sums.tolist()
    asked_for = count + moves_count
    return Judged((notes + moves_nats) / asked_for, notes / count, moves_nats / moves_count, int(asked_for))


class Until(NamedTuple):
    """How long it learns: minutes, or so many batches."""

    minutes: float = 0.0
    batches: int = 0

    def share(self, passed_s: float, done: int) -> float:
        """How much of it is over, 0..1 and more."""
        return done / self.batches if self.batches else passed_s / (60 * self.minutes)


def learn(
    saved: dict[str, Any], dataset: Dataset, out: Path, until: Until, seed: int, look_every: int = LOOK_EVERY
) -> None:
    """Teach; the best so far by held-out pieces is at `out`, with how far it came."""
    network = network_of(saved)
    if not isinstance(network, PlannedLSTM):
        raise InputError(f"a model of family {saved['family']} has no hands: only `hands` can learn to play beside one")
    network.requires_grad_(False)
    test = held_out(dataset, spread(dataset.split("valid"), HELD_OUT_PIECES))
    before = judge(network, test, told=False)
    log.info("alone: %.4f nats (notes %.4f, shifts %.4f), %d asked", *before)
    partner = network.partner or network.learn_to_partner()
    partner.requires_grad_(True)
    came = saved.get("partner", {"nats": before.nats, "batches": 0})
    optimiser = torch.optim.AdamW(partner.parameters(), lr=RATE, weight_decay=WEIGHT_DECAY)
    lessons = Lessons(dataset, dataset.split("train"), dataset.weights("train"), seed + came["batches"])
    clock, best, total, done = SystemClock(), came["nats"], 0.0, 0
    began_s = clock.now()
    while (share := until.share(clock.now() - began_s, done)) < 1:
        rate = LEAST_RATE + (RATE - LEAST_RATE) * (1 + math.cos(math.pi * share)) / 2
        total += _one_batch(network, lessons.next(), optimiser, rate)
        done += 1
        if done % look_every:
            continue
        now = judge(network, test)
        log.info("%d batches: train %.4f, held out %.4f (notes %.4f, shifts %.4f)", done, total / look_every, *now[:3])
        total = 0.0
        if now.nats < best:
            best = now.nats
            kept = {name: value.clone() for name, value in network.state_dict().items()}
            save(out, saved | {"network": kept, "partner": {"nats": best, "batches": came["batches"] + done}})


def _one_batch(network: PlannedLSTM, one: Lesson, optimiser: torch.optim.Optimizer, rate: float) -> float:
    with torch.no_grad():
        features, table, _ = network.layered(one.tokens, one.condition, network.zero_state(len(one.tokens)))
    logits = _legal(network.answered(features, table, one.condition, one.role), one.role)
    loss = functional.cross_entropy(logits.flatten(0, 1), one.targets.flatten(), ignore_index=NOT_ASKED)
    return descend(optimiser, loss, rate, CLIP)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, help="best.pt of a run of family hands")
    parser.add_argument("--dataset", type=Path, required=True, help="what it learned from")
    parser.add_argument("--out", type=Path, required=True, help="the checkpoint to write")
    parser.add_argument("--minutes", type=float, default=40.0, help="how long it learns (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)


def command(options: argparse.Namespace) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    saved = read_checkpoint(options.out if options.out.exists() else options.checkpoint)
    learn(saved, Dataset(options.dataset), options.out, Until(options.minutes), options.seed)
    if not options.out.exists():
        raise InputError(f"{options.out} was not written: nothing was learned in {options.minutes:g} minutes")
    print(f"{options.out}: python -m training export makes a model of it")
