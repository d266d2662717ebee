"""Musical attributes: what can be measured of a few bars of music, and commanded of the next few.

One table, `ATTRIBUTES`, names each with unit, range and scale. Training measures them on windows of its pieces with
`measure`; the daemon commands the same quantities to the model and to the expression layer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# Key profiles of Temperley, "The Cognition of Basic Musical Structures" (2001), as used in music21's
# TemperleyKostkaPayne analysis family: weight of each scale degree, from the tonic upward in semitones.
TEMPERLEY_MAJOR = np.array([5, 2, 3.5, 2, 4.5, 4, 2, 4.5, 2, 3.5, 1.5, 4])
TEMPERLEY_MINOR = np.array([5, 2, 3.5, 4.5, 2, 4, 2, 4.5, 3.5, 2, 1.5, 4])

# Difference of the two best correlations at which the mode is called 46 % major (tanh scale): the spread between
# human-labelled corners is about 0.15 (happy +.10, nervous -.06).
_MODE_SOFTNESS = 0.1
_DISSONANT_CLASSES = (1, 2, 6, 10, 11)  # semitones modulo 12
_IS_DISSONANT = np.isin(np.arange(12), _DISSONANT_CLASSES)


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

    def denormalise(self, position: float) -> float:
        """-1..1 -> value in its unit."""
        share = (min(max(position, -1.0), 1.0) + 1) / 2
        if self.scale == "log":
            return float(self.low * (self.high / self.low) ** share)
        return self.low + share * (self.high - self.low)


ATTRIBUTES: dict[str, Attribute] = {
    a.name: a
    for a in (
        Attribute("mode", "minor -1 .. major 1", -1, 1, "linear", "best major minus best minor key correlation"),
        Attribute("onset_density", "onsets/s", 0.5, 12, "log", "distinct onsets per second"),
        Attribute("register", "MIDI pitch", 36, 84, "linear", "mean pitch of the notes"),
        Attribute("loudness", "velocity", 20, 120, "linear", "mean velocity of the notes"),
        Attribute("articulation", "ratio", 0.25, 1, "linear", "median of duration / inter-onset interval, melody"),
        Attribute("dissonance", "share", 0, 0.5, "linear", "share of dissonant among simultaneous intervals"),
        Attribute("pitch_spread", "semitones", 0, 20, "linear", "standard deviation of pitch"),
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


def mode(pitch: FloatArray, weight: FloatArray) -> float:
    """-1 (clearly minor) .. 1 (clearly major): tanh of the Temperley correlation difference over twice 0.1."""
    difference = key_correlation_difference(pitch, weight)
    return math.tanh(difference / (2 * _MODE_SOFTNESS))


def key_correlation_difference(pitch: FloatArray, weight: FloatArray) -> float:
    """Best correlation with a major profile minus best with a minor one, over the weighted pitch-class histogram."""
    histogram = np.bincount(pitch.astype(np.int64) % 12, weights=weight, minlength=12).astype(np.float64)
    if histogram.std() == 0:
        return 0.0
    best = [np.max(_ROTATIONS[name] @ _standardise(histogram)) / 12 for name in ("major", "minor")]
    return float(best[0] - best[1])


def _standardise(values: FloatArray) -> FloatArray:
    return np.asarray((values - values.mean()) / values.std())


def _rotations(profile: FloatArray) -> FloatArray:
    return np.stack([np.roll(_standardise(profile), tonic) for tonic in range(12)])


_ROTATIONS = {"major": _rotations(TEMPERLEY_MAJOR), "minor": _rotations(TEMPERLEY_MINOR)}


def dissonance(onset: FloatArray, end: FloatArray, pitch: FloatArray) -> float:
    """Share (0..1) of seconds, sevenths and tritones among the intervals that sound together at each onset."""
    moments = np.unique(onset)
    sounding = (onset[None, :] <= moments[:, None]) & (end[None, :] > moments[:, None])
    classes = np.abs(pitch[:, None] - pitch[None, :]).astype(np.int64) % 12
    different = pitch[:, None] != pitch[None, :]
    harsh = _IS_DISSONANT[classes]
    weight = sounding.astype(np.float64)
    pairs = float(np.sum((weight @ different) * weight))
    return float(np.sum((weight @ harsh) * weight)) / pairs if pairs else 0.0


def melody(onset: FloatArray, end: FloatArray, pitch: FloatArray) -> NDArray[np.int64]:
    """Indices of the melody: the highest note of each onset that no longer, higher note covers."""
    order = np.lexsort((-pitch, onset))  # stable: of equal pitches the first stays first
    moments, first = np.unique(onset[order], return_index=True)
    top = order[first]
    covered = (onset < moments[:, None]) & (end > moments[:, None])
    covered &= (pitch > pitch[top][:, None]) & (end >= end[top][:, None])
    return np.asarray(top[~covered.any(axis=1)], dtype=np.int64)


def articulation(onset: FloatArray, duration: FloatArray, pitch: FloatArray) -> float:
    """0.25 (staccato) .. 1 (legato): median of duration over inter-onset interval in the melody."""
    line = melody(onset, onset + duration, pitch)
    if line.size < 2:
        return 1.0
    gaps = np.diff(onset[line])
    return float(np.clip(np.median(duration[line][:-1] / gaps), 0.25, 1.0))


def measure(window: Window) -> dict[str, float]:
    """Every attribute that the window allows, in the units of `ATTRIBUTES`; an empty window gives density only."""
    measured = {"onset_density": len(np.unique(window.onset_s)) / window.seconds}
    if window.tempo_bpm is not None:
        measured["tempo"] = window.tempo_bpm
    if window.pitch.size == 0:
        return measured
    end_s = window.onset_s + window.duration_s
    measured |= {
        "mode": mode(window.pitch, window.duration_s),
        "register": float(window.pitch.mean()),
        "articulation": articulation(window.onset_s, window.duration_s, window.pitch),
        "dissonance": dissonance(window.onset_s, end_s, window.pitch),
        "pitch_spread": float(window.pitch.std()),
    }
    if window.velocity is not None:
        measured["loudness"] = float(window.velocity.mean())
    return measured


class Key(NamedTuple):
    """tonic: pitch class 0..11. major: whether the mode is major."""

    tonic: int
    major: bool

    @property
    def triad(self) -> tuple[int, int, int]:
        """Pitch classes of the tonic triad."""
        third = 4 if self.major else 3
        return self.tonic, (self.tonic + third) % 12, (self.tonic + 7) % 12


def profile_in_best_key(histogram: FloatArray, major: bool) -> FloatArray:
    """The standardised Temperley profile of one mode, in the key of that mode that fits the histogram best: (12,).

    Music in C major thus turns to a near minor key (A minor, say) instead of to a far one. Zeros without any note yet.
    """
    if histogram.std() == 0:
        return np.zeros(12)
    rotations = _ROTATIONS["major" if major else "minor"]
    return np.asarray(rotations[int((rotations @ _standardise(histogram)).argmax())])


def key_of(histogram: FloatArray) -> Key:
    """The key whose Temperley profile correlates best with a pitch-class histogram of shape (12,)."""
    if histogram.std() == 0:
        return Key(0, True)
    shape = _standardise(histogram)
    major, minor = (_ROTATIONS[name] @ shape for name in ("major", "minor"))
    best = major if major.max() >= minor.max() else minor
    return Key(int(best.argmax()), best is major)
