"""Bars that somebody else played before the music begins: what it goes on from. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from improv.music.chord import Chord
from improv.music.note import Note

TICKS_PER_BEAT = 12
MOST_BARS, MOST_NOTES = 8, 512
"""A phrase; no two hands strike more keys in it."""
SHORTEST_BAR, LONGEST_BAR = 1.0, 16.0
"""Quarters."""


class PrimerNote(NamedTuple):
    """tick, ticks: onset since the first bar line and length, TICKS_PER_BEAT to a quarter. hand: 0 left, 1 right."""

    tick: int
    pitch: int
    ticks: int
    velocity: int
    hand: int


class PrimerChord(NamedTuple):
    """A chord that holds from a tick on."""

    tick: int
    chord: Chord


@dataclass(frozen=True, slots=True)
class Primer:
    """Whole bars of one length. name: where they come from, in words. notes: ascending; none is longer than the bars.
    key: 0..23. chords: ascending, one on each bar line at least.
    """

    name: str
    bars: int
    beats_per_bar: float
    tempo_bpm: float
    key: int
    notes: tuple[PrimerNote, ...]
    chords: tuple[PrimerChord, ...]

    @property
    def bar_ticks(self) -> int:
        """Length of a bar."""
        return round(self.beats_per_bar * TICKS_PER_BEAT)

    @property
    def ticks(self) -> int:
        """Length of the whole."""
        return self.bars * self.bar_ticks

    def on_grid(self, rate: float) -> list[Note]:
        """The notes on a grid of `rate` times as many ticks."""
        return [
            Note(round(one.tick * rate), one.pitch, max(round(one.ticks * rate), 1), one.velocity) for one in self.notes
        ]
