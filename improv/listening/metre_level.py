"""Which of the pulses in what a person plays is their beat: half, double, or a third of a pulse that was found.

Onsets lie on a line of beats (`beat_line`). Each reading counts them in other beats: so many times as fast, begun at
another place. What it says of the onsets (how many a beat, where they fall, where the loud, low and full ones fall) is
judged by a small network that learned from performances whose beats are known (`training/experiments/metre_level.py`).
Pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from improv.music.attributes import FloatArray

WEIGHTS = Path(__file__).parent / "metre_level.npz"
SLOWEST_BPM, FASTEST_BPM = 45.0, 200.0
WINDOW_BEATS, WINDOW_S, HALF_LIFE_BEATS = 24.0, 14.0, 10.0
_BPM_HATS = np.log2([50.0, 63, 80, 100, 126, 160, 200])
_DENSITY_HATS = np.log2([0.5, 0.71, 1.0, 1.41, 2.0, 2.83, 4.0, 5.66])
_KINDS = 5  # of places: the beat, its half, quarters, thirds, others
_KIND_OF = np.array([0, 4, 3, 2, 3, 4, 1, 4, 3, 2, 3, 4])  # by twelfth (2 and 10: sixths)


class Struck(NamedTuple):
    """An onset on the line. beats: where it fell. strength: velocity 0..1. lowest: its lowest pitch. keys: how many."""

    beats: float
    at_s: float
    strength: float
    lowest: int
    keys: int


class Reading(NamedTuple):
    """Beats of a reading = ratio * beats of the line + shift."""

    ratio: float
    shift: float


READINGS = (
    Reading(1.0, 0.0),
    Reading(1.0, 0.5),
    Reading(0.5, 0.0),
    Reading(0.5, 0.5),
    Reading(2.0, 0.0),
    Reading(1 / 3, 0.0),
    Reading(1 / 3, 1 / 3),
    Reading(1 / 3, 2 / 3),
    Reading(3.0, 0.0),
    Reading(1.5, 0.0),
    Reading(1.5, 0.5),
    Reading(2 / 3, 0.0),
    Reading(2 / 3, 1 / 3),
    Reading(2 / 3, 2 / 3),
)


def _hats(values: FloatArray, centres: FloatArray) -> FloatArray:
    """Each value as shares of the two centres that it lies between: (n,) -> (n, centres)."""
    clipped = np.clip(values, centres[0], centres[-1])
    right = np.clip(np.searchsorted(centres, clipped), 1, len(centres) - 1)
    share = (clipped - centres[right - 1]) / (centres[right] - centres[right - 1])
    rows = np.zeros((len(values), len(centres)))
    each = np.arange(len(values))
    rows[each, right - 1], rows[each, right] = 1 - share, share
    return rows


def features(onsets: Sequence[Struck], readings: Sequence[Reading], bpm: float, now_beats: float) -> FloatArray:
    """What each reading says of the onsets, (readings, FEATURES). bpm: of the line. now_beats: the last onset's."""
    rows = np.array([(o.beats, o.strength, o.lowest, o.keys) for o in onsets], dtype=np.float64)
    ratios = np.array([one.ratio for one in readings])
    shifts = np.array([one.shift for one in readings])
    tempi = bpm * ratios
    beats = rows[:, 0] * ratios[:, None] + shifts[:, None]  # (readings, onsets)
    now = now_beats * ratios + shifts
    ages = np.maximum(now[:, None] - beats, 0.0)
    weights = 0.5 ** (ages / HALF_LIFE_BEATS) * (ages <= np.minimum(WINDOW_BEATS, WINDOW_S * tempi / 60)[:, None])
    near = weights > 0
    span = np.maximum(np.where(near, ages, 0.0).max(axis=1), 1.0)
    parts = np.floor(12 * beats + 0.5).astype(np.int64)
    kinds = _KIND_OF[parts % 12]
    whole = parts // 12
    total = weights.sum(axis=1) + 1e-9
    shares = np.stack([(weights * (kinds == kind)).sum(axis=1) / total for kind in range(_KINDS)], axis=1)
    # Loud, low, full, and long until the next: (marks, readings, onsets).
    gaps = np.diff(beats, axis=1, append=(now + 0.5)[:, None])
    lengths = np.clip(np.log2(np.maximum(gaps, 0.05)), -3, 2)
    single = np.stack([_standard(rows[:, 1], 0.05), -_standard(rows[:, 2], 4.0), _standard(rows[:, 3], 0.5)])
    marks = np.concatenate([np.broadcast_to(single[:, None], (3, *beats.shape)), lengths[None]])
    on, half = weights * (kinds == 0), weights * (kinds == 1)
    even, odd = on * (whole % 2 == 0), on * (whole % 2 == 1)
    off = weights - on

    def apart(one: FloatArray, other: FloatArray) -> FloatArray:
        """By how much the marks of some onsets exceed those of others, (readings, marks); 0 where one has none."""
        a, b = one.sum(axis=1), other.sum(axis=1)
        difference = (marks * one).sum(axis=2) / (a + 1e-9) - (marks * other).sum(axis=2) / (b + 1e-9)
        return np.asarray((difference * (a > 0) * (b > 0)).T)

    filled, even_filled, odd_filled = (_filled(part, weights) for part in (on, even, odd))
    return np.concatenate(
        [
            _hats(np.log2(tempi), _BPM_HATS),
            _hats(np.log2(np.maximum(near.sum(axis=1), 1) / span), _DENSITY_HATS),
            shares,
            apart(on, off),
            apart(on, half),
            np.abs(apart(even, odd)),
            np.stack(
                [
                    filled / span,
                    _filled(half, weights) / span,
                    np.abs(even_filled - odd_filled) / span,
                    np.minimum(span / 8, 2.0),
                    20 * (np.abs(12 * beats - parts) * weights).sum(axis=1) / total / 12,
                    (shifts != 0).astype(np.float64),
                ],
                axis=1,
            ),
            np.abs(ratios[:, None] - np.array([1.0, 0.5, 2.0, 1.5, 2 / 3, 3.0])) < 1e-6,
        ],
        axis=1,
    )


