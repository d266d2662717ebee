"""What is believed of the person's pulse: tempo, feel and place in the beat, carried from onset to onset.

A belief over (feel, tempo, place in the beat) is carried from onset to onset as a hidden Markov model: it moves on with
each tempo, spreads as tempi drift, and is multiplied by how well each place explains an onset now and the silence
before. So several readings stay alive beside each other (half and double time, straight and swung), and the best one
can change its mind. The idea of a bar pointer is of Whiteley, Cemgil & Godsill, "Bayesian Modelling of Temporal
Structure in Musical Audio" (2006); the grid, the density-aware profile and its numbers are our own.

Pure. The work of an onset does not depend on what came before (about 0.3 ms).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from improv.music.attributes import FloatArray

SLOWEST_BPM, FASTEST_BPM = 40.0, 220.0
TEMPO_STEP = 0.025  # of the tempo, from one hypothesis to the next
PLACES = 48  # of a beat: twelfths and sixteenths fall on it
# How far from its place in the beat an onset may lie, deviations: of people's hands, and of how the beat is divided.
JITTER_S, JITTER_BEATS = 0.018, 0.018
FEELS = ("straight", "swung")
_GRID = ((0.0, 0.5, 0.25, 0.75), (0.0, 2 / 3, 1 / 3, 1 / 2))
_RANK = ((0, 1, 2, 2), (0, 1, 2, 3))
FEEL_PRIOR = (0.8, 0.2)
PRIOR_BPM, PRIOR_OCTAVES = 112.0, 0.5
PRIOR_PER_ONSET = 0.08  # of the prior's nats: what is played weighs more
# Each beat the tempo may drift by so much (deviation, as a share); and so much of the belief begins anew.
DRIFT_PER_BEAT, ANEW_PER_ONSET = 0.035, 0.003
FEEL_CHANGES_PER_ONSET = 0.01
ACCENT = 1.4  # nats by which the strongest onsets belong to the beat rather than to its quarters
STRAY_PER_S = 0.25  # onsets that belong to no place: ornaments, slips
RATE_FADES_S = 6.0
LONGEST_SILENCE_S = 8.0  # after it the tempo is remembered, its place is not
# Free playing: mean advantage of the beat over no beat, nats an onset, below which there is none; and above it.
FREE_BELOW, SURE_ABOVE = 0.15, 0.55
ADVANTAGE_FADES_ONSETS = 12.0


class Believed(NamedTuple):
    """The likeliest pulse. phase: beats since the last beat. feel: of FEELS. share: of the belief that lies there."""

    period_s: float
    phase: float
    feel: int
    share: float


def _tempi() -> FloatArray:
    count = round(math.log(FASTEST_BPM / SLOWEST_BPM) / TEMPO_STEP)
    return np.asarray(SLOWEST_BPM * np.exp(TEMPO_STEP * np.arange(count + 1)))


_TEMPI = _tempi()
_PERIODS = 60.0 / _TEMPI
_PLACE = np.arange(PLACES) / PLACES
_PRIOR = np.exp(-0.5 * (np.log2(_TEMPI / PRIOR_BPM) / PRIOR_OCTAVES) ** 2)
_PRIOR /= _PRIOR.sum()
_LEAN = (_PRIOR / _PRIOR.max())[:, None] ** PRIOR_PER_ONSET
_FEEL_PRIOR = np.array(FEEL_PRIOR)


def _bumps() -> FloatArray:
    """Density of an onset's place around each place of the grid, per beat: (feels, 4, tempi, places)."""
    width = np.sqrt((JITTER_S / _PERIODS) ** 2 + JITTER_BEATS**2)
    bumps = np.empty((len(FEELS), 4, len(_TEMPI), PLACES))
    for feel, places in enumerate(_GRID):
        for index, place in enumerate(places):
            away = (_PLACE - place + 0.5) % 1.0 - 0.5
            bumps[feel, index] = np.exp(-0.5 * (away / width[:, None]) ** 2) / (width[:, None] * math.sqrt(2 * math.pi))
    return bumps


