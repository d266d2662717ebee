"""Measures of what comes back, and of the form of ten minutes."""

from __future__ import annotations

import math

import numpy as np

from improv.music.attributes import mode_of
from training.corpus.keys import KeyFound, histogram, temperley
from training.evaluation.composition.harmony import mean
from training.evaluation.composition.music import BarredMusic, BoolArray, FloatArray
from training.evaluation.composition.reading import Reading, likeness

SAME = 0.6  # so alike, two bars are one
LEAST_NOTES = 3
HALF_MINUTE_S, MINUTE_S, LATE_S = 30.0, 60.0, 120.0


def _best(reading: Reading, nearest: int, farthest: int) -> FloatArray:
    """For each bar with three notes and more the likeness to the most alike of the bars so many before it."""
    bars = reading.bar_patterns
    found = [
        max((likeness(bar, bars[j]) for j in range(max(i - farthest, 0), i - nearest + 1)), default=0.0)
        for i, bar in enumerate(bars)
        if i >= nearest and len(bar) >= LEAST_NOTES
    ]
    return np.array(found)


def soon(reading: Reading) -> float:
    """Share of bars that were heard within the four bars before, at the same pitch."""
    return mean(_best(reading, 1, 4) >= SAME)


def later(reading: Reading) -> float:
    """Share of bars that were heard five bars ago or earlier."""
    return mean(_best(reading, 5, 1_000_000) >= SAME)


def best_likeness(reading: Reading) -> float:
    """Mean likeness of a bar to the most alike of the 48 bars before it."""
    return mean(_best(reading, 1, 48))


def neighbours(reading: Reading) -> float:
    """Mean likeness of a bar to the one before it."""
    return mean(_best(reading, 1, 1))


def after_minutes(reading: Reading) -> float:
    """Share of the bars from two minutes on that were heard two minutes before or earlier."""
    bars, at_s = reading.bar_patterns, reading.music.line_s[:-1]
    found = []
    for i, bar in enumerate(bars):
        before = np.flatnonzero(at_s <= at_s[i] - LATE_S)
        if len(before) and len(bar) >= LEAST_NOTES:
            found.append(any(likeness(bar, bars[j]) >= SAME for j in before))
    return mean(np.array(found))


def comes_home(reading: Reading) -> float:
    """1 where the last minute is in the key of the first, else 0; NaN for less than three minutes."""
    music = reading.music
    if music.line_s[-1] < 3 * MINUTE_S:
        return math.nan
    first, last = _key(music, 0.0, MINUTE_S), _key(music, float(music.line_s[-1]) - MINUTE_S, math.inf)
    return float(first is not None and last is not None and first[:2] == last[:2])


def _key(music: BarredMusic, from_s: float, to_s: float) -> KeyFound | None:
    at_s = music.line_s[music.bar_of]
    inside = (at_s >= from_s) & (at_s < to_s)
    pitch, duration = music.notes["pitch"][inside], music.notes["duration"][inside]
    return temperley(histogram(pitch, duration))


CONTRASTS = {"notes per second": 2.0, "pitch": 5.0, "loudness": 10.0, "notes at once": 0.7, "major, minor": 0.25}
"""What half-minutes differ by, with the standard deviation within a piece that stands for 1."""


def contrast(reading: Reading) -> float:
    """How much the half-minutes of a piece differ: standard deviation of five features over the half-minutes, each in
    the unit of CONTRASTS, mean. NaN for fewer than four half-minutes."""
    music = reading.music
    window = (music.line_s[:-1] // HALF_MINUTE_S).astype(np.int64)
    of_note = window[music.bar_of]
    windows = int(music.line_s[-1] // HALF_MINUTE_S)
    if windows < 4:
        return math.nan
    rows = [_features(music, of_note == index) for index in range(windows) if (of_note == index).sum() >= 4]
    return float((np.std(rows, axis=0) / np.array(list(CONTRASTS.values()))).mean())


def _features(music: BarredMusic, chosen: BoolArray) -> list[float]:
    notes = music.notes[chosen]
    together = len(notes) / len(np.unique(notes["onset"]))
    return [
        len(notes) / HALF_MINUTE_S,
        float(notes["pitch"].mean()),
        float(notes["velocity"].mean()),
        together,
        mode_of(histogram(notes["pitch"], notes["duration"])),
    ]
