"""Bars: where each begins, how long it is, and which place in a whole bar its first tick has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from training.analysis.barlines import evidence, first_beats
from training.analysis.music import TICKS_PER_BEAT, FloatArray, IntArray, Music, TimeSignature


@dataclass(frozen=True)
class Bars:
    """All bars of a piece, from the bar line at or before its first note to its end; arrays of shape (bars,), ticks.

    start: first tick. length: up to the next bar line. whole: the length that the time signature gives. lead: the place
    in a whole bar that the first tick has: 0 but for pickups, whose notes stand at the end of a bar. pulse: length of
    a felt beat (a quarter in 4/4, a dotted quarter in 6/8).
    """

    start: IntArray
    length: IntArray
    whole: IntArray
    lead: IntArray
    pulse: IntArray

    def __len__(self) -> int:
        return len(self.start)

    @property
    def end_tick(self) -> int:
        """The tick behind the last bar."""
        return int(self.start[-1] + self.length[-1])

    @property
    def lines(self) -> IntArray:
        """The ticks of the bar lines: the starts of all bars but a pickup."""
        return np.asarray(self.start[self.lead == 0])

    def of(self, ticks: IntArray) -> IntArray:
        """The bar that each tick lies in: 0 for what is before the first, the last for what is behind."""
        return np.asarray(np.clip(np.searchsorted(self.start, ticks, side="right") - 1, 0, len(self) - 1))

    def place(self, ticks: IntArray) -> IntArray:
        """Ticks since the bar line that a whole bar would have begun with, for each tick."""
        bar = self.of(ticks)
        return np.asarray(ticks - self.start[bar] + self.lead[bar])


def bars(music: Music, *, search: bool = True) -> Bars:
    """The bars that the time signatures draw, moved where the music says that they are wrong.

    A signature draws a bar line where it stands; a bar that the next signature cuts off is short. Within the reach of
    one signature the lines are moved when the notes speak clearly for it (see `barlines.first_beats`); not with
    `search` off, nor where the source draws its own, nor where signatures change every few bars, nor in a file that
    begins with a rest: whoever wrote that has counted from a bar line. A short bar at the beginning is a pickup. Two
    neighbours that together make up a bar of the metre around them are one: repeats cut bars in two.
    """
    onsets, end = music.onset_ticks, int(music.end_ticks.max())
    drawn = _drawn(music, end, search=search)
    rows = drawn if music.has_bars else _merged(drawn)
    first = max(sum(start <= onsets[0] for start, _, _ in rows) - 1, 0)
    rows = rows[first:]
    start, length, whole, pulse = (
        np.array(column, dtype=np.int64)
        for column in zip(*((s, n, t.bar_ticks, t.pulse_ticks) for s, n, t in rows), strict=True)
    )
    lead = np.zeros_like(start)
    if first == 0 and len(rows) > 1 and length[0] < whole[1]:
        lead[0], whole[0], pulse[0] = whole[1] - length[0], whole[1], pulse[1]
    return Bars(start, length, whole, lead, pulse)


_Row = tuple[int, int, TimeSignature]
_FEWEST_BARS = 6  # within one signature, for the lines to be searched


def _drawn(music: Music, end: int, *, search: bool) -> list[_Row]:
    """(start, length, signature) of each bar, ticks."""
    signatures = _told_apart(music.time_signatures)
    at = [round(signature.beat * TICKS_PER_BEAT) for signature in signatures]
    at[0] = min(at[0], 0)
    search &= not music.has_bars and at[0] == 0 and int(music.onset_ticks[0]) == 0
    odds: dict[tuple[int, int], FloatArray] = {}
    rows: list[_Row] = []
    for (start, stop), signature in zip(pairwise([*at, max(end, at[-1] + 1)]), signatures, strict=True):
        size, last = max(signature.bar_ticks, 1), signature is signatures[-1]
        lines = np.arange(start, stop, size)
        unit = min(max(2 * TICKS_PER_BEAT // signature.denominator, 3), 6)
        if search and stop - start >= _FEWEST_BARS * size and size % unit == 0:
            kind = unit, signature.pulse_ticks
            if kind not in odds:
                odds[kind] = evidence(music, *kind)
            here = odds[kind][start // unit : stop // unit]
            found = first_beats(here, size // unit, begins=start == 0, closes=not last)
            lines = np.unique([start, *(start + unit * np.flatnonzero(found))])
        ends = [*lines[1:].tolist(), lines[-1] + size if last else stop]
        rows.extend((line, until - line, signature) for line, until in zip(lines.tolist(), ends, strict=True))
    return rows


def _told_apart(signatures: tuple[TimeSignature, ...]) -> list[TimeSignature]:
    """Without those that stand where another follows at once, or that only say again what holds on a bar line."""
    out: list[TimeSignature] = []
    for signature in signatures:
        if out and round((signature.beat - out[-1].beat) * TICKS_PER_BEAT) <= 0:
            out[-1] = replace(signature, beat=out[-1].beat)
        elif not out or not _says_again(out[-1], signature):
            out.append(signature)
    return out


def _says_again(last: TimeSignature, signature: TimeSignature) -> bool:
    same = (last.numerator, last.denominator) == (signature.numerator, signature.denominator)
    return same and round((signature.beat - last.beat) * TICKS_PER_BEAT) % max(last.bar_ticks, 1) == 0


def _merged(rows: list[_Row]) -> list[_Row]:
    """Short neighbours joined where they make up a bar of the metre that follows or went before."""
    out: list[_Row] = []
    for index, row in enumerate(rows):
        around = [r[2].bar_ticks for r in rows[index + 1 : index + 2]] + [r[2].bar_ticks for r in out[-2:-1]]
        if out and out[-1][1] + row[1] in around and max(out[-1][1], row[1]) < max(around) and len(out) > 1:
            whole = next(r[2] for r in (*rows[index + 1 : index + 2], *out[-2:-1]) if r[2].bar_ticks in around)
            out[-1] = (out[-1][0], out[-1][1] + row[1], whole)
        else:
            out.append(row)
    return out
