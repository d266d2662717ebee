"""What every family's vocabulary offers: the same object serves training, the daemon and `improv tokens`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from improv.music.note import Note

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.integer[Any]]


class Extras(NamedTuple):
    """What a performance has beside its notes. pedals: (first tick, last tick) with the sustain pedal down, ascending.
    tempi: (tick, ratio to the local tempo) wherever it changes, ascending; 1 before the first.
    hands: of each note, in the order of the notes: 0 left, 1 right; empty where nobody knows.
    """

    pedals: tuple[tuple[int, int], ...] = ()
    tempi: tuple[tuple[int, float], ...] = ()
    hands: tuple[int, ...] = ()


NO_EXTRAS = Extras()
NO_VELOCITIES: Mapping[int, int] = MappingProxyType({})


class GridStep(NamedTuple):
    """What one step brought: pitches that ended at `tick` and pitches that start at it, and how long it lasts."""

    tick: int
    ended: tuple[int, ...]
    started: tuple[int, ...]
    last: bool
    """True when the piece ended here (token END): nothing sounds after `tick`."""
    velocities: tuple[int, ...] = ()
    """Of each started note, 1..127; empty in families without dynamics of their own."""
    ticks: int = 1
    """Length of the step: the next one begins so many ticks later."""
    tempo: float = 1.0
    """Ratio of the tempo from here on to the tempo that is commanded."""
    durations: tuple[int, ...] = ()
    """Of each started note, in ticks; empty in families whose notes end when a later step says so."""
    hands: tuple[int, ...] = ()
    """Of each started note: 0 left, 1 right; empty in families without hands."""


class Constraints(NamedTuple):
    """What the moment asks of the next tokens, beyond the grammar."""

    must_start: bool = False
    """A note must start before time goes on."""
    too_long: tuple[int, ...] = ()
    """Pitches that have sounded for long enough: they may not go on."""
    may_end: bool = True
    final_chord: tuple[int, int, int] | None = None
    """Pitch classes of the tonic triad, tonic first: this step is the piece's last chord, the tonic in the bass."""
    hold: bool = False
    """The last chord sounds on: nothing starts and nothing ends."""
    foreign: frozenset[int] = frozenset()
    """Pitches that somebody else plays: they are told (`StreamDecoder.required_before`), not chosen."""


NO_CONSTRAINTS = Constraints()
FINAL_CHORD_NOTES = 3  # at least


class StreamDecoder(Protocol):
    """Tokens in, one at a time; music out as soon as it is certain. Any token sequence is accepted."""

    @property
    def tick(self) -> int:
        """Where the next note token belongs to."""
        ...

    @property
    def sounding(self) -> tuple[int, ...]:
        """Pitches that sounded just before `tick`, high to low."""
        ...

    @property
    def chord(self) -> tuple[int, ...] | None:
        """What the step has named so far, held notes as well, high to low; None where a step does not name a whole
        chord from the top.
        """
        ...

    def feed(self, token_id: int) -> GridStep | None:
        """Take one token; returns the step that it completed, if it completed one."""
        ...

    def legal(self, constraints: Constraints = NO_CONSTRAINTS) -> BoolArray:
        """Which tokens may follow, shape (vocabulary size,); something always may. A constraint that the grammar
        cannot keep at once is kept as soon as it can be.
        """
        ...

    def required_before(
        self, token_id: int, keys: frozenset[int], gone: frozenset[int], velocities: Mapping[int, int] = NO_VELOCITIES
    ) -> int:
        """The token that must be fed before the one that was chosen, or that one itself: what somebody else holds
        (keys) and has let go (gone) stands in the stream as if the model had played it, where the grammar has it.

        What is in both was struck again. velocities: of keys that were struck just now, 1..127.
        """
        ...

    def merge_synonyms(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """The logits, shape (rows, vocabulary size), with the share of a token that only says another one in other
        words given to that one.
        """
        ...

    def copy(self) -> Self:
        """A decoder in the same state that goes its own way."""
        ...


class Encoding(Protocol):
    """One family's vocabulary and the way between notes and token ids."""

    family: str
    ticks_per_beat: int
    step_ticks: int
    """The improviser plans at most so many ticks at once."""
    tempo_bpm: float | None
    """Where a tick is a fixed time, the tempo that ticks_per_beat counts by; None: the tempo is free."""
    performs: bool
    """Whether the tokens bring velocities and timing of their own, so that nothing is added to them."""
    planned: bool
    """Whether the network is told a plan beside the commands (improv.model.plan_inputs)."""
    size: int
    start_id: int
    end_id: int
    starts: slice
    """The range of ids that start a note."""
    start_pitches: IntArray
    """Pitch of each id in `starts`."""
    announcements: slice
    """The range of ids after which a note has to start; empty where there are none."""
    shifts: slice
    """The range of ids that let time go on, by 1, 2, 3 ... ticks; empty where another token does."""

    def begins(self, pitch: int) -> int:
        """The token that starts a note of this pitch; ValueError where the vocabulary has none."""
        ...

    def starts_note(self, token_id: int) -> bool:
        """Whether the token starts a note."""
        ...

    @property
    def fingerprint(self) -> str:
        """Short hash of the whole vocabulary; a model of another fingerprint must not be fed these ids."""
        ...

    def encode(self, notes: Iterable[Note], steps: int | None = None, extras: Extras = NO_EXTRAS) -> list[int]:
        """Token ids of notes on this family's grid, from tick 0 to `steps` (default: the last note's end).

        extras: what the vocabulary has no token for is left out.
        """
        ...

    def decode(self, token_ids: Iterable[int]) -> list[Note]:
        """Notes of a token sequence. Never fails on ids in range; ValueError names an id out of range."""
        ...

    def ticks(self, token_ids: IntArray) -> IntArray:
        """The tick that each token belongs to; a token that moves time on belongs to the tick where it is read."""
        ...

    def transpose(self, token_ids: IntArray, semitones: int) -> IntArray:
        """The same music higher; the caller makes sure that no pitch leaves 0..127."""
        ...

    def pitch_range(self, token_ids: IntArray) -> tuple[int, int]:
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


def ticks_before(token_ids: IntArray, shifts: slice) -> IntArray:
    """Ticks from the first token to each, shape (tokens,). shifts: the ids that go on by 1, 2, ... ticks."""
    ids = np.asarray(token_ids, dtype=np.int64)
    moved = np.where((ids >= shifts.start) & (ids < shifts.stop), ids - shifts.start + 1, 0)
    return np.concatenate([[0], np.cumsum(moved)[:-1]]) if len(ids) else ids


def into_range(pitch: int, lowest: int, highest: int) -> int:
    """The pitch, moved by octaves until it lies in lowest..highest (at least an octave wide)."""
    below, above = max(lowest - pitch, 0), max(pitch - highest, 0)
    return pitch + 12 * -(-below // 12) - 12 * -(-above // 12)
