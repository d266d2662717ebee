"""Where the person's beat is: tempo and phase from the moments at which keys are struck, at every moment of the clock.

A belief over (feel, tempo, place in the beat) is carried from onset to onset as a hidden Markov model: it moves on with
each tempo, spreads as tempi drift, and is multiplied by how well each place explains an onset now and the silence
before. So several readings stay alive beside each other (half and double time, straight and swung), and the best one
can change its mind. The idea of a bar pointer is of Whiteley, Cemgil & Godsill, "Bayesian Modelling of Temporal
Structure in Musical Audio" (2006); the grid, the density-aware profile and its numbers are our own.

Pure: whoever asks says what time it is. The work of an onset does not depend on what came before (about 0.3 ms), and
what is struck within CHORD_SPREAD_S is one onset, so there are never more than some 30 a second.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from improv.music.attributes import FloatArray

SLOWEST_BPM, FASTEST_BPM = 40.0, 220.0
TEMPO_STEP = 0.025  # of the tempo, from one hypothesis to the next
PLACES = 48  # of a beat: twelfths and sixteenths fall on it
CHORD_SPREAD_S = 0.035  # keys struck within it are one onset
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
FREE_BELOW, SURE_ABOVE = 0.15, 0.9
ADVANTAGE_FADES_ONSETS = 12.0
LEAST_ONSETS = 6
# The fine lines: jitter of an onset and of the beat's place (s); drift of the period a beat (share), of a steady player
# and of one who takes time. The line that foresaw the last onsets better is gone by.
LINE_JITTER_S, LINE_PHASE_DRIFT_S, LINE_DRIFTS = 0.012, 0.002, (0.004, 0.03)
FORESEEN_FADES_ONSETS, LINE_GATE_BEATS = 12.0, 0.12
# The line is drawn anew where the belief has been elsewhere for so many onsets: another tempo (share) or place (beats).
ELSEWHERE_ONSETS, OTHER_TEMPO, OTHER_PLACE = 2, 0.10, 0.13
ON_BEAT, DOWNBEAT_FADES = 0.12, 0.96


class Beat(NamedTuple):
    """What is believed of the person's beat.

    tempo_bpm: of the beat, 40..220. at_s: the clock's time of one of its beats. confidence: 0 (free playing, or too
    little was heard) .. 1. swung: the second eighth of a beat comes late.
    beat_in_bar: which beat of the bar the one at at_s is; 0 is the downbeat.
    """

    tempo_bpm: float
    at_s: float
    confidence: float
    swung: bool = False
    beat_in_bar: int = 0

    @property
    def period_s(self) -> float:
        return 60.0 / self.tempo_bpm

    def phase(self, at_s: float) -> float:
        """Beats since the last beat at a moment, 0..1."""
        return ((at_s - self.at_s) / self.period_s) % 1.0


class _Onset(NamedTuple):
    at_s: float
    strength: float


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


class _Line:
    """One reading of the beat, followed finely: a Kalman filter over the time of a beat and its period.

    The belief above is as coarse as its grid; this is what other parts keep time by.
    """

    def __init__(self, at_s: float, period_s: float, drift: float, number: int) -> None:
        self.at_s, self.period_s, self._drift = at_s, period_s, drift
        self.number = number  # of the beat at at_s
        self.foresight = 0.0  # mean log chance of the last onsets
        self._phase_var, self._cross, self._period_var = 0.02**2, 0.0, (0.03 * period_s) ** 2

    def move(self, onset_s: float, places: tuple[float, ...]) -> None:
        """Take an onset that lies near one of the places of the beat."""
        beats = math.floor((onset_s - self.at_s) / self.period_s)
        if beats > 0:
            self._go(beats)
        place = (onset_s - self.at_s) / self.period_s
        nearest = min((*places, 1.0), key=lambda one: abs(one - place))
        off_s = onset_s - self.at_s - nearest * self.period_s
        # The onset sees at_s + nearest * period_s.
        gain_phase = self._phase_var + nearest * self._cross
        gain_period = self._cross + nearest * self._period_var
        spread = gain_phase + nearest * gain_period + LINE_JITTER_S**2
        share = 1 / FORESEEN_FADES_ONSETS
        chance = max(-0.5 * off_s * off_s / spread, -4.0) - 0.5 * math.log(spread)
        self.foresight += share * (chance - self.foresight)
        if abs(off_s) > LINE_GATE_BEATS * self.period_s:
            return  # it belongs to no place
        k_phase, k_period = gain_phase / spread, gain_period / spread
        self.at_s += k_phase * off_s
        self.period_s += k_period * off_s
        self._phase_var -= k_phase * gain_phase
        self._cross -= k_phase * gain_period
        self._period_var -= k_period * gain_period

    def _go(self, beats: int) -> None:
        self.at_s += beats * self.period_s
        self.number += beats
        self._phase_var += 2 * beats * self._cross + beats * beats * self._period_var + beats * LINE_PHASE_DRIFT_S**2
        self._cross += beats * self._period_var
        self._period_var += beats * (self._drift * self.period_s) ** 2


class BeatTracker:
    """Feed it with `strike`, ask it with `beat`."""

    def __init__(self, beats_per_bar: int = 4) -> None:
        """beats_per_bar: for the downbeat."""
        self._downbeats = np.zeros(max(beats_per_bar, 1))
        self._accent_now = 0.0
        self._belief = _fresh()
        self._at_s = -math.inf  # the belief's moment
        self._waiting: _Onset | None = None
        self._rate = 0.0  # onsets per s
        self._mean, self._square = 0.5, 0.05  # of strengths
        self._advantage = 0.0
        self._onsets = 0
        self._lines: tuple[_Line, ...] = ()
        self._elsewhere = self._feel = 0
        self._sharp = 0.0

    def strike(self, at_s: float, velocity: int, pitch: int = 60) -> None:
        """A key was struck at `at_s`, not earlier than the ones before. velocity: 1..127. pitch: 0..127."""
        # A low note and a chord mark the beat.
        strength = velocity / 127 + 0.25 * max(0.0, (60 - pitch) / 24)
        waiting = self._waiting
        if waiting is not None and at_s - waiting.at_s < CHORD_SPREAD_S:
            self._waiting = waiting._replace(strength=max(waiting.strength, strength) + 0.1)
            return
        if waiting is not None:
            self._take(waiting)
        self._waiting = _Onset(at_s, strength)

    def beat(self, now_s: float) -> Beat | None:
        """What is believed at `now_s`; None before the first onsets."""
        waiting = self._waiting
        if waiting is not None and now_s - waiting.at_s >= CHORD_SPREAD_S:
            self._waiting = None
            self._take(waiting)
        line = self._best()
        if line is None:
            return None
        metrical = min(max((self._advantage - FREE_BELOW) / (SURE_ABOVE - FREE_BELOW), 0.0), 1.0)
        bpm = min(max(60.0 / line.period_s, SLOWEST_BPM), FASTEST_BPM)
        in_bar = (line.number - int(self._downbeats.argmax())) % len(self._downbeats)
        return Beat(bpm, line.at_s, metrical * min(self._sharp, 1.0), FEELS[self._feel] == "swung", in_bar)

    # ---------------------------------------------------------------------------------------------------- belief

    def _take(self, onset: _Onset) -> None:
        gap_s = onset.at_s - self._at_s
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
        self._explain(onset, shares)
        self._at_s = onset.at_s
        self._onsets += 1
        if self._onsets >= LEAST_ONSETS:
            self._follow(onset.at_s, self._accent_now)

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

    def _explain(self, onset: _Onset, shares: FloatArray) -> None:
        """Multiply by the chance of an onset now, at every place and tempo."""
        accent = self._accent_now = self._accent(onset.strength)
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

    def _accent(self, strength: float) -> float:
        """-1 weak .. 1 strong, against the onsets so far."""
        deviation = math.sqrt(max(self._square, 0.0025))
        accent = math.tanh((strength - self._mean) / deviation)
        share = max(0.08, 1 / (self._onsets + 1))
        off = strength - self._mean
        self._mean += share * off
        self._square += share * (off * off - self._square)
        return accent

    def _judge(self, explained: float, shares: FloatArray) -> None:
        """How much better the beat foresaw this onset than no beat at all would have."""
        tempi = self._belief.sum(axis=(0, 2))
        flat = float((tempi * ((shares / (1 - shares))[:, [0, 1, 2, 2]].sum(axis=1) / _PERIODS)).sum() / tempi.sum())
        advantage = math.log(explained / (flat + STRAY_PER_S))
        share = max(1 / ADVANTAGE_FADES_ONSETS, 1 / (self._onsets + 1))
        self._advantage += share * (min(max(advantage, -2.0), 2.0) - self._advantage)

    # --------------------------------------------------------------------------------------------------- reading

    def _follow(self, onset_s: float, accent: float) -> None:
        """Move the fine line with the onset, or to where the belief is by now."""
        period_s, phase, feel, self._sharp = self._read()
        for each in self._lines:
            each.move(onset_s, _GRID[feel])
        line = self._best()
        if line is not None:
            away = ((onset_s - line.at_s) / line.period_s - phase + 0.5) % 1.0 - 0.5
            differs = abs(math.log(line.period_s / period_s)) > OTHER_TEMPO or abs(away) > OTHER_PLACE
            self._elsewhere = self._elsewhere + 1 if differs else 0
        if line is None or self._elsewhere >= ELSEWHERE_ONSETS:
            at_s, number = onset_s - phase * period_s, 0
            if line is not None and abs(math.log(line.period_s / period_s)) < OTHER_TEMPO:
                number = line.number + round((at_s - line.at_s) / period_s)
            else:
                self._downbeats[:] = 0.0
            self._lines = tuple(_Line(at_s, period_s, drift, number) for drift in LINE_DRIFTS)
            self._elsewhere = 0
        self._feel = feel
        self._weigh(onset_s, accent)

    def _weigh(self, onset_s: float, accent: float) -> None:
        """An onset on a beat speaks for that beat being the downbeat, as far as it is stronger than others."""
        line = self._best()
        if line is None:
            return
        beats = round((onset_s - line.at_s) / line.period_s)
        if abs((onset_s - line.at_s) / line.period_s - beats) < ON_BEAT:
            self._downbeats *= DOWNBEAT_FADES
            self._downbeats[(line.number + beats) % len(self._downbeats)] += accent

    def _best(self) -> _Line | None:
        return max(self._lines, key=lambda line: line.foresight, default=None)

    def _read(self) -> tuple[float, float, int, float]:
        """Period, place in the beat at the belief's moment, feel, and how much of the belief lies there, 0..1."""
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
        return period_s, phase, feel, sharp
