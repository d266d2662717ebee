"""Musical attributes: what can be measured of a few bars of music, and commanded of the next few.

One table, `ATTRIBUTES`, names each with unit, range and scale. Training measures them on windows of its pieces with
`measure`; the daemon commands the same quantities to the model and to the expression layer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Key profiles of Temperley, "The Cognition of Basic Musical Structures" (2001), as used in music21's
# TemperleyKostkaPayne analysis family: weight of each scale degree, from the tonic upward in semitones.
TEMPERLEY_MAJOR = np.array([5, 2, 3.5, 2, 4.5, 4, 2, 4.5, 2, 3.5, 1.5, 4])
TEMPERLEY_MINOR = np.array([5, 2, 3.5, 4.5, 2, 4, 2, 4.5, 3.5, 2, 1.5, 4])

# Difference of the two best correlations at which the mode is called 46 % major (tanh scale): the spread between
# human-labelled corners is about 0.15 (happy +.10, nervous -.06).
_MODE_SOFTNESS = 0.1
# Notes of one chord follow each other within this: the expression layer spreads them over 12 ms, people over some 30.
CHORD_SPREAD_S = 0.03
_DISSONANT_CLASSES = (1, 2, 6, 10, 11)  # semitones modulo 12
_IS_DISSONANT = np.isin(np.arange(12), _DISSONANT_CLASSES)
_NO_SPREAD = 1e-9  # of the mean: histograms that are flat but for rounding have no key
_PAIRS_AT_ONCE = 200_000  # of notes, each in up to eight windows: some 100 MB


@dataclass(frozen=True, slots=True)
class Attribute:
    """One measurable and commandable quantity; values outside low..high are clipped to it."""

    name: str
    unit: str
    low: float
    high: float
    scale: Literal["linear", "log"]
    text: str

    def normalise(self, value: float) -> float:
        """Value in its unit -> -1..1."""
        value = min(max(value, self.low), self.high)
        if self.scale == "log":
            return 2 * math.log(value / self.low) / math.log(self.high / self.low) - 1
        return 2 * (value - self.low) / (self.high - self.low) - 1

    def normalise_all(self, values: FloatArray) -> FloatArray:
        """`normalise` of many values; NaN stays NaN."""
        values = np.clip(values, self.low, self.high)
        if self.scale == "log":
            return np.asarray(2 * np.log(values / self.low) / math.log(self.high / self.low) - 1)
        return np.asarray(2 * (values - self.low) / (self.high - self.low) - 1)

    def denormalise(self, position: float) -> float:
        """-1..1 -> value in its unit."""
        share = (min(max(position, -1.0), 1.0) + 1) / 2
        if self.scale == "log":
            return float(self.low * (self.high / self.low) ** share)
        return self.low + share * (self.high - self.low)


ATTRIBUTES: dict[str, Attribute] = {
    a.name: a
    for a in (
        Attribute("mode", "minor -1 .. major 1", -1, 1, "linear", "how much more the notes sound major than minor"),
        Attribute("onset_density", "onsets/s", 0.5, 12, "log", "notes or chords begun per second"),
        Attribute("register", "MIDI pitch", 36, 84, "linear", "mean pitch of the notes"),
        Attribute("loudness", "velocity", 20, 120, "linear", "mean MIDI velocity of the notes"),
        Attribute(
            "articulation", "ratio", 0.25, 1, "linear", "how much of the time to the next melody note a note sounds"
        ),
        Attribute(
            "dissonance", "share", 0, 0.5, "linear", "share of dissonant intervals among those that sound together"
        ),
        Attribute("pitch_spread", "semitones", 0, 20, "linear", "how far pitches spread: their standard deviation"),
        Attribute("tempo", "bpm", 40, 200, "log", "quarter notes per minute"),
    )
}


class Window(NamedTuple):
    """A stretch of music to be measured. Arrays of shape (notes,), sorted by onset.

    onset_s, duration_s: seconds. pitch: 0..127. velocity: 1..127, or None where the source has no real dynamics.
    tempo_bpm: mean tempo, or None where the source has none.
    """

    seconds: float
    onset_s: FloatArray
    duration_s: FloatArray
    pitch: FloatArray
    velocity: FloatArray | None
    tempo_bpm: float | None


class Music(NamedTuple):
    """Notes of a piece, to be measured window by window. Arrays of shape (notes,), sorted by onset.

    onset_s, end_s: seconds. pitch: 0..127. velocity: 1..127, or None where the source has no real dynamics.
    """

    onset_s: FloatArray
    end_s: FloatArray
    pitch: FloatArray
    velocity: FloatArray | None


class Windows(NamedTuple):
    """Stretches of a piece, arrays of shape (windows,): the notes first[i]..last[i] - 1 begin in window i.

    Both ascend. Windows may overlap and lie apart, but none parts notes of one onset.
    """

    first: IntArray
    last: IntArray
    seconds: FloatArray


def mode(pitch: FloatArray, weight: FloatArray) -> float:
    """-1 (clearly minor) .. 1 (clearly major): tanh of the Temperley correlation difference over twice 0.1."""
    return math.tanh(key_correlation_difference(pitch, weight) / (2 * _MODE_SOFTNESS))


def key_correlation_difference(pitch: FloatArray, weight: FloatArray) -> float:
    """Best correlation with a major profile minus best with a minor one, over the weighted pitch-class histogram."""
    histogram = np.bincount(pitch.astype(np.int64) % 12, weights=weight, minlength=12).astype(np.float64)
    return float(_key_differences(histogram[None])[0])


def _key_differences(histograms: FloatArray) -> FloatArray:
    """The same of many histograms, (windows, 12) -> (windows,); 0 where all classes weigh the same."""
    mean = histograms.mean(axis=1, keepdims=True)
    spread = histograms.std(axis=1, keepdims=True)
    shapes = np.divide(histograms - mean, spread, out=np.zeros_like(histograms), where=spread > _NO_SPREAD * mean)
    best = [(shapes @ _ROTATIONS[name].T).max(axis=1) / 12 for name in ("major", "minor")]
    return np.asarray(np.round(best[0] - best[1], 12))  # equal ones must not be told apart by rounding


def _standardise(values: FloatArray) -> FloatArray:
    return np.asarray((values - values.mean()) / values.std())


def _rotations(profile: FloatArray) -> FloatArray:
    return np.stack([np.roll(_standardise(profile), tonic) for tonic in range(12)])


_ROTATIONS = {"major": _rotations(TEMPERLEY_MAJOR), "minor": _rotations(TEMPERLEY_MINOR)}


def dissonance(onset: FloatArray, end: FloatArray, pitch: FloatArray) -> float:
    """Share (0..1) of seconds, sevenths and tritones among the intervals that sound together at each onset."""
    return float(_together(Music(onset, end, pitch, None), _whole(onset))[0][0])


_HARSH_WITH = np.isin((np.arange(12)[:, None] - np.arange(12)[None, :]) % 12, _DISSONANT_CLASSES).astype(np.float64)


def dissonant_class_counts(classes: FloatArray) -> FloatArray:
    """For each pitch class, with how many of the notes it would be dissonant. classes: notes per pitch class, (12,)."""
    return np.asarray(_HARSH_WITH @ classes)


def intervals(classes: FloatArray) -> tuple[float, float]:
    """Dissonant intervals and all intervals among notes that sound together. classes: notes per pitch class, (12,)."""
    count = float(classes.sum())
    return float(classes @ dissonant_class_counts(classes)) / 2, count * (count - 1) / 2


def chord_onsets(on_s: FloatArray) -> FloatArray:
    """Onset in seconds of the chord that each note belongs to, shape (notes,): that of its first note.

    A player never strikes all keys of a chord at once, nor does the expression layer: a note that follows another
    within CHORD_SPREAD_S begins with it. Counted apart, a spread chord would be several onsets, its melody faster.
    """
    order = np.argsort(on_s, kind="stable")
    first = np.diff(on_s[order], prepend=-np.inf) > CHORD_SPREAD_S
    onset = np.empty(len(on_s))
    onset[order] = on_s[order][first][np.cumsum(first) - 1]
    return onset


def melody(onset: FloatArray, end: FloatArray, pitch: FloatArray) -> IntArray:
    """Indices of the melody: the highest note of each onset that no longer, higher note covers."""
    order = np.argsort(onset, kind="stable")
    music, whole = Music(onset[order], end[order], pitch[order], None), _whole(onset)
    return np.asarray(order[_melodies(music, whole, _together(music, whole)[1])[0]], dtype=np.int64)


def articulation(onset: FloatArray, duration: FloatArray, pitch: FloatArray) -> float:
    """0.25 (staccato) .. 1 (legato): median of duration over inter-onset interval in the melody."""
    music, whole = Music(onset, onset + duration, pitch, None), _whole(onset)
    return float(_articulations(music, whole, _together(music, whole)[1])[0])


def _whole(onset: FloatArray) -> Windows:
    """One window around all notes."""
    return Windows(np.array([0]), np.array([len(onset)]), np.array([math.nan]))


def _ranges(start: IntArray, stop: IntArray) -> tuple[IntArray, IntArray]:
    """All numbers start[i]..stop[i] - 1, one range after the other, and the i of each."""
    lengths = np.maximum(stop - start, 0)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    shift = start - (np.cumsum(lengths) - lengths)
    return np.arange(len(owner)) + shift[owner], owner


def _moments(onset: FloatArray, windows: Windows) -> tuple[IntArray, IntArray, IntArray]:
    """The number of each note's onset among the distinct ones, and those at which windows begin and stop."""
    moment = np.cumsum(np.append(0, np.diff(onset) > 0)) if len(onset) else np.zeros(0, dtype=np.int64)
    ends = np.append(moment + 1, 0)[windows.last - 1]  # of an empty window: as it begins
    begins = np.append(moment, 0)[windows.first]
    return moment, np.where(windows.last > windows.first, begins, ends), ends