_BUMPS = _bumps()
# How much of each place of the grid has passed by a place of the beat: (feels, 4, places + 1), 0..1.
_PASSED = np.concatenate([np.zeros((2, 4, 1)), np.cumsum(_BUMPS.mean(axis=2), axis=2)], axis=2)
_PASSED /= _PASSED[:, :, -1:]


# Chance of an onset at ranks 0 (the beat), 1 (its half), 2 (quarters, thirds), 3 (what swing leaves empty) by onsets a
# beat: a beat fills from its strongest place to its weakest.
_FILLED_AT = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 12.0])
_FILLED = np.array(
    [
        [0.02, 0.45, 0.85, 0.93, 0.96, 0.96, 0.96, 0.97, 0.97],
        [0.01, 0.05, 0.12, 0.50, 0.90, 0.92, 0.93, 0.95, 0.95],
        [0.01, 0.02, 0.02, 0.03, 0.06, 0.22, 0.50, 0.88, 0.92],
        [0.01, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.15, 0.40],
    ]
)


def _shares(per_beat: FloatArray) -> FloatArray:
    """Chance of an onset at each rank by onsets a beat: (n,) -> (n, 4)."""
    return np.stack([np.interp(per_beat, _FILLED_AT, row) for row in _FILLED], axis=1)


def _fresh() -> FloatArray:
    """What is believed before anything was heard, shape (feels, tempi, places)."""
    start = _FEEL_PRIOR[:, None, None] * _PRIOR[None, :, None] / PLACES
    return np.asarray(np.broadcast_to(start, (len(FEELS), len(_TEMPI), PLACES)).copy())


def _drifted(belief: FloatArray, share: float) -> FloatArray:
    """A belief after the tempo has changed a little: `share` of each tempo goes to either neighbour."""
    spread = (1 - 2 * share) * belief
    spread[:, 1:] += share * belief[:, :-1]
    spread[:, :-1] += share * belief[:, 1:]
    spread[:, 0] += share * belief[:, 0]
    spread[:, -1] += share * belief[:, -1]
    mixed = (1 - FEEL_CHANGES_PER_ONSET) * spread + FEEL_CHANGES_PER_ONSET * spread[::-1]
    return np.asarray(mixed)


