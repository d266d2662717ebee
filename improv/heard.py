"""What was heard lately, as far as steering compares it with what is commanded. All of it fades."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from improv.attributes import FloatArray, intervals
from improv.steering import DISSONANCE_HALF_LIFE_BEATS, REGISTER_SHARE, Pace

# The key is felt over about the last four bars: the histogram halves in 16 beats.
KEY_HALF_LIFE_BEATS = 16.0


def classes_of(pitches: Collection[int]) -> FloatArray:
    """Notes per pitch class, shape (12,)."""
    return np.bincount([pitch % 12 for pitch in pitches], minlength=12).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Heard:
    """histogram: ticks that each pitch class sounded, shape (12,). register: mean MIDI pitch of what began, None before
    the first note. harsh, pairs: dissonant intervals and all intervals at onsets. pace: onsets that were due and came.
    """

    histogram: FloatArray = field(default_factory=lambda: np.zeros(12))
    register: float | None = None
    harsh: float = 0.0
    pairs: float = 0.0
    pace: Pace = field(default_factory=Pace)

    def after(
        self,
        ticks: int,
        beats: float,
        started: Sequence[int],
        held: Sequence[int],
        told: Collection[int],
        *,
        due: float,
        register: float,
    ) -> Heard:
        """A step of so many ticks and beats later.

        started: pitches that began in it. held: that sounded in it, those among them. told: keys that somebody else
        held. due: onsets that were commanded for as long. register: commanded; the mean begins there, for a first note
        alone says little.
        """
        histogram = self.histogram * 0.5 ** (beats / KEY_HALF_LIFE_BEATS)
        for pitch in (*held, *told):
            histogram[pitch % 12] += ticks
        lies = self.register
        if started:
            before = register if lies is None else lies
            lies = before + REGISTER_SHARE * (sum(started) / len(started) - before)
        fade = 0.5 ** (beats / DISSONANCE_HALF_LIFE_BEATS)
        harsh, pairs = intervals(classes_of(held)) if started else (0.0, 0.0)
        return Heard(
            histogram,
            lies,
            fade * self.harsh + harsh,
            fade * self.pairs + pairs,
            self.pace.after(beats, due, bool(started)),
        )

    def on_grid(self, rate: float) -> Heard:
        """The same on a grid of `rate` times as many ticks a beat."""
        return Heard(self.histogram * rate, self.register, self.harsh, self.pairs, self.pace)
