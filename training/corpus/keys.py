"""Key and mode of a pitch-class histogram, by two opinions: Temperley's profiles and music21's own analysis."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from improv.music.attributes import TEMPERLEY_MAJOR, TEMPERLEY_MINOR

FloatArray = NDArray[np.float64]

# What stream.analyze("key") of music21 correlates with (Aarden 2003, from the Essen folk songs), copied because the
# analysis of one stream takes it 25 ms and these two lines a few microseconds; the tests prove the answers equal.
AARDEN_ESSEN_MAJOR = np.array(
    [17.7661, 0.145624, 14.9265, 0.160186, 19.8049, 11.3587, 0.291248, 22.062, 0.145624, 8.15494, 0.232998, 4.95122]
)
AARDEN_ESSEN_MINOR = np.array(
    [18.2648, 0.737619, 14.0499, 16.8599, 0.702494, 14.4362, 0.702494, 18.6161, 4.56621, 1.93186, 7.37619, 1.75623]
)
CHANGE_COST = 0.4
"""In correlation. Related keys differ by 0.1 to 0.3 in one window of four bars, distant ones by 0.5 and more."""
TONICS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


class KeyFound(NamedTuple):
    """tonic: pitch class 0..11. correlation: -1..1 with the best profile."""

    tonic: int
    major: bool
    correlation: float

    @property
    def name(self) -> str:
        return f"{TONICS[self.tonic]} {'major' if self.major else 'minor'}"


def _standard(values: FloatArray) -> FloatArray:
    return np.asarray((values - values.mean()) / values.std())


def _all_keys(major: FloatArray, minor: FloatArray) -> FloatArray:
    return np.stack([np.roll(_standard(profile), tonic) for profile in (major, minor) for tonic in range(12)])


_TEMPERLEY = _all_keys(TEMPERLEY_MAJOR, TEMPERLEY_MINOR)
_MUSIC21 = _all_keys(AARDEN_ESSEN_MAJOR, AARDEN_ESSEN_MINOR)


def histogram(pitch: FloatArray, duration: FloatArray) -> FloatArray:
    """How long each pitch class sounds, shape (12,), in the unit of `duration`."""
    return np.bincount(pitch.astype(np.int64) % 12, weights=duration, minlength=12).astype(np.float64)


def temperley(classes: FloatArray) -> KeyFound | None:
    """The key whose Temperley profile correlates best; None when all classes sound equally long."""
    return temperley_keys(classes[None])[0]


def music21_key(classes: FloatArray) -> KeyFound | None:
    """The key that music21's analysis names; None when all classes sound equally long."""
    return music21_keys(classes[None])[0]


def temperley_keys(histograms: FloatArray) -> list[KeyFound | None]:
    """`temperley` of many histograms, shape (windows, 12)."""
    return _best(_TEMPERLEY, histograms)


def music21_keys(histograms: FloatArray) -> list[KeyFound | None]:
    """`music21_key` of many histograms, shape (windows, 12)."""
    return _best(_MUSIC21, histograms)


def sections(histograms: FloatArray) -> list[KeyFound | None]:
    """The key of the section that each window lies in, (windows, 12) -> windows; None where nothing sounds at all.

    The way through Temperley's keys that fits the windows best when every change of key costs CHANGE_COST: a passing
    harmony does not make a section, four bars in a clearly better key or more in a slightly better one do (Viterbi).
    """
    shapes, spread = _standardised(histograms)
    if not (spread > 0).any():
        return [None] * len(histograms)
    fits = (shapes @ _TEMPERLEY.T / 12).round(9)
    total, came_from = np.zeros(24), []
    for fit in fits:
        leader = int(total.argmax())
        stay = total >= total[leader] - CHANGE_COST
        came_from.append(np.where(stay, np.arange(24), leader))
        total = np.where(stay, total, total[leader] - CHANGE_COST) + fit
    way = [int(total.argmax())]
    for back in came_from[:0:-1]:
        way.append(int(back[way[-1]]))
    return [KeyFound(key % 12, key < 12, float(fit[key])) for key, fit in zip(way[::-1], fits, strict=True)]


def _standardised(histograms: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Each histogram with mean 0 and deviation 1, zeros where it is flat; and its deviation, shape (windows,)."""
    mean, spread = histograms.mean(axis=1, keepdims=True), histograms.std(axis=1, keepdims=True)
    shapes = np.divide(histograms - mean, spread, out=np.zeros_like(histograms), where=spread > 0)
    return shapes, spread[:, 0]


def _best(keys: FloatArray, histograms: FloatArray) -> list[KeyFound | None]:
    shapes, spread = _standardised(histograms)
    correlations = (shapes @ keys.T / 12).round(9)  # equal ones must not be told apart by rounding
    best = correlations.argmax(axis=1)
    rows = zip(best.tolist(), correlations.max(axis=1).tolist(), spread.tolist(), strict=True)
    return [KeyFound(key % 12, key < 12, height) if width > 0 else None for key, height, width in rows]