class BeatBelief:
    """Feed it with `take`, ask it with `read`."""

    def __init__(self) -> None:
        self._belief = _fresh()
        self._at_s = -math.inf  # the belief's moment
        self._rate = 0.0  # onsets per s
        self._advantage = 0.0
        self._onsets = 0

    @property
    def metrical(self) -> float:
        """0 free playing .. 1 a clear beat."""
        return min(max((self._advantage - FREE_BELOW) / (SURE_ABOVE - FREE_BELOW), 0.0), 1.0)

    def take(self, at_s: float, accent: float) -> None:
        """An onset at `at_s`; accent: -1 weak .. 1 strong."""
        gap_s = at_s - self._at_s
        if gap_s > LONGEST_SILENCE_S:
            tempi = self._belief.sum(axis=2, keepdims=True) if math.isfinite(gap_s) else None
            self._belief = _fresh()
            if tempi is not None:
                self._belief = 0.7 * np.repeat(tempi / PLACES, PLACES, axis=2) + 0.3 * self._belief
            gap_s = 0.0
            self._rate = 0.0
        self._rate = self._rate_after(gap_s)
        shares = _shares(np.clip(self._rate * _PERIODS, 0.2, 12.0))
        if gap_s > 0:
            self._pass(gap_s, shares)
        self._explain(accent, shares)
        self._at_s = at_s
        self._onsets += 1

    def _rate_after(self, gap_s: float) -> float:
        """Onsets per second lately; the first gaps count by themselves."""
        if gap_s <= 0:
            return max(self._rate, 1.0)
        share = max(1 - math.exp(-gap_s / RATE_FADES_S), 1 / (self._onsets + 1))
        smooth_s = (1 - share) / self._rate + share * gap_s if self._rate else gap_s
        return 1 / smooth_s

    def _pass(self, gap_s: float, shares: FloatArray) -> None:
        """Time goes on without an onset: the belief moves, spreads, and pays for the places that stayed empty."""
        tempi = len(_TEMPI)
        moved = gap_s / _PERIODS * PLACES
        whole = np.floor(moved).astype(np.int64)
        part = (moved - whole)[None, :, None]
        source = (np.arange(PLACES)[None, :] - whole[:, None]) % PLACES
        rows = np.arange(tempi)[:, None]
        here, before = self._belief[:, rows, source], self._belief[:, rows, (source - 1) % PLACES]
        belief = (1 - part) * here + part * before
        # What has passed on the way to each place, in expected onsets.
        cost = -np.log1p(-shares)  # (tempi, ranks)
        beats = gap_s / _PERIODS
        laps = np.floor(beats)
        rest = (beats - laps)[:, None]
        start = (_PLACE[None, :] - rest) % 1.0
        for feel in range(len(FEELS)):
            owed = np.zeros((tempi, PLACES))
            for index, rank in enumerate(_RANK[feel]):
                passed = _PASSED[feel, index]
                at_start = np.interp(start * PLACES, np.arange(PLACES + 1), passed)
                way = laps[:, None] + passed[None, :PLACES] - at_start + (start > _PLACE[None, :])
                owed += cost[:, rank, None] * way
            belief[feel] *= np.exp(-owed)
        spread = min(DRIFT_PER_BEAT**2 * float(np.mean(beats)) / (2 * TEMPO_STEP**2), 0.33)
        self._belief = _drifted(belief, spread)

    def _explain(self, accent: float, shares: FloatArray) -> None:
        """Multiply by the chance of an onset now, at every place and tempo."""
        odds = shares / (1 - shares) * np.exp(ACCENT * accent * np.array([1.0, 0.0, -0.7, -0.7]))
        chance = np.empty_like(self._belief)
        for feel in range(len(FEELS)):
            weights = odds[:, list(_RANK[feel])]  # (tempi, 4)
            chance[feel] = np.einsum("kg,gkp->kp", weights, _BUMPS[feel]) / _PERIODS[:, None] + STRAY_PER_S
        total = self._belief.sum()
        belief = self._belief * chance
        explained = float(belief.sum() / total) if total > 0 else 0.0
        if not explained > 1e-12:
            self._belief = _fresh()
            return
        self._judge(explained, shares)
        belief *= _LEAN
        belief /= belief.sum()
        self._belief = (1 - ANEW_PER_ONSET) * belief + ANEW_PER_ONSET * _fresh()

    def _judge(self, explained: float, shares: FloatArray) -> None:
        """How much better the beat foresaw this onset than no beat at all would have."""
        tempi = self._belief.sum(axis=(0, 2))
        flat = float((tempi * ((shares / (1 - shares))[:, [0, 1, 2, 2]].sum(axis=1) / _PERIODS)).sum() / tempi.sum())
        advantage = math.log(explained / (flat + STRAY_PER_S))
        share = max(1 / ADVANTAGE_FADES_ONSETS, 1 / (self._onsets + 1))
        self._advantage += share * (min(max(advantage, -2.0), 2.0) - self._advantage)

    def read(self) -> Believed:
        """Period, place in the beat at the belief's moment, feel."""
        tempi = self._belief.sum(axis=(0, 2))
        best = int(np.convolve(tempi, (1.0, 1.0, 1.0), mode="same").argmax())
        near = slice(max(best - 2, 0), best + 3)
        weights = tempi[near]
        period_s = 60.0 / float(np.exp(np.average(np.log(_TEMPI[near]), weights=weights)))
        places = self._belief[:, near].sum(axis=(0, 1))
        around = np.concatenate([places, places, places])
        top = int(np.convolve(around, np.ones(5), mode="same")[PLACES : 2 * PLACES].argmax())
        away = (_PLACE - top / PLACES + 0.5) % 1.0 - 0.5
        close = np.abs(away) <= 0.12
        here = places[close] + 1e-300
        phase = top / PLACES + float(np.average(away[close], weights=here))
        sharp = float(here.sum() / (places.sum() + 1e-300)) * min(1.0, 1.3 * float(weights.sum()))
        feel = int(self._belief[1, near].sum() > self._belief[0, near].sum())
        return Believed(period_s, phase, feel, sharp)