def _pairs(music: Music, windows: Windows) -> Iterator[tuple[IntArray, IntArray]]:
    """Notes that begin while an earlier one, or one of the same onset, sounds in their window: (later, earlier).

    In portions that fit in memory, ascending.
    """
    onset = music.onset_s
    notes = np.arange(len(onset))
    reach = np.maximum.accumulate(music.end_s)
    window = np.searchsorted(windows.last, notes, side="right")  # the first that holds the note
    earliest = np.append(windows.first, len(onset))[window]
    start = np.maximum(np.searchsorted(reach, onset, side="right"), earliest)
    sizes = np.cumsum(np.maximum(notes - start, 0))
    cuts = np.searchsorted(sizes, np.arange(_PAIRS_AT_ONCE, sizes[-1], _PAIRS_AT_ONCE)) if len(sizes) else notes
    for part in np.split(notes, cuts):
        earlier, owner = _ranges(start[part], part)
        later = part[owner]
        sounds = music.end_s[earlier] > onset[later]
        yield later[sounds], earlier[sounds]


def _together(music: Music, windows: Windows) -> tuple[FloatArray, IntArray]:
    """Dissonance of each window, and for each note the last one before it that is higher and at least as long: -1
    where there is none."""
    onset, end, pitch = music.onset_s, music.end_s, music.pitch
    count = len(windows.first)
    moment, _, stops = _moments(onset, windows)
    silent = np.searchsorted(np.unique(onset), end)  # the moment from which on a note does not sound
    cover = np.full(len(onset), -1)
    harsh, heard = np.zeros(count), np.zeros(count)
    for later, earlier in _pairs(music, windows):
        over = (moment[earlier] < moment[later]) & (end[earlier] >= end[later]) & (pitch[earlier] > pitch[later])
        cover[later[over]] = earlier[over]  # of several the last
        different = pitch[earlier] != pitch[later]
        later, earlier = later[different], earlier[different]
        is_harsh = _IS_DISSONANT[np.abs(pitch[earlier] - pitch[later]).astype(np.int64) % 12]
        # The windows that hold both notes are neighbours.
        first, last = np.searchsorted(windows.last, later, "right"), np.searchsorted(windows.first, earlier, "right")
        window, pair = _ranges(first, last)
        until = np.minimum(np.minimum(silent[later], silent[earlier])[pair], stops[window])
        moments = np.maximum(until - moment[later][pair], 0)
        heard += np.bincount(window, moments, count)
        harsh += np.bincount(window, moments * is_harsh[pair], count)
    return np.divide(harsh, heard, out=np.zeros(count), where=heard > 0), cover


