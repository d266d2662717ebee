"""Measures of loudness and time. NaN where velocities or seconds are not the music's own."""

from __future__ import annotations

import math

import numpy as np

from training.evaluation.composition.harmony import mean
from training.evaluation.composition.music import TICKS_PER_BEAT, FloatArray
from training.evaluation.composition.reading import Reading


def loudness_range(reading: Reading) -> float:
    """Velocities from the 5th to the 95th percentile."""
    if not reading.music.has_dynamics:
        return math.nan
    low, high = np.percentile(reading.music.notes["velocity"], [5, 95])
    return float(high - low)


def loudness_change(reading: Reading) -> float:
    """Mean change of a bar's mean velocity to the next."""
    loudness = _loudness(reading)
    return mean(np.abs(np.diff(loudness))) if reading.music.has_dynamics else math.nan


def loudness_arc(reading: Reading) -> float:
    """Standard deviation of the mean velocity of four bars."""
    loudness = _loudness(reading)
    fours = [loudness[first : first + 4].mean() for first in range(0, len(loudness) - 3, 4)]
    return float(np.std(fours)) if reading.music.has_dynamics and len(fours) > 1 else math.nan


def _loudness(reading: Reading) -> FloatArray:
    music = reading.music
    sums = np.bincount(music.bar_of, weights=music.notes["velocity"], minlength=music.bars)
    return sums[reading.notes_in_bar > 0] / reading.notes_in_bar[reading.notes_in_bar > 0]


def melody_louder(reading: Reading) -> float:
    """By how many velocities the melody is louder than all other notes."""
    velocity = reading.music.notes["velocity"]
    other = np.ones(len(velocity), dtype=bool)
    other[reading.melody] = False
    if not reading.music.has_dynamics or not other.any() or other.all():
        return math.nan
    return float(velocity[~other].mean() - velocity[other].mean())


def _beat_s(reading: Reading) -> FloatArray:
    """Seconds of a quarter note in each bar."""
    music = reading.music
    return np.diff(music.line_s) / (np.diff(music.lines) / TICKS_PER_BEAT)


def tempo_bpm(reading: Reading) -> float:
    """Quarter notes per minute, mean."""
    return 60 * reading.music.beats / float(reading.music.line_s[-1] - reading.music.line_s[0])


def bar_variation(reading: Reading) -> float:
    """Standard deviation of the length of the quarter note from bar to bar, percent of its mean."""
    beat_s = _beat_s(reading)[:-1]  # the last bar may be cut
    return 100 * float(beat_s.std() / beat_s.mean()) if reading.music.has_tempo and len(beat_s) > 1 else math.nan


def tempo_change(reading: Reading) -> float:
    """Mean change of the tempo from bar to bar, percent."""
    beat_s = _beat_s(reading)[:-1]
    if not reading.music.has_tempo or len(beat_s) < 2:
        return math.nan
    return 100 * mean(np.abs(np.diff(beat_s)) / beat_s[:-1])


def articulation(reading: Reading) -> float:
    """Length of the melody's notes over the time to the next one, .25..1, mean."""
    notes = reading.music.notes[reading.melody]
    gaps = np.diff(notes["onset"])
    return mean(np.clip(notes["duration"][:-1] / np.maximum(gaps, 1), 0.25, 1))
