"""Barred music of a few bars with known chords, figures and melodies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.evaluation.composition.music import BARRED_NOTE, TICKS_PER_BEAT, UNKNOWN, BarredMusic, sort

Row = tuple[float, float, int]
"""Onset and duration in quarter notes, and pitch."""
BEAT_S = 0.5


def of_rows(rows: Sequence[Row], bars: int, beats_per_bar: float = 4.0, velocity: int = 80) -> BarredMusic:
    """4/4 at 120 quarter notes a minute unless said."""
    notes = np.array(
        [(round(24 * at), round(24 * length), pitch, velocity, UNKNOWN) for at, length, pitch in rows],
        dtype=BARRED_NOTE,
    )
    lines = np.round(np.arange(bars + 1) * beats_per_bar * TICKS_PER_BEAT).astype(np.int64)
    return BarredMusic("tune", sort(notes), lines, lines / TICKS_PER_BEAT * BEAT_S, mood="happy")


def chord(at: float, length: float, *pitches: int) -> list[Row]:
    return [(at, length, pitch) for pitch in pitches]


def alberti(at: float, low: int, middle: int, high: int) -> list[Row]:
    """A bar of eighths in the left hand."""
    return [(at + n / 2, 0.5, pitch) for n, pitch in enumerate((low, high, middle, high) * 2)]


def line(at: float, *notes: tuple[float, int]) -> list[Row]:
    """One note after the other: duration and pitch."""
    rows = []
    for length, pitch in notes:
        rows.append((at, length, pitch))
        at += length
    return rows


MOTIF = ((1.5, 72), (0.5, 74), (1.0, 76), (1.0, 79))


def period() -> BarredMusic:
    """Eight bars in C over an Alberti bass: I I IV I | ii6 V I I; the motif in bar 1, moved up in 2, as it was in 5."""
    harmonies = [(48, 52, 55), (48, 52, 55), (53, 57, 60), (48, 52, 55), (53, 57, 62), (43, 50, 59), (48, 52, 55)]
    rows = [row for bar, tones in enumerate(harmonies) for row in alberti(4 * bar, *tones)]
    rows += line(0, *MOTIF)
    rows += line(4, *((length, pitch + above) for (length, pitch), above in zip(MOTIF, (4, 3, 3, 5), strict=True)))
    rows += line(8, (1, 81), (1, 79), (1, 77), (1, 77))
    rows += line(12, (4, 76))
    rows += line(16, *MOTIF)
    rows += line(20, (1, 74), (1, 79), (1, 77), (1, 74))
    rows += line(24, (4, 72))
    rows += [*chord(28, 4, 48, 55, 64, 72)]
    return of_rows(rows, 8)
