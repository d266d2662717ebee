"""Measures of harmony. Each takes a Reading and returns one number, NaN where the piece says nothing about it."""

from __future__ import annotations

import math

import numpy as np

from training.corpus.keys import histogram, temperley
from training.evaluation.composition.chords import DOMINANT_SEVENTH, MAJOR, MINOR, Harmony
from training.evaluation.composition.music import TICKS_PER_BEAT, BoolArray, FloatArray, IntArray
from training.evaluation.composition.reading import Reading

SCALE = {True: (0, 2, 4, 5, 7, 9, 11), False: (0, 2, 3, 5, 7, 8, 10, 11)}
"""Semitones above the tonic: major; natural and harmonic minor together."""
FIFTH, FOURTH = 7, 5
PHRASE_END_BEATS = 1.0  # a melody note until the next one, at least so long
PHRASE_END_TIMES = 2.0  # and so many times as long as the median of its piece


def mean(values: FloatArray | IntArray | BoolArray) -> float:
    """NaN of nothing."""
    return float(np.mean(values)) if len(values) else math.nan


def cadences(reading: Reading) -> float:
    """Authentic cadences in root position on a downbeat, per 100 quarter notes.

    The beat before the bar line has the major triad or seventh on the fifth degree with its root in the bass, the first
    beat of the bar the tonic triad with its root in the bass and struck anew.
    """
    return 100 * float(authentic(reading).sum()) / reading.music.beats


def authentic(reading: Reading) -> BoolArray:
    """For each beat whether an authentic cadence arrives there."""
    h = reading.harmony
    home = (h.degree == 0) & np.isin(h.quality, (MAJOR, MINOR)) & h.in_root_position
    struck = np.isin(h.start, reading.music.notes["onset"])
    found = h.downbeat & home & struck
    # The degree of the beat before is counted in the key that it leads to.
    fifth = h.sounds[:-1] & ((h.root[:-1] - h.tonic[h.bar[1:]]) % 12 == FIFTH)
    dominant = fifth & np.isin(h.quality[:-1], (MAJOR, DOMINANT_SEVENTH)) & h.in_root_position[:-1]
    found[1:] &= dominant
    found[:1] = False
    return np.asarray(found)


def phrase_ends(reading: Reading) -> IntArray:
    """Indices of the melody's notes that end a phrase: long until the next one, against what is usual in the piece.

    At least a quarter and twice the median time between onsets of the melody, and longer than the times before and
    after it; the piece's last note does not count.
    """
    onset = reading.music.notes["onset"][reading.melody]
    gaps = np.diff(onset)
    if len(gaps) < 3:
        return np.zeros(0, dtype=np.int64)
    least = max(PHRASE_END_BEATS * TICKS_PER_BEAT, PHRASE_END_TIMES * float(np.median(gaps)))
    inner = np.arange(1, len(gaps) - 1)
    chosen = (gaps[inner] >= least) & (gaps[inner] > gaps[inner - 1]) & (gaps[inner] >= gaps[inner + 1])
    return reading.melody[inner[chosen]]


def ends_at_rest(reading: Reading) -> float:
    """Share of phrase ends over the tonic or the dominant in root position."""
    ends = phrase_ends(reading)
    h = reading.harmony
    beat = np.searchsorted(h.start, reading.music.notes["onset"][ends], side="right") - 1
    return mean(np.isin(h.degree[beat], (0, FIFTH)) & h.in_root_position[beat])


def changes(reading: Reading) -> tuple[IntArray, IntArray]:
    """Beats with another root than the beat before, silence left out; and by how much it rose, semitones 1..11."""
    h = reading.harmony
    at = np.flatnonzero(h.sounds)
    moved = (h.root[at[1:]] - h.root[at[:-1]]) % 12
    return at[1:][moved > 0], moved[moved > 0]


def falls_a_fifth(reading: Reading) -> float:
    """Share of root changes that fall a fifth (or rise a fourth)."""
    return mean(changes(reading)[1] == FOURTH)


