"""Measures of the melody, the top line. Each takes a Reading and returns one number, NaN where nothing can be said."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from training.analysis.chords import TONES
from training.evaluation.composition.harmony import mean, phrase_ends
from training.evaluation.composition.music import TICKS_PER_BEAT, IntArray
from training.evaluation.composition.reading import Reading

RETURN_BARS = 8
LEAST_NOTES = 3  # a bar of melody with fewer has no rhythm of its own
Bar = Sequence[tuple[int, int]]


def _pitches(reading: Reading) -> IntArray:
    return reading.music.notes["pitch"][reading.melody]


def rhythm(bar: Bar) -> tuple[int, ...]:
    """Places of a bar's melody."""
    return tuple(place for place, _ in bar)


def _returns(reading: Reading, alike: Callable[[Bar, Bar], bool]) -> float:
    """Share of all bars whose melody is like that of one of the eight bars before."""
    bars = reading.melody_bars
    found = [
        len(bar) >= LEAST_NOTES and any(alike(bar, bars[j]) for j in range(max(i - RETURN_BARS, 0), i))
        for i, bar in enumerate(bars)
    ]
    return mean(np.array(found[1:]))


def rhythm_returns(reading: Reading) -> float:
    """Share of bars whose melody rhythm, three notes and more, was heard within the eight bars before."""
    return _returns(reading, lambda bar, earlier: rhythm(bar) == rhythm(earlier))


def returns_literally(reading: Reading) -> float:
    """Share of bars whose melody was heard within the eight bars before, at the same pitch."""
    return _returns(reading, lambda bar, earlier: bar == earlier)


def returns_moved(reading: Reading) -> float:
    """Share of bars whose melody was heard in the eight bars before with the same rhythm and contour, at another pitch:
    a sequence or a variation. Contour: every interval within two semitones, in the same direction."""
    return _returns(reading, _moved)


def _moved(bar: Bar, earlier: Bar) -> bool:
    if rhythm(bar) != rhythm(earlier) or bar == earlier:
        return False
    one, other = (np.diff([pitch for _, pitch in rows]) for rows in (bar, earlier))
    return bool(((np.sign(one) == np.sign(other)) & (np.abs(one - other) <= 2)).all())


def repeats_tone(reading: Reading) -> float:
    """Share of the melody's moves that repeat its tone."""
    return mean(np.diff(_pitches(reading)) == 0)


def _moves(reading: Reading) -> IntArray:
    moves = np.diff(_pitches(reading))
    return np.asarray(moves[moves != 0])


def steps(reading: Reading) -> float:
    """Share of the melody's moves of a tone or less, repetitions left out."""
    return mean(np.abs(_moves(reading)) <= 2)


def leaps(reading: Reading) -> float:
    """Share of the melody's moves of more than a fifth."""
    return mean(np.abs(_moves(reading)) > 7)


def turns(reading: Reading) -> float:
    """Share of the melody's moves that go on in the other direction than the move before."""
    moves = np.sign(_moves(reading))
    return mean(moves[1:] != moves[:-1])


def leaps_recovered(reading: Reading) -> float:
    """Share of leaps of more than a fourth that are followed by a move in the other direction."""
    moves = _moves(reading)
    after = moves[1:][np.abs(moves[:-1]) > 5]
    return mean(np.sign(after) != np.sign(moves[:-1][np.abs(moves[:-1]) > 5]))


def range_in_four_bars(reading: Reading) -> float:
    """Semitones that the melody spans within four bars, mean."""
    bar = reading.music.bar_of[reading.melody] // 4
    pitch = _pitches(reading)
    return mean(np.array([np.ptp(pitch[bar == one]) for one in np.unique(bar)]))


def entropy_of_moves(reading: Reading) -> float:
    """Bits in the melody's moves, clipped to an octave."""
    return _entropy(np.clip(np.diff(_pitches(reading)), -12, 12))


def entropy_of_times(reading: Reading) -> float:
    """Bits in the times between the melody's onsets."""
    return _entropy(np.diff(reading.music.notes["onset"][reading.melody]))


def _entropy(values: IntArray) -> float:
    if not len(values):
        return math.nan
    counts = np.unique(values, return_counts=True)[1] / len(values)
    return float(-(counts * np.log2(counts)).sum())


def notes_in_melody(reading: Reading) -> float:
    """Notes of the melody per quarter note."""
    return len(reading.melody) / reading.music.beats


def phrases(reading: Reading) -> float:
    """Phrase ends in 100 quarter notes."""
    return 100 * len(phrase_ends(reading)) / reading.music.beats


def phrase_regularity(reading: Reading) -> float:
    """Share of the distances between phrase ends that are whole bars, to an eighth."""
    at = reading.music.notes["onset"][phrase_ends(reading)]
    if len(at) < 2:
        return math.nan
    bar = float(np.median(np.diff(reading.music.lines)))
    off = [abs(gap / bar - round(gap / bar)) * bar for gap in map(float, np.diff(at))]
    return mean(np.array(off) <= TICKS_PER_BEAT / 2)


def on_chord(reading: Reading) -> float:
    """Share of the melody's notes on beats that belong to the chord."""
    h = reading.harmony
    onset = reading.music.notes["onset"][reading.melody]
    beat = np.searchsorted(h.start, onset, side="right") - 1
    at = (h.start[beat] == onset) & h.sounds[beat]
    classes = (_pitches(reading)[at] - h.root[beat][at]) % 12
    return mean(np.array([c in TONES[q] for c, q in zip(classes, h.quality[beat][at], strict=True)]))
