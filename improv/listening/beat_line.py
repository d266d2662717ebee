"""A reading of the beat, followed finely: a Kalman filter over when a beat falls, how long it is, and how it sways.

The tempo of people who take time goes around a mean: what is taken is given back. So a beat's length is a mean that
drifts and a sway that swings back, as a damped oscillator does. Pure; seconds of the clock.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from improv.music.attributes import FloatArray

PARTS = 12  # of a beat: every place of a grid falls on one
JITTER_S = 0.014  # of a hand that strikes one key; of several keys, the less
# Of the beat's place, s a beat; a sway swings back with so much of a radian a beat, damped so much.
PLACE_DRIFT_S, SWAY_RADIANS, SWAY_DAMPING = 0.001, 0.45, 0.2
# At first: deviation of the place in s, of the period and of the sway as shares of the period.
FIRST_PLACE_S, FIRST_PERIOD, FIRST_SWAY = 0.02, 0.04, 0.03
FORESEEN_FADES_ONSETS = 12.0
GATE_DEVIATIONS, GATE_BEATS = 3.0, 0.16  # an onset further from every place belongs to none
MOST_BEATS_AT_ONCE = 16


class Player(NamedTuple):
    """How a tempo moves: drift of its mean and push of its sway, as shares of the period, a beat."""

    drift: float
    push: float


STEADY, SWAYING = Player(0.004, 0.0), Player(0.004, 0.012)


class Place(NamedTuple):
    """A place of the beat where onsets fall: parts of a beat 0..12, and nats against an onset there."""

    part: int
    cost: float


class BeatLine:
    """Time as a function of beats: state (s of `part`, mean period, sway, its change), all a beat."""

    def __init__(self, at_s: float, period_s: float, player: Player, part: int = 0) -> None:
        self.player = player
        self.part = part
        """Twelfths of beats since the line began; the state is that of this place."""
        self.foresight = 0.0
        """Mean log chance of the last onsets."""
        self.closeness = 0.5
        """How closely the last onsets came where they were foreseen: 1 exactly, 0 anywhere within a quarter."""
        self._state = np.array([at_s, period_s, 0.0, 0.0])
        sway = FIRST_SWAY * period_s * (player.push > 0)
        self._spread = np.diag([FIRST_PLACE_S, FIRST_PERIOD * period_s, sway, sway * SWAY_RADIANS]) ** 2

    @property
    def period_s(self) -> float:
        """Of the beat that passes at `part`."""
        return float(self._state[1] + self._state[2])

    @property
    def mean_period_s(self) -> float:
        """Around which it sways."""
        return float(self._state[1])

    def second(self, part: int) -> float:
        """When a place comes, or came."""
        return float((_moved(part - self.part) @ self._state)[0])

    def at(self, now_s: float) -> tuple[float, float]:
        """Where the line is at a moment: beats since it began, and the period there in s."""
        beats = (now_s - self._state[0]) / self.period_s
        beats = min(max(beats, -float(MOST_BEATS_AT_ONCE)), float(MOST_BEATS_AT_ONCE))
        part = round(beats * PARTS)
        at_s, mean_s, sway_s, _ = _moved(part) @ self._state
        period_s = float(mean_s + sway_s)
        return (self.part + part) / PARTS + (now_s - float(at_s)) / period_s, period_s

    def move(self, onset_s: float, places: Sequence[Place], keys: int = 1) -> int | None:
        """Take an onset in; returns the place that it belongs to, None where it is near no place."""
        beat = math.floor(self.at(onset_s)[0])
        jitter = JITTER_S**2 / math.sqrt(keys)
        best = None
        for place in (*(Place(p + PARTS * lap, cost) for lap in (0, 1) for p, cost in places),):
            part = beat * PARTS + place.part
            if part >= (beat + 1) * PARTS + PARTS // 2:
                continue
            moved = _moved(part - self.part)
            spread = float((moved @ self._spread @ moved.T)[0, 0]) + self._noise(part - self.part)[0, 0] + jitter
            off_s = onset_s - float((moved @ self._state)[0])
            cost = 0.5 * off_s * off_s / spread + place.cost
            if best is None or cost < best[0]:
                best = (cost, part, off_s, spread)
        assert best is not None
        cost, part, off_s, spread = best
        chance = -min(cost, 4.0) - 0.5 * math.log(spread)
        self.foresight += (chance - self.foresight) / FORESEEN_FADES_ONSETS
        close = math.cos(2 * math.pi * 4 * off_s / self.period_s)
        self.closeness += (close - self.closeness) / FORESEEN_FADES_ONSETS
        if abs(off_s) > max(GATE_DEVIATIONS * math.sqrt(spread), GATE_BEATS * self.period_s):
            return None
        if part > self.part:
            moved = _moved(part - self.part)
            self._spread = moved @ self._spread @ moved.T + self._noise(part - self.part)
            self._state = moved @ self._state
            self.part = part
        seen = _moved(part - self.part)[0]
        gain = self._spread @ seen / (float(seen @ self._spread @ seen) + jitter)
        self._state = self._state + gain * off_s
        self._spread = self._spread - np.outer(gain, seen @ self._spread)
        return part

    def rescale(self, ratio: float, shift: int) -> None:
        """The beat is another one: so many times as fast; the place that is `shift` twelfths of a new beat from where
        the line began is its new beginning.
        """
        scale = np.array([1.0, 1 / ratio, 1 / ratio, 1 / ratio**2])
        exact = self.part * ratio + shift
        self._state, self._spread = self._state * scale, self._spread * np.outer(scale, scale)
        part = round(exact)
        self._state = _shifted(self._state, (part - exact) / PARTS)
        self.part = part

    def _noise(self, parts: int) -> FloatArray:
        beats, period_s = max(parts, 0) / PARTS, self.period_s
        drift, push = self.player.drift * period_s, self.player.push * period_s
        return np.diag([PLACE_DRIFT_S**2, drift**2, 0.0, push**2]) * beats


def _shifted(state: FloatArray, beats: float) -> FloatArray:
    moved = state.copy()
    moved[0] += beats * (state[1] + state[2])
    return moved


@lru_cache(maxsize=4 * PARTS * MOST_BEATS_AT_ONCE)
def _moved(parts: int) -> FloatArray:
    """How the state goes on over so many twelfths of a beat, (4, 4): the exponential of its motion, by its series."""
    motion = np.array(
        [
            [0.0, 1.0, 1.0, 0.0],
            [0.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 1.0],
            [0.0, 0.0, -(SWAY_RADIANS**2), -2 * SWAY_DAMPING * SWAY_RADIANS],
        ]
    )
    halvings = 8
    step = motion * (parts / PARTS / 2**halvings)
    total = term = np.eye(4)
    for order in range(1, 8):
        term = term @ step / order
        total = total + term
    for _ in range(halvings):
        total = total @ total
    return np.asarray(total)
