"""The key of every beat: the way through 24 keys that fits what sounds best, where a change of key costs something."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from improv.music.attributes import TEMPERLEY_MAJOR, TEMPERLEY_MINOR
from training.analysis.music import FloatArray, IntArray
from training.analysis.slots import Slots
from training.corpus.keys import AARDEN_ESSEN_MAJOR, AARDEN_ESSEN_MINOR

MINOR = 12
"""Keys are numbers 0..23: the tonic's pitch class, and MINOR more in minor."""
Profile = Literal["temperley", "aarden-essen"]
_PROFILES = {
    "temperley": (TEMPERLEY_MAJOR, TEMPERLEY_MINOR),
    "aarden-essen": (AARDEN_ESSEN_MAJOR, AARDEN_ESSEN_MINOR),
}


_FLAT = 1e-9  # of the mean: such a histogram is flat but for rounding


class KeySettings(NamedTuple):
    """change_nats: what a change to a near key costs. far_nats: more for each fifth of distance. floor: share of the
    profile spread evenly, so that no class is impossible. home_nats: what a correlation of 1 of the whole piece with a
    key is worth in each slot. Set on every other work that `python -m training check-analysis` knows."""

    profile: Profile = "temperley"
    change_nats: float = 4.0
    far_nats: float = 1.0
    floor: float = 0.1
    home_nats: float = 0.4


DEFAULT_KEYS = KeySettings()


def keys(slots: Slots, settings: KeySettings = DEFAULT_KEYS) -> IntArray:
    """The key of each slot: int64 (slots,), 0..11 major and 12..23 minor.

    Viterbi over 24 keys. A slot's pitch classes are drawn from the key's profile, normalised (Temperley 2007, "Music
    and Probability", takes profiles as probabilities in this way); a change costs more the further the keys are apart
    on the circle of fifths, relative keys counted as one. Keys that fit the piece as a whole are preferred, by the
    profiles of Aarden (2003), which music21 uses. docs/measured/analysis.md compares the two families of profiles.
    """
    fit = likelihoods(slots, settings) + settings.home_nats * _correlations(slots.classes.sum(axis=0))
    return viterbi(fit, _changes(settings))


def likelihoods(slots: Slots, settings: KeySettings = DEFAULT_KEYS) -> FloatArray:
    """Log-likelihood of each key in each slot, (slots, 24)."""
    return np.asarray(slots.classes @ _log_profiles(settings).T, dtype=np.float64)


def viterbi(fit: FloatArray, change: FloatArray) -> IntArray:
    """The states (steps,) that maximise the sum of fit (steps, states) less the change (from, to) between steps."""
    total, came_from = fit[0], np.empty(fit.shape, dtype=np.int64)
    for step in range(1, len(fit)):
        ways = total[:, None] - change
        came_from[step] = ways.argmax(axis=0)
        total = ways.max(axis=0) + fit[step]
    way = np.empty(len(fit), dtype=np.int64)
    way[-1] = total.argmax()
    for step in range(len(fit) - 1, 0, -1):
        way[step - 1] = came_from[step, way[step]]
    return way


def _log_profiles(settings: KeySettings) -> FloatArray:
    shapes = [np.roll(profile, tonic) for profile in _PROFILES[settings.profile] for tonic in range(12)]
    shares = np.stack(shapes) / np.sum(shapes, axis=1, keepdims=True)
    return np.asarray(np.log((1 - settings.floor) * shares + settings.floor / 12))


def _correlations(classes: FloatArray) -> FloatArray:
    """Of a histogram of pitch classes with the 24 profiles of Aarden and Essen, (24,); 0 where all sound alike."""
    spread = classes.std()
    if spread <= _FLAT * classes.mean():
        return np.zeros(24)
    profiles = [np.roll(p, tonic) for p in (AARDEN_ESSEN_MAJOR, AARDEN_ESSEN_MINOR) for tonic in range(12)]
    return np.array([float(np.corrcoef(classes, profile)[0, 1]) for profile in profiles])


def _changes(settings: KeySettings) -> FloatArray:
    signature = np.array([(7 * (key if key < MINOR else key + 3)) % 12 for key in range(24)])  # in fifths
    apart = np.abs(signature[:, None] - signature[None, :])
    fifths = np.minimum(apart, 12 - apart)
    cost = settings.change_nats + settings.far_nats * fifths
    np.fill_diagonal(cost, 0.0)
    return np.asarray(cost, dtype=np.float64)
