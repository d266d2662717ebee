"""What a model without a network varies: the last bars that were played, again and again, more and less freely."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from improv.improviser.planned_step import PlannedStep
from improv.listening.influence import Quote
from improv.music.position import Position

BARS = 8
"""A phrase: what is varied."""
WEIGHTS = (1.6, 1.0, 1.4, 0.8)
"""How literally each round brings the bars again; after these what was made of them is varied."""


class Bar(NamedTuple):
    """beats: its length in quarters. onsets: (quarters since its beginning, pitches), ascending."""

    beats: float
    onsets: tuple[tuple[float, tuple[int, ...]], ...]


def whole_bars(steps: Iterable[PlannedStep], before: Position, most: int = BARS) -> list[Bar]:
    """The last whole bars of the steps before a position's bar, the earliest first; steps ascend, of whatever grid."""
    found: list[Bar] = []
    onsets: list[tuple[float, tuple[int, ...]]] = []
    number, last = before.bar, before.bar - 1
    for step in reversed(list(steps)):
        position = step.position
        if position.bar > last:
            continue
        if position.bar != number:
            if position.bar != last - len(found):  # a gap, or another piece
                break
            number, onsets = position.bar, []
        if step.started:
            onsets.append((position.beat_in_bar, tuple(sorted({note.pitch for note in step.started}))))
        if position.tick == position.bar_tick:
            found.append(Bar(position.beats_per_bar, tuple(reversed(onsets))))
            if len(found) == most:
                break
    return found[::-1]


def quoted(bars: list[Bar], now: Position) -> Quote | None:
    """The bars again and again from the position's bar on, on its grid; None where nothing begins in them."""
    grid = now.ticks_per_beat
    onsets: dict[int, set[int]] = {}
    beats = 0.0
    for bar in bars:
        for beat, pitches in bar.onsets:
            onsets.setdefault(round((beats + beat) * grid), set()).update(pitches)
        beats += bar.beats
    length = round(beats * grid)
    inside = tuple((tick, tuple(sorted(pitches))) for tick, pitches in sorted(onsets.items()) if tick < length)
    return Quote(now.bar_tick, length, inside, WEIGHTS[0], loops=True) if inside else None


class LastBars:
    """The bars that are varied, and how freely in this round."""

    def __init__(self) -> None:
        self._quote: Quote | None = None
        self._looked_bar = -1

    def stop(self) -> None:
        """A network plays again."""
        self._quote, self._looked_bar = None, -1

    def quote(self, steps: Iterable[PlannedStep], now: Position) -> Quote | None:
        """What is come back to at a position. steps: that were planned, ascending."""
        rounds = 0 if self._quote is None else max(now.tick - self._quote.begins_tick, 0) // self._quote.length_ticks
        if (self._quote is None or rounds >= len(WEIGHTS)) and now.bar != self._looked_bar:
            self._looked_bar, rounds = now.bar, 0
            self._quote = quoted(whole_bars(steps, now), now) or self._quote
        return None if self._quote is None else self._quote._replace(weight=WEIGHTS[rounds % len(WEIGHTS)])
