"""Small pieces with known hands, bars and chords, for the tests of the analysis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.analysis.music import Music, TimeSignature, music

Row = tuple[float, float, int, int]
COMMON = (TimeSignature(0.0, 4, 4),)


def of_rows(
    rows: Sequence[Row], signatures: tuple[TimeSignature, ...] = COMMON, names: tuple[str, ...] = ("right", "left")
) -> Music:
    """Rows of (onset, duration, pitch, track), beats."""
    onset, duration, pitch, track = (np.array(column) for column in zip(*rows, strict=True))
    beats = onset.astype(float), duration.astype(float)
    return music(*beats, pitch, track=track, track_names=names, time_signatures=signatures)


def moved(rows: Sequence[Row], semitones: int = 0, beats: float = 0) -> list[Row]:
    """The same music at another pitch and another time."""
    return [(onset + beats, length, pitch + semitones, track) for onset, length, pitch, track in rows]


def block(at: float, length: float, bass: int, *upper: int) -> list[Row]:
    """A chord: its bass in the left hand, the rest in the right."""
    return [(at, length, bass, 1), *((at, length, pitch, 0) for pitch in upper)]


def alberti(at: float, low: int, middle: int, high: int) -> list[Row]:
    """Half a bar of an Alberti figure in eighths, in the left hand."""
    return [(at + n / 2, 0.5, pitch, 1) for n, pitch in enumerate((low, high, middle, high))]


def cadence_in_c() -> list[Row]:
    """Two bars of 4/4: I, IV, V7, I, each half a bar."""
    return [
        *block(0, 2, 48, 64, 67, 72),
        *block(2, 2, 53, 65, 69, 72),
        *block(4, 2, 43, 65, 71, 74),
        *block(6, 2, 48, 64, 67, 72),
    ]
