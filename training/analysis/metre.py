"""Bars: where each begins, how long it is, and which place in a whole bar its first tick has."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from training.analysis.music import IntArray, Music, TimeSignature


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

    def of(self, ticks: IntArray) -> IntArray:
        """The bar that each tick lies in: 0 for what is before the first, the last for what is behind."""
        return np.asarray(np.clip(np.searchsorted(self.start, ticks, side="right") - 1, 0, len(self) - 1))

    def place(self, ticks: IntArray) -> IntArray:
        """Ticks since the bar line that a whole bar would have begun with, for each tick."""
        bar = self.of(ticks)
        return np.asarray(ticks - self.start[bar] + self.lead[bar])


def bars(music: Music) -> Bars:
    """The bars that the time signatures draw.

    A signature draws a bar line where it stands; a bar that the next signature cuts off is short. A short bar at the
    beginning (a signature of its own, as pickups are written in MIDI files) is a pickup. Two neighbours that together
    make up a bar of the metre after them are one: repeats cut bars in two.
    """
    onsets, end = music.onset_ticks, int(music.end_ticks.max())
    rows = _merged(_drawn(music.time_signatures, end))
    first = max(sum(start <= onsets[0] for start, _, _ in rows) - 1, 0)
    rows = rows[first:]
    start, length, whole, pulse = (
        np.array(column, dtype=np.int64)
        for column in zip(*((s, n, t.bar_ticks, t.pulse_ticks) for s, n, t in rows), strict=True)
    )
    lead = np.zeros_like(start)
    if len(rows) > 1 and length[0] < whole[1]:
        lead[0], whole[0], pulse[0] = whole[1] - length[0], whole[1], pulse[1]
    return Bars(start, length, whole, lead, pulse)


_Row = tuple[int, int, TimeSignature]


def _drawn(signatures: tuple[TimeSignature, ...], end: int) -> list[_Row]:
    """(start, length, signature) of each bar as drawn, ticks."""
    at = [round(signature.beat * 12) for signature in signatures]
    at[0] = min(at[0], 0)
    rows: list[_Row] = []
    for (start, stop), signature in zip(pairwise([*at, max(end, at[-1] + 1)]), signatures, strict=True):
        size = max(signature.bar_ticks, 1)
        last = start + -(-(stop - start) // size) * size if signature is signatures[-1] else stop
        rows.extend((tick, min(size, last - tick), signature) for tick in range(start, last, size))
    return rows


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
