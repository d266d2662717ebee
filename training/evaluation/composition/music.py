"""Barred music: notes with bar lines and seconds, the one form in which people's and our music are compared."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from training.analysis import hands

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

TICKS_PER_BEAT = 24
"""Of a quarter note: 32nds and sextuplets fall on ticks, quintuplets next to one."""
RIGHT, LEFT, UNKNOWN = hands.RIGHT, hands.LEFT, -1
# onset and duration in ticks, pitch 0..127, velocity 1..127, hand LEFT, RIGHT or UNKNOWN.
BARRED_NOTE = np.dtype([("onset", "i8"), ("duration", "i8"), ("pitch", "i8"), ("velocity", "i8"), ("hand", "i8")])


@dataclass(frozen=True)
class BarredMusic:
    """A stretch of music that begins with a bar line.

    notes: dtype BARRED_NOTE, sorted by onset, then pitch; tick 0 is the first bar line. lines: ticks of each bar's
    beginning and of the last one's end, shape (bars + 1,). line_s: seconds of the same places. has_dynamics, has_tempo:
    whether velocities and seconds are the music's own. mood: name of the corner that it was commanded, or measured.
    pedals: ticks between which the sustain pedal is down, ascending, int64 (spans, 2).
    """

    name: str
    notes: NDArray[np.void]
    lines: IntArray
    line_s: FloatArray
    has_dynamics: bool = True
    has_tempo: bool = True
    mood: str = ""
    pedals: IntArray = field(default_factory=lambda: np.zeros((0, 2), dtype=np.int64))

    @property
    def bars(self) -> int:
        return len(self.lines) - 1

    @property
    def has_pedal(self) -> bool:
        """Whether a sustain pedal is used at all."""
        return len(self.pedals) > 0

    @property
    def beats(self) -> float:
        """Quarter notes in all."""
        return float(self.lines[-1] - self.lines[0]) / TICKS_PER_BEAT

    @property
    def onset_beats(self) -> FloatArray:
        return np.asarray(self.notes["onset"] / TICKS_PER_BEAT)

    @property
    def duration_beats(self) -> FloatArray:
        return np.asarray(self.notes["duration"] / TICKS_PER_BEAT)

    @property
    def end(self) -> IntArray:
        """The tick after each note."""
        return np.asarray(self.notes["onset"] + self.notes["duration"])

    @property
    def bar_of(self) -> IntArray:
        """The bar in which each note begins, from 0."""
        return np.searchsorted(self.lines, self.notes["onset"], side="right") - 1

    @property
    def place(self) -> IntArray:
        """Ticks from the bar line to each note."""
        return np.asarray(self.notes["onset"] - self.lines[self.bar_of])

    def first(self, seconds: float) -> BarredMusic:
        """The whole bars within the first so many seconds, at least one."""
        bars = max(int(np.searchsorted(self.line_s, self.line_s[0] + seconds + 1e-6, side="right")) - 1, 1)
        return self.between(0, min(bars, self.bars))

    def between(self, first: int, last: int) -> BarredMusic:
        """Bars first..last-1; notes that are still held at the end are cut there."""
        begin, end = self.lines[first], self.lines[last]
        notes = self.notes[(self.notes["onset"] >= begin) & (self.notes["onset"] < end)].copy()
        notes["duration"] = np.minimum(notes["duration"], end - notes["onset"])
        notes["onset"] -= begin
        lines, line_s = self.lines[first : last + 1], self.line_s[first : last + 1]
        pedals = np.clip(self.pedals, begin, end) - begin
        pedals = pedals[pedals[:, 1] > pedals[:, 0]]
        return replace(self, notes=notes, lines=lines - begin, line_s=line_s - line_s[0], pedals=pedals)


def sort(notes: NDArray[np.void]) -> NDArray[np.void]:
    """By onset, then pitch."""
    return notes[np.lexsort((notes["pitch"], notes["onset"]))]


def shuffled(music: BarredMusic, rng: np.random.Generator) -> BarredMusic:
    """The same bars in random order: what is inside a bar stays, what leads from one to the next is gone.

    A bar takes its length in beats and in seconds along; a note held over the bar line keeps its length.
    """
    order = rng.permutation(music.bars)
    lengths, seconds = np.diff(music.lines)[order], np.diff(music.line_s)[order]
    lines = np.concatenate([[0], np.cumsum(lengths)])
    new_place = np.empty(music.bars, dtype=np.int64)
    new_place[order] = np.arange(music.bars)
    notes = music.notes.copy()
    notes["onset"] = lines[new_place[music.bar_of]] + music.place
    notes["duration"] = np.minimum(notes["duration"], lines[-1] - notes["onset"])
    line_s = np.concatenate([[0.0], np.cumsum(seconds)])
    name = f"{music.name}, bars shuffled"
    pedals = _moved(music, lines[new_place])
    return replace(music, name=name, notes=sort(notes), lines=lines, line_s=line_s, pedals=pedals)


def _moved(music: BarredMusic, lines: IntArray) -> IntArray:
    """The pedals with each bar at another place, cut at bar lines. lines: where each bar begins then."""
    found = []
    for bar, line in enumerate(lines.tolist()):
        begin, end = music.lines[bar : bar + 2]
        here = music.pedals[(music.pedals[:, 1] > begin) & (music.pedals[:, 0] < end)]
        found.append(np.clip(here, begin, end) - begin + line)
    moved = np.concatenate(found)
    return np.asarray(moved[moved[:, 0].argsort()])