def _filled(part: FloatArray, weights: FloatArray) -> FloatArray:
    """How many onsets are among these, whatever their age."""
    return np.asarray(((part > 0) & (weights > 0)).sum(axis=1).astype(np.float64))


def _standard(values: FloatArray, least: float) -> FloatArray:
    return np.asarray((values - values.mean()) / max(float(values.std()), least))


class Weights(NamedTuple):
    """A network of one hidden layer: (features, hidden), (hidden,), (hidden,), and of the straight way (features,)."""

    into: FloatArray
    bias: FloatArray
    out: FloatArray
    straight: FloatArray

    def judge(self, rows: FloatArray) -> FloatArray:
        """Nats for each reading: (readings, features) -> (readings,)."""
        return np.asarray(np.tanh(rows @ self.into + self.bias) @ self.out + rows @ self.straight)


@cache
def learned() -> Weights:
    """The weights that come with BrainMusic."""
    with np.load(WEIGHTS) as stored:
        return Weights(*(stored[name].astype(np.float64) for name in Weights._fields))


def judged(onsets: Sequence[Struck], bpm: float, now_beats: float, weights: Weights | None = None) -> FloatArray:
    """Log chance of each of READINGS, (14,); -inf for tempi out of range."""
    nats = np.full(len(READINGS), -math.inf)
    possible = [i for i, one in enumerate(READINGS) if SLOWEST_BPM <= bpm * one.ratio <= FASTEST_BPM]
    if not possible:
        return nats
    rows = features(onsets, [READINGS[i] for i in possible], bpm, now_beats)
    scores = (weights or learned()).judge(rows)
    nats[possible] = scores - np.logaddexp.reduce(scores)
    return nats