def along_the_circle(reading: Reading) -> float:
    """Share of root changes by a fifth in either direction."""
    return mean(np.isin(changes(reading)[1], (FIFTH, FOURTH)))


def by_a_second(reading: Reading) -> float:
    """Share of root changes by a tone or semitone."""
    return mean(np.isin(changes(reading)[1], (1, 2, 10, 11)))


def chord_changes(harmony: Harmony) -> BoolArray:
    """For each beat whether another chord sounds than in the beat before."""
    changed = (np.diff(harmony.root) != 0) | (np.diff(harmony.quality) != 0)
    return np.concatenate([[False], changed & harmony.sounds[1:]])


def changes_per_four_beats(reading: Reading) -> float:
    """Chord changes in four quarter notes."""
    return 4 * float(chord_changes(reading.harmony).sum()) / reading.music.beats


def changes_on_downbeats(reading: Reading) -> float:
    """How much more often than by chance a change of chord falls on the first beat of a bar."""
    downbeat = reading.harmony.downbeat[1:]
    changed = chord_changes(reading.harmony)[1:]
    return mean(downbeat[changed]) / float(downbeat.mean()) if changed.any() and downbeat.any() else math.nan


def inside_chord(reading: Reading) -> float:
    """Share of beats whose sound lies within one chord by nine tenths and more."""
    h = reading.harmony
    return mean(h.inside[h.sounds] >= 0.9)


def root_position(reading: Reading) -> float:
    """Share of beats with the root in the bass."""
    h = reading.harmony
    return mean(h.in_root_position[h.sounds])


def on_tonic(reading: Reading) -> float:
    """Share of beats on the first degree of the bar's key."""
    h = reading.harmony
    return mean(h.degree[h.sounds] == 0)


def on_dominant(reading: Reading) -> float:
    """Share of beats on the fifth degree."""
    h = reading.harmony
    return mean(h.degree[h.sounds] == FIFTH)


def dominant_resolves(reading: Reading) -> float:
    """Share of the changes of root that lead from the fifth degree to the first."""
    h = reading.harmony
    at, moved = changes(reading)
    return mean((h.degree[at] == 0) & (moved == FOURTH))


def sevenths(reading: Reading) -> float:
    """Share of beats with a chord of four tones."""
    h = reading.harmony
    return mean(h.quality[h.sounds] >= DOMINANT_SEVENTH)


def scale(reading: Reading) -> float:
    """Share of sounding time within the scale of the bar's key."""
    music, h = reading.music, reading.harmony
    above = (music.notes["pitch"] - h.tonic[music.bar_of]) % 12
    major = h.is_major[music.bar_of]
    inside = np.where(major, np.isin(above, SCALE[True]), np.isin(above, SCALE[False]))
    return float(np.average(inside, weights=music.notes["duration"]))


def key_changes(reading: Reading) -> float:
    """Changes of key per 100 bars."""
    h = reading.harmony
    return 100 * float((np.diff(h.key) != 0).sum()) / reading.music.bars


def opens_at_home(reading: Reading) -> float:
    """1 where the first downbeat that is struck has the tonic of the whole piece with its root in the bass, else 0."""
    music, h = reading.music, reading.harmony
    key = temperley(histogram(music.notes["pitch"], music.notes["duration"]))
    first = np.flatnonzero(h.downbeat & np.isin(h.start, music.notes["onset"]))
    if key is None or not len(first):
        return math.nan
    beat = first[0]
    return float(h.root[beat] == key.tonic and h.in_root_position[beat])


def bass_steps(reading: Reading) -> float:
    """Share of the bass's moves from beat to beat that are a tone or less, in either octave."""
    moves = _bass_moves(reading)
    return mean(np.minimum(moves, 12 - moves) <= 2)


def _bass_moves(reading: Reading) -> IntArray:
    """Semitones upward, 1..11, between the basses of neighbouring beats where they differ."""
    h = reading.harmony
    moves = np.diff(h.bass[h.sounds]) % 12
    return np.asarray(moves[moves > 0])
