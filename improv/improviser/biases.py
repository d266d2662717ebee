"""What helps the network to do as it is told: how strongly commands weigh, and biases on the choice of note starts.

Pure functions; a bias is nats that are added to logits. The network alone keeps the mode and the pace that a piece
began with; these turn it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from improv.music.attributes import FloatArray, Key, dissonant_class_counts, mode_of, profile_in_best_key, profile_of

# Onset density is compared with its command over the last two bars of 4/4, the window that training measured it on.
DENSITY_BEATS = 8
LARGEST_DENSITY_BIAS = 3.0  # nats
# What stayed out of step for longer than that is made up for as well: when the melody owes so many seconds at the
# commanded pace, the bias is as for too few onsets by a factor of e. No more than so many seconds can be owed.
PACE_OWED_S = 2.5
LARGEST_PACE_OWED_S = 5.0
# How far the aim is moved past the commanded mode, for each unit that what was heard is off, lately and for longer.
MODE_CORRECTION, MODE_OWED_CORRECTION = 3.0, 6.0
# Standard deviations of the key profile. All tones of the scale count alike while the mode is as commanded: drawn to
# tonic and fifth, voices move in parallel octaves and fifths. But a major key and its relative minor have one scale:
# for each unit that the mode is off, tonic and third are let stand out by so much more.
SCALE_TONE, TONIC_TONE = 0.3, 1.0
# What major and minor have in common weighs less: the whole of it takes the chromatic tones away that human music has
# in every mood (5 to 8 % of 12 s lie outside of the seven most used pitch classes; 0 to 2 % with the whole of it).
SCALE_SHARE = 0.2
# Parallels are hollow in these intervals, in semitones within the octave: unison or octave, and fifth.
PERFECT = (0, 7)
# Dissonance is compared with its command over about the last four bars: the counts halve in 8 beats.
DISSONANCE_HALF_LIFE_BEATS = 8.0
LARGEST_DISSONANCE_BIAS = 6.0  # nats between a harsh pitch and a smooth one
# How much stronger the register draws before the first note. People begin with a low note alone in one piece of 25;
# without this it was one of nine.
OPENING_SHARE = 2.0
LATELY_SHARE = 0.06  # of each onset in the running means of pitch and of notes at once: about the last 16 onsets
# Human piano music begins 2.2 (titles that sound calm) to 2.7 (sad) notes at an onset, happy 2.4, nervous 2.3.
NOTES_PER_ONSET = 2.2
LARGEST_CHORD_BIAS = 2.0  # nats
# Networks with a plan strike a semitone, a major seventh or a minor ninth in 9 % of their onsets, people in 5 %
# (24 pieces of four moods); so they do in 5 %.
CLASH_BIAS = 1.8  # nats
CLASHING = (1, 11, 13)  # semitones
# Cooled, they strike 2.5 notes together, people 2.1: against each further note of a hand in one step.
THICK_BIAS = 0.22  # nats
# The right hand's line moves by step in 40 % of its moves and repeats its tone in 17 %, people's in 50 and 16 %; with
# these in 49 and 14 % (32 pieces each).
STEP_BIAS, TONE_AGAIN_BIAS = 0.4, 0.3  # nats
STEPS = (1, 2)  # semitones
# Of the moves of a left hand in fast single notes .40 were steps, people's .14 (they break the chord); with these .13
# (32 pieces of four moods; so are the next figures).
FIGURE_CHORD_BIAS, FIGURE_STEP_BIAS = 1.2, 1.0  # nats
FIGURE_TICKS = 4  # the longest notes of a figure, 12 to the beat
# Where a hand's notes are short, people seldom double them: octaves stood in .10 of the right hand's fast strokes and
# in .14 of the left hand's, people's in .03 and .08; with these in .05 and .07. Against each further note, by hand.
FAST_TICKS = 6  # the longest of these
FAST_OCTAVE_BIAS, FAST_THICK_BIAS = 1.0, (0.25, 0.0)  # nats
OCTAVE = 12  # semitones
# Phrases close audibly: once their last chord sounds, from a quarter before the middle of the bar on, onsets wait for
# its end, the right hand above all, and notes last. Without it a planned end was heard as one in .35 of them and .39
# of the ends that were heard lay on I or V over its root; so it is .52, and .48 (64 pieces of four moods; people .42).
CLOSING_PACE = 9.0  # as `pace_bias` takes it
CLOSING_LINE_BIAS = 1.5  # nats
CLOSING_LENGTH_BIAS = 0.7  # nats for each factor of e that a note is longer than an eighth
CLOSING_EARLY_TICKS = 12
# The first note of the left hand where a planned chord begins is its bass, above all where a phrase closes. So it is
# found below in .73 of the chords, else in .65.
BASS_BIAS, CLOSING_BASS_BIAS = 1.0, 2.0  # nats
CADENCE_BIAS = 3.0  # nats
KEY_COMMANDED = 1.0  # of the strength of the pull to the mood's mode
HOME_BIAS = 2.0  # nats for each standard deviation of the key profile
RHYTHM_SHARE = 0.5  # of the bias toward an earlier phrase: toward its rhythm
DISSONANCE_STEP = 0.05  # a share that is off by so much calls for the whole strength


def guidance(intensity: float, strongest: float) -> float:
    """Intensity 0..1 -> guidance: 0 at 0, 1 (as learned) at 0.5, `strongest` at 1, straight in between."""
    return 2 * intensity if intensity <= 0.5 else 1 + (strongest - 1) * (2 * intensity - 1)


def key_bias(histogram: FloatArray, mode: float, intensity: float, strength: float, owed: float = 0.0) -> FloatArray:
    """Nats for the starts of the 128 pitches: the scales of the nearest major and the nearest minor key, mixed.

    histogram: how long each pitch class sounded lately, shape (12,). mode: commanded, -1 minor .. 1 major.
    intensity: 0..1. strength: nats per standard deviation of the key profile. owed: how far the mode was
    off, mean of a longer time.

    The share of each is the commanded mode, moved further by as much as what was heard lately is off it: so the music
    stays where it is commanded between major and minor as well. A listener's valence hangs on the mode more than on
    anything else (squared semi-partial effect .49-.53 in Eerola, Friberg & Bresin 2013).
    """
    off = mode - mode_of(histogram)
    aim = min(max(mode + MODE_CORRECTION * off + MODE_OWED_CORRECTION * owed, -2.0), 2.0)
    tallest = SCALE_TONE + TONIC_TONE * abs(off)
    major, minor = (np.minimum(profile_in_best_key(histogram, is_major), tallest) for is_major in (True, False))
    weight = strength * min(2 * intensity, 1.5)
    toward = SCALE_SHARE * (major + minor) + aim * (major - minor)
    return np.resize(toward * weight / 2, 128)  # repeats octave after octave


def commanded_key_bias(key: Key, intensity: float, strength: float) -> FloatArray:
    """Nats for the starts of the 128 pitches: toward the scale of a key that is commanded.

    intensity: 0..1. strength: nats per standard deviation of the key profile.
    """
    return np.resize(KEY_COMMANDED * strength * min(2 * intensity, 1.5) * profile_of(key), 128)


def dissonance_bias(
    sounding: FloatArray, harsh: float, pairs: float, commanded: float, intensity: float, strength: float
) -> FloatArray:
    """Nats for the starts of the 128 pitches: toward or away from harsh intervals with what sounds.

    sounding: how many notes of each pitch class sound at this step, shape (12,). harsh, pairs: dissonant and all
    intervals heard lately. commanded: share of dissonant ones. strength: nats when the share is off by 0.05.
    """
    if not sounding.any():
        return np.zeros(128)
    off = (commanded - (harsh + commanded) / (pairs + 1)) / DISSONANCE_STEP
    bias = min(max(strength * min(2 * intensity, 1.5) * off, -LARGEST_DISSONANCE_BIAS), LARGEST_DISSONANCE_BIAS)
    harshness = dissonant_class_counts(sounding)
    return np.resize(bias * harshness / harshness.max(), 128)


def chord_bias(heard: float, strength: float) -> float:
    """Nats for the second and further starts of an onset: positive when chords were too thin lately.

    heard: mean notes at an onset, >= 1. strength: nats per factor of e. Density and dissonance thin chords out.
    """
    return min(max(strength * math.log(NOTES_PER_ONSET / heard), -LARGEST_CHORD_BIAS), LARGEST_CHORD_BIAS)


def voice_leading_bias(before: Sequence[int], above: Sequence[int], strength: float) -> FloatArray:
    """Nats for the starts of the 128 pitches as the next voice of a chord that is named from the top.

    before: the chord that sounded just before, high to low. above: the higher voices of this one, high to low.
    strength: nats by which a pitch is put back for each higher voice with which it would move in parallel fifths or
    octaves: both in the same direction, the same perfect interval between them before and after.
    """
    away = np.zeros(128)
    voice = len(above)
    if voice >= len(before):
        return away  # nothing that it could have come from
    pitches = np.arange(128)
    for was, now in zip(before, above, strict=False):
        interval = (was - before[voice]) % 12
        if was != now and was != before[voice] and interval in PERFECT:
            same_way = np.sign(pitches - before[voice]) == np.sign(now - was)
            away -= strength * (same_way & ((now - pitches) % 12 == interval))
    return away


def register_bias(heard: float, commanded: float, strength: float) -> FloatArray:
    """Nats for the starts of the 128 pitches: a slope toward where the music should lie, level an octave beyond it on
    either side, so that what lies too low does not leap to the highest keys.

    heard, commanded: mean MIDI pitch. strength: nats per octave of the keyboard for each octave that the music is off.
    """
    off = min(max((commanded - heard) / 12, -1.0), 1.0)
    return strength * off * np.clip((np.arange(128) - commanded) / 12, -1.0, 1.0)


def opening_bias(commanded: float, strength: float) -> FloatArray:
    """Nats for the starts of the 128 pitches before the first note: against a piece that begins far off its register.

    commanded: mean MIDI pitch. strength: nats for each octave beyond half an octave, OPENING_SHARE times.
    """
    beyond = np.abs(np.arange(128) - commanded) / 12 - 0.5
    return np.asarray(-OPENING_SHARE * strength * np.maximum(beyond, 0.0))


def repeat_bias(melody_pitch: int, strength: float) -> FloatArray:
    """Nats for the starts of the 128 pitches: `strength` against the melody's last tone.

    Of the steps of a melody people repeat the tone in 10 to 17 % (means of 12 s of four kinds of title, nervous most).
    Without this ours does in 12 to 22 %, sad most, and repeated tones are heard as unrest; at 1 it does in 6 to 8 %.
    """
    return _for_these({melody_pitch}, -strength)


def home_bias(key: Key) -> FloatArray:
    """Nats for the starts of the 128 pitches while the last bars are played: toward the key that the piece ends in."""
    return np.resize(HOME_BIAS * profile_of(key), 128)


def cadence_bias(key: Key) -> FloatArray:
    """Nats for the starts of the 128 pitches between dominant and tonic: the dominant seventh."""
    favour = np.zeros(12)
    favour[[*key.dominant, (key.tonic + 5) % 12]] = CADENCE_BIAS
    return np.resize(favour, 128)


def _for_these(pitches: Collection[int], nats: float) -> FloatArray:
    """The same nats for the starts of these of the 128 pitches, none for the others."""
    favour = np.zeros(128)
    favour[list(pitches)] = nats
    return favour


def recall_bias(pitches: frozenset[int], strength: float) -> FloatArray:
    """Nats for the starts of the 128 pitches: `strength` for what an earlier phrase played here."""
    return _for_these(pitches, strength)


def rhythm_bias(strength: float, *, returns: bool) -> float:
    """Nats for any start where an earlier phrase comes back: more while some of it can still begin here, else less."""
    return RHYTHM_SHARE * (strength if returns else -strength)


def density_window_s(tempo_bpm: float) -> float:
    """How far back onsets are counted, in seconds."""
    return DENSITY_BEATS * 60 / tempo_bpm


def density_bias(onsets: int, past_s: float, commanded: float, owed_s: float, strength: float) -> float:
    """Nats for the first start of a step: positive when there were too few onsets lately.

    onsets: in the last `past_s` seconds (> 0). commanded: onsets per second. owed_s: what the melody owes for longer.
    strength: nats per missing factor of e.

    Guidance exaggerates all commands at once, and sparse music comes out too sparse; this closes the loop.
    """
    measured = max(onsets, 0.5) / past_s
    bias = strength * (math.log(commanded / measured) + owed_s / PACE_OWED_S)
    return min(max(bias, -LARGEST_DENSITY_BIAS), LARGEST_DENSITY_BIAS)


def clash_bias(sounding: Collection[int], chord: Collection[int]) -> FloatArray:
    """Nats for the 128 pitches: less for those that clash with a sounding pitch and are not in the chord.

    chord: pitch classes.
    """
    clashes = _CLASH[[*sounding]].any(axis=0) & ~_in_classes(frozenset(chord))
    return np.asarray(np.where(clashes, -CLASH_BIAS, 0.0))


@lru_cache(maxsize=256)
def figure_bias(last: int, chord: frozenset[int]) -> FloatArray:
    """Nats for the 128 pitches as the next of an accompanying figure: less for those outside the chord, and for a step.

    last: the pitch before. chord: pitch classes. The array is shared: nobody may change it.
    """
    step = np.abs(np.arange(128) - last) <= max(STEPS)
    return _shared(-FIGURE_CHORD_BIAS * ~_in_classes(chord) - FIGURE_STEP_BIAS * step)


@lru_cache(maxsize=128)
def line_bias(last: int) -> FloatArray:
    """Nats for the 128 pitches as the next of a line: more a step away from its last pitch, less for that pitch.

    The array is shared: nobody may change it.
    """
    apart = np.abs(np.arange(128) - last)
    return _shared(np.where(np.isin(apart, STEPS), STEP_BIAS, 0.0) - np.where(apart == 0, TONE_AGAIN_BIAS, 0.0))


_CLASH = np.isin(np.abs(np.arange(128)[:, None] - np.arange(128)), CLASHING)
"""(128, 128): whether two pitches clash."""


@lru_cache(maxsize=64)
def _in_classes(classes: frozenset[int]) -> NDArray[np.bool_]:
    """Whether each of the 128 pitches is of these classes."""
    return _shared(np.isin(np.arange(128) % 12, list(classes)))


def _shared(values: NDArray[Any]) -> NDArray[Any]:
    values.flags.writeable = False
    return values


def closing_shift_bias(lengths: int, rest_ticks: int) -> FloatArray:
    """Nats for shifts of time by 1, 2 ... `lengths` ticks where a phrase closes: long ones, but none beyond its end.

    rest_ticks: until then.
    """
    nats = pace_bias(lengths, -CLOSING_PACE)
    nats[rest_ticks:] = 0.0
    return nats


def pace_bias(lengths: int, bias: float) -> FloatArray:
    """Nats for shifts of time by 1, 2 ... `lengths` ticks, shape (lengths,): short ones where onsets are missing.

    bias: as `density_bias` gives it. A shift twice as long changes by half of it for each factor of e.
    """
    return np.asarray(-0.5 * bias * np.log(np.arange(1, lengths + 1)))
