"""Measures of the sustain pedal. NaN where the music has none."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np

from improv.improviser.pedalling import LOW_PITCH
from training.evaluation.composition.harmony import chord_changes, mean
from training.evaluation.composition.music import TICKS_PER_BEAT, BarredMusic, BoolArray, IntArray
from training.evaluation.composition.reading import Reading
from training.evaluation.composition.texture import clashes

NEAR_TICKS = TICKS_PER_BEAT // 4
"""What the foot does so near to a beat belongs to it."""
NEAR_TONES = 2
"""Semitones between tones that rumble deep down."""


def share_down(reading: Reading) -> float:
    """Share of the time, in beats, with the pedal down."""
    music = reading.music
    if not music.has_pedal:
        return math.nan
    return float((music.pedals[:, 1] - music.pedals[:, 0]).sum()) / float(music.lines[-1])


def presses(reading: Reading) -> float:
    """How often it goes down in four quarter notes."""
    return 4 * len(reading.music.pedals) / reading.music.beats if reading.music.has_pedal else math.nan


def _on(ticks: IntArray, places: IntArray) -> BoolArray:
    """Which of the ticks lie near one of the places, both ascending."""
    if not len(places):
        return np.zeros(len(ticks), dtype=bool)
    after = np.minimum(np.searchsorted(places, ticks), len(places) - 1)
    before = np.maximum(after - 1, 0)
    return np.asarray(np.minimum(abs(places[after] - ticks), abs(ticks - places[before])) <= NEAR_TICKS)


def rises_on_changes(reading: Reading) -> float:
    """Share of its rises where the chord changes."""
    places = reading.harmony.start[chord_changes(reading.harmony)]
    return mean(_on(reading.music.pedals[:, 1], places)) if reading.music.has_pedal else math.nan


def rises_on_beats(reading: Reading) -> float:
    """Share of its rises on beats."""
    return mean(_on(reading.music.pedals[:, 1], reading.harmony.start)) if reading.music.has_pedal else math.nan


def changes_lifted(reading: Reading) -> float:
    """Share of the changes of chord with the pedal down before them at which it rises."""
    music = reading.music
    if not music.has_pedal:
        return math.nan
    places = reading.harmony.start[chord_changes(reading.harmony)]
    down, up = music.pedals[:, 0], music.pedals[:, 1]
    span = np.searchsorted(down, places - NEAR_TICKS, side="right") - 1
    is_down = (span >= 0) & (up[np.maximum(span, 0)] >= places - NEAR_TICKS)
    return mean(_on(places[is_down], up))


def ringing(music: BarredMusic) -> BarredMusic:
    """The music with every note as long as its string rings: until the pedal rises or the key is struck again."""
    notes, end = music.notes.copy(), music.end.copy()
    span = np.searchsorted(music.pedals[:, 0], end, side="right") - 1
    held = (span >= 0) & (end < music.pedals[np.maximum(span, 0), 1])
    end[held] = music.pedals[span[held], 1]
    for pitch in np.unique(notes["pitch"]):
        same = np.flatnonzero(notes["pitch"] == pitch)
        following = np.append(notes["onset"][same][1:], np.iinfo(np.int64).max)
        end[same] = np.maximum(np.minimum(end[same], following), music.end[same])
    notes["duration"] = end - notes["onset"]
    return replace(music, notes=notes)


def clashes_that_ring(reading: Reading) -> float:
    """Semitone clashes among what rings: `texture.clashes` of the lengths that the pedal gives."""
    return clashes(Reading(ringing(reading.music))) if reading.music.has_pedal else math.nan


def mud(reading: Reading) -> float:
    """Share of struck sounds in which tones below G3 a tone or less apart ring together."""
    if not reading.music.has_pedal:
        return math.nan
    moments = Reading(ringing(reading.music)).moments
    return mean(np.array([_is_mud(pitches) for pitches in moments], dtype=bool))


def _is_mud(pitches: IntArray) -> bool:
    return any(low < LOW_PITCH and 1 <= high - low <= NEAR_TONES for low, high in pairwise(pitches.tolist()))
