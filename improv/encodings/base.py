"""What every family's vocabulary offers: the same object serves training, the daemon and `improv tokens`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from improv.notes import Note

BoolArray = NDArray[np.bool_]


class GridStep(NamedTuple):
    """What one grid step brought: pitches that ended at `tick` and pitches that start at it, high to low."""

    tick: int
    ended: tuple[int, ...]
    started: tuple[int, ...]
    last: bool
    """True when the piece ended here (token END): nothing sounds after `tick`."""


class StreamDecoder(Protocol):
    """Tokens in, one at a time; music out as soon as it is certain. Any token sequence is accepted."""

    @property
    def tick(self) -> int:
        """The grid step that the next note token belongs to."""
        ...

    @property
    def sounding(self) -> tuple[int, ...]:
        """Pitches that sounded in the step before `tick`, high to low."""
        ...

    def feed(self, token_id: int) -> GridStep | None:
        """Take one token; returns the grid step that it completed, if it completed one."""
        ...

    def legal(self) -> BoolArray:
        """Which tokens may follow, shape (vocabulary size,)."""
        ...

    def copy(self) -> Self:
        """A decoder in the same state that goes its own way."""
        ...


class Encoding(Protocol):
    """One family's vocabulary and the way between notes and token ids."""

    family: str
    ticks_per_beat: int
    size: int
    start_id: int
    end_id: int
    step_end_id: int
    starts: slice
    """The range of ids that start a note."""

    def begins(self, pitch: int) -> int:
        """The token that starts a note of this pitch."""
        ...

    def continues(self, pitch: int) -> int:
        """The token that holds a note of this pitch."""
        ...

    def starts_note(self, token_id: int) -> bool:
        """Whether the token starts a note."""
        ...

    @property
    def fingerprint(self) -> str:
        """Short hash of the whole vocabulary; a model of another fingerprint must not be fed these ids."""
        ...

    def encode(self, notes: Iterable[Note], steps: int | None = None) -> list[int]:
        """Token ids of notes on this family's grid, from tick 0 to `steps` (default: the last note's end)."""
        ...

    def decode(self, token_ids: Iterable[int]) -> list[Note]:
        """Notes of a token sequence. Never fails on ids in range; ValueError names an id out of range."""
        ...

    def transpose(self, token_ids: np.ndarray, semitones: int) -> np.ndarray:
        """The same music higher; the caller makes sure that no pitch leaves 0..127."""
        ...

    def pitch_range(self, token_ids: np.ndarray) -> tuple[int, int]:
        """Lowest and highest pitch named, or (127, 0) when none is."""
        ...

    def decoder(self) -> StreamDecoder:
        """A fresh decoder at tick 0."""
        ...

    def label(self, token_id: int) -> str:
        """Name of one token, for people."""
        ...


def fingerprint_of(family: str, ticks_per_beat: int, labels: Sequence[str]) -> str:
    """First 16 hex digits of SHA-256 over family, grid and every token's name in order."""
    text = json.dumps([family, ticks_per_beat, list(labels)], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def quantise(seconds_or_beats: float, rate: float) -> int:
    """Nearest grid step, halves upward: floor(t * rate + 0.5), as note-seq does it."""
    return int(np.floor(seconds_or_beats * rate + 0.5))