def _melodies(music: Music, windows: Windows, cover: IntArray) -> tuple[IntArray, IntArray]:
    """Indices of the melody's notes, window after window, and the window of each. cover: as from `_together`."""
    moment, begins, stops = _moments(music.onset_s, windows)
    order = np.lexsort((-music.pitch, moment))  # stable: of equal pitches the first stays first
    top = order[np.searchsorted(moment, np.arange(moment[-1] + 1))] if len(moment) else order
    at, window = _ranges(begins, stops)
    free = cover[top[at]] < windows.first[window]
    return top[at[free]], window[free]


def _articulations(music: Music, windows: Windows, cover: IntArray) -> FloatArray:
    line, window = _melodies(music, windows, cover)
    onset = music.onset_s[line]
    goes_on = window[1:] == window[:-1]
    ratio = ((music.end_s[line] - onset)[:-1][goes_on]) / np.diff(onset)[goes_on]
    return np.clip(_medians(ratio, window[:-1][goes_on], len(windows.first)), 0.25, 1.0)


def _medians(values: FloatArray, group: IntArray, groups: int) -> FloatArray:
    """The median of each group's values, 1 where it has none. group: ascending."""
    counts = np.bincount(group, minlength=groups)
    there = counts > 0
    begin = (np.cumsum(counts) - counts)[there]
    ordered = values[np.lexsort((values, group))]
    found = np.ones(groups)
    found[there] = (ordered[begin + (counts[there] - 1) // 2] + ordered[begin + counts[there] // 2]) / 2
    return found


def pitch_classes(music: Music, windows: Windows) -> FloatArray:
    """Seconds that each pitch class sounds of the notes that begin in each window, shape (windows, 12)."""
    note, window = _ranges(windows.first, windows.last)
    cell = 12 * window + music.pitch.astype(np.int64)[note] % 12
    weights = (music.end_s - music.onset_s)[note]
    return np.bincount(cell, weights, 12 * len(windows.first)).astype(np.float64).reshape(-1, 12)


def measure_windows(music: Music, windows: Windows) -> dict[str, FloatArray]:
    """Every attribute but the tempo in every window, (windows,) each, in the units of `ATTRIBUTES`; NaN where a window
    has no note to measure."""
    count = len(windows.first)
    note, window = _ranges(windows.first, windows.last)
    notes = windows.last - windows.first

    def mean(values: FloatArray) -> FloatArray:
        sums = np.bincount(window, values, count)
        return np.asarray(np.divide(sums, notes, out=np.full(count, math.nan), where=notes > 0))

    _, begins, stops = _moments(music.onset_s, windows)
    harshness, cover = _together(music, windows)
    register = mean(music.pitch[note])
    silent = np.where(notes > 0, 0.0, math.nan)
    measured = {
        "onset_density": (stops - begins) / windows.seconds,
        "mode": np.tanh(_key_differences(pitch_classes(music, windows)) / (2 * _MODE_SOFTNESS)) + silent,
        "register": register,
        "articulation": _articulations(music, windows, cover) + silent,
        "dissonance": harshness + silent,
        "pitch_spread": np.sqrt(mean((music.pitch[note] - register[window]) ** 2)),
    }
    if music.velocity is not None:
        measured["loudness"] = mean(music.velocity[note])
    return measured


def measure(window: Window) -> dict[str, float]:
    """Every attribute that the window allows, in the units of `ATTRIBUTES`; an empty window gives density only."""
    music = Music(window.onset_s, window.onset_s + window.duration_s, window.pitch, window.velocity)
    whole = _whole(window.onset_s)._replace(seconds=np.array([window.seconds]))
    measured = {name: float(value[0]) for name, value in measure_windows(music, whole).items()}
    if window.tempo_bpm is not None:
        measured["tempo"] = window.tempo_bpm
    return {name: value for name, value in measured.items() if not math.isnan(value)}


def mode_of(histogram: FloatArray) -> float:
    """The mode, -1..1, of a pitch-class histogram of shape (12,); 0 when it is flat."""
    return _mode_of(np.asarray(histogram, np.float64).tobytes())


@lru_cache(maxsize=4)  # a step asks twice of the same one: for what it owes and for the next choice
def _mode_of(histogram: bytes) -> float:
    values = np.frombuffer(histogram)
    return math.tanh(float(_key_differences(values[None])[0]) / (2 * _MODE_SOFTNESS))


class Key(NamedTuple):
    """tonic: pitch class 0..11. major: whether the mode is major."""

    tonic: int
    major: bool

    @property
    def triad(self) -> tuple[int, int, int]:
        """Pitch classes of the tonic triad."""
        third = 4 if self.major else 3
        return self.tonic, (self.tonic + third) % 12, (self.tonic + 7) % 12

    @property
    def dominant(self) -> tuple[int, int, int]:
        """Pitch classes of the major triad on the fifth degree, its root first; in minor with the raised seventh."""
        return (self.tonic + 7) % 12, (self.tonic + 11) % 12, (self.tonic + 2) % 12


def profile_in_best_key(histogram: FloatArray, major: bool) -> FloatArray:
    """The standardised Temperley profile of one mode, in the key of that mode that fits the histogram best: (12,).

    Music in C major thus turns to a near minor key (A minor, say) instead of to a far one. Zeros without any note yet.
    """
    if histogram.std() == 0:
        return np.zeros(12)
    rotations = _ROTATIONS["major" if major else "minor"]
    return np.asarray(rotations[int((rotations @ _standardise(histogram)).argmax())])


def profile_of(key: Key) -> FloatArray:
    """The standardised Temperley profile of a key: (12,), by pitch class."""
    return np.asarray(_ROTATIONS["major" if key.major else "minor"][key.tonic])


def key_of(histogram: FloatArray) -> Key:
    """The key whose Temperley profile correlates best with a pitch-class histogram of shape (12,)."""
    if histogram.std() == 0:
        return Key(0, True)
    shape = _standardise(histogram)
    major, minor = (_ROTATIONS[name] @ shape for name in ("major", "minor"))
    best = major if major.max() >= minor.max() else minor
    return Key(int(best.argmax()), best is major)
