"""An endless stream of training batches: lanes of whole pieces, one after the other, the network's state carried on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from improv.model import conditioning
from improv.model.vocabulary.hands import contexts
from improv.music.attributes import ATTRIBUTES
from training.corpus.augment import STRETCHES, TOUCHES, transpositions, vary
from training.dataset import plan_columns
from training.dataset.dataset import Dataset, PieceRow
from training.dataset.plan_columns import NOTHING, Hidden

# How often a segment of a lane hides its commands from the network, so that it also learns to play without them
# (the unconditioned half of guidance) and with only some of them.
HIDE_ALL, HIDE_ATTRIBUTES, HIDE_EACH, HIDE_ENDING, HIDE_PLACE = 0.15, 0.15, 0.25, 0.5, 0.1
BEGIN_FRESH = 0.06
"""How often a lane leaves its piece for the beginning of another with an empty memory (families with a plan)."""
_REGISTER = 2 * conditioning.COMMANDS.index("register")
_REGISTER_PER_SEMITONE = 2 / (ATTRIBUTES["register"].high - ATTRIBUTES["register"].low)
_DENSITY = 2 * conditioning.COMMANDS.index("onset_density")
_DENSITY_PER_NEPER = 2 / math.log(ATTRIBUTES["onset_density"].high / ATTRIBUTES["onset_density"].low)
_LOUDNESS = 2 * conditioning.COMMANDS.index("loudness")
_LOUDNESS_PER_VELOCITY = 2 / (ATTRIBUTES["loudness"].high - ATTRIBUTES["loudness"].low)
_MOOD_COLUMNS = 4  # valence, known, arousal, known
_ENDING = 2 * conditioning.COMMANDS.index("ending")


class Batch(NamedTuple):
    """tokens, targets: int64 (lanes, sequence). condition: float32 (lanes, sequence, width). fresh: bool
    (lanes,), which lanes have a state of zeros before it, as the daemon has where it begins.
    """

    tokens: np.ndarray
    targets: np.ndarray
    condition: np.ndarray
    fresh: np.ndarray


def conditioned(rows: np.ndarray, semitones: int, slower: float = 1.0, louder: float = 1.0) -> np.ndarray:
    """Conditioning rows as float32, told as the music is after a transposition, a stretch and another touch.

    Only what the changes scale directly: the mood, which some of it moves by a tenth at most, stays.
    """
    rows = rows.astype(np.float32)
    velocity = ATTRIBUTES["loudness"].low + (rows[:, _LOUDNESS] + 1) / _LOUDNESS_PER_VELOCITY
    for column, moved in (
        (_REGISTER, semitones * _REGISTER_PER_SEMITONE),
        (_DENSITY, -math.log(slower) * _DENSITY_PER_NEPER),
        (_LOUDNESS, (louder - 1) * velocity * _LOUDNESS_PER_VELOCITY),
    ):
        if np.any(moved):
            rows[:, column] = np.clip(rows[:, column] + moved, -1, 1) * rows[:, column + 1]
    return rows


def hide(condition: np.ndarray, rng: np.random.Generator) -> None:
    """Hide commands in place, differently in each lane. condition: (lanes, time, conditioning.SIZE)."""
    commands = 2 * len(conditioning.COMMANDS)
    for lane in condition:
        kind = rng.random()
        if kind < HIDE_ALL:
            lane[:, :commands] = 0
        elif kind < HIDE_ALL + HIDE_ATTRIBUTES:
            lane[:, _MOOD_COLUMNS:commands] = 0
        else:
            for column in np.flatnonzero(rng.random(len(conditioning.COMMANDS)) < HIDE_EACH):
                lane[:, 2 * column : 2 * column + 2] = 0
        if rng.random() < HIDE_ENDING:
            lane[:, _ENDING : _ENDING + 2] = 0
        if rng.random() < HIDE_PLACE:
            lane[:, commands : conditioning.SIZE] = 0


@dataclass
class Lane:
    """Where one lane stands: the piece, its transposition, the next token; how much slower and louder it is played."""

    piece: int = -1
    semitones: int = 0
    at: int = 0
    stop: int = 0
    slower: float = 1.0
    louder: float = 1.0
    tokens: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64), repr=False)
    steps: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64), repr=False)
    """The piece as this lane plays it, and the row of conditioning of each token."""
    contexts: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), dtype=np.int16), repr=False)
    """What a family with a plan is told of its own stream before each token."""
    hidden: Hidden = NOTHING


@dataclass
class LaneStream:
    """Yields batches for ever; `state()` and `restore()` make an interrupted run go on with the same batches."""

    dataset: Dataset
    pieces: list[PieceRow]
    lanes: int
    sequence: int
    transpose: tuple[int, int]
    seed: int
    weights: Sequence[float] | None = None
    """How often each piece is drawn, in proportion; None: all equally often, each once before any comes again."""
    _queue: list[int] = field(default_factory=list)
    _lanes: list[Lane] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)
        self._lanes = [Lane() for _ in range(self.lanes)]
        self.in_last_batch: list[tuple[int, ...]] = [()] * self.lanes  # the pieces that each lane's part came from
        for lane in self._lanes:
            self._next_piece(lane)
            # Lanes begin at different places, else every lane would start its piece in the same batch.
            lane.at += int(self._rng.integers(0, max(1, lane.stop - lane.at)))

    def _draw(self) -> list[int]:
        """The order of the next so many pieces."""
        if self.weights is None:
            return [int(index) for index in self._rng.permutation(len(self.pieces))]
        share = np.asarray(self.weights, dtype=np.float64)
        return [int(index) for index in self._rng.choice(len(self.pieces), len(self.pieces), p=share / share.sum())]

    def _next_piece(self, lane: Lane) -> None:
        if not self._queue:
            self._queue = self._draw()
        lane.piece = self._queue.pop()
        row = self.pieces[lane.piece]
        low, high = self.dataset.encoding.pitch_range(self.dataset.tokens[row.start : row.stop])
        keys = transpositions(low, high, *self.transpose)
        lane.semitones = int(self._rng.integers(keys.start, keys.stop))
        if self.dataset.encoding.performs:
            lane.slower, lane.louder = (float(self._rng.choice(factors)) for factors in (STRETCHES, TOUCHES))
        self._load(lane)
        lane.at, lane.stop = row.start, row.start + len(lane.tokens)

    def _load(self, lane: Lane) -> None:
        """Lay out the lane's piece: recorded music a little slower or faster, louder or softer each time."""
        row = self.pieces[lane.piece]
        lane.tokens = self.dataset.tokens[row.start : row.stop]
        lane.steps = self.dataset.token_step[row.start : row.stop]
        if self.dataset.encoding.planned:
            own = self.dataset.encoding.transpose(lane.tokens.astype(np.int64), lane.semitones)
            lane.contexts = contexts(own)
        if self.dataset.encoding.performs:
            varied = vary(self.dataset.encoding, lane.tokens.astype(np.int64), lane.slower, lane.louder)
            lane.tokens, lane.steps = varied.tokens, lane.steps[varied.source]

    def _take(self, lane: Lane, count: int) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
        """The next `count` tokens of a lane with the conditioning of each token's own step, and from which pieces."""
        tokens, rows, pieces = [], [], []
        while count > 0:
            if lane.at >= lane.stop:
                self._next_piece(lane)
            pieces.append(lane.piece)
            first = lane.at - self.pieces[lane.piece].start
            part = slice(first, min(first + count, len(lane.tokens)))
            tokens.append(self.dataset.encoding.transpose(lane.tokens[part].astype(np.int64), lane.semitones))
            told = self.dataset.conditioning[lane.steps[part]]
            rows.append(conditioned(told, lane.semitones, lane.slower, lane.louder))
            if self.dataset.encoding.planned:
                steps = lane.steps[part].astype(np.int64)
                plan = plan_columns.told(self.dataset.plan, steps, lane.contexts[part], lane.semitones, lane.hidden)
                rows[-1] = np.concatenate([rows[-1], plan], axis=1)
            count -= part.stop - part.start
            lane.at += part.stop - part.start
        return np.concatenate(tokens), np.concatenate(rows), tuple(pieces)

    def next(self) -> Batch:
        """The next batch; each lane goes on exactly where it stopped, so that its last target is the next input."""
        tokens = np.empty((self.lanes, self.sequence + 1), dtype=np.int64)
        width = conditioning.width(self.dataset.encoding)
        condition = np.empty((self.lanes, self.sequence, width), dtype=np.float32)
        fresh = np.zeros(self.lanes, dtype=np.bool_)
        for index, lane in enumerate(self._lanes):
            if self.dataset.encoding.planned:
                lane.hidden = plan_columns.drawn(self._rng)
                if self._rng.random() < BEGIN_FRESH:
                    self._next_piece(lane)
                    fresh[index] = True
            ids, rows, self.in_last_batch[index] = self._take(lane, self.sequence + 1)
            tokens[index], condition[index] = ids, rows[1:]
            lane.at -= 1  # never before the piece's start: at least sequence >= 1 tokens of it were taken
        hide(condition, self._rng)
        return Batch(tokens[:, :-1], tokens[:, 1:], condition, fresh)

    def state(self) -> dict[str, Any]:
        """Everything that decides the coming batches, as plain values."""
        lanes = [(x.piece, x.semitones, x.at, x.stop, x.slower, x.louder) for x in self._lanes]
        return {"rng": self._rng.bit_generator.state, "queue": list(self._queue), "lanes": lanes}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self._rng.bit_generator.state = state["rng"]
        self._queue = list(state["queue"])
        self._lanes = [Lane(*values) for values in state["lanes"]]
        for lane in self._lanes:
            self._load(lane)
