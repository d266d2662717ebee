"""What was heard lately, as far as the biases compare it with what is commanded. All of it fades."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from improv.improviser.biases import DISSONANCE_HALF_LIFE_BEATS, LARGEST_PACE_OWED_S, LATELY_SHARE, NOTES_PER_ONSET
from improv.music.attributes import FloatArray, intervals, mode_of

# The key is felt over the last few bars: the histogram halves in 8 beats. Steered by a memory twice as long,
# major and minor stretches balance where the middle is commanded: right on the whole, but not in any 12 s.
KEY_HALF_LIFE_BEATS = 8.0
# An ending closes in the key of a longer stretch, not in that which the music just passes through.
HOME_HALF_LIFE_BEATS = 16.0
# What stayed out of step for longer than that is made up for as well.
OWED_HALF_LIFE_BEATS = 64.0


def classes_of(pitches: Collection[int]) -> FloatArray:
    """Notes per pitch class, shape (12,)."""
    return np.bincount([pitch % 12 for pitch in pitches], minlength=12).astype(np.float64)


def leads(started: Collection[int], sounding: Collection[int]) -> bool:
    """Whether the highest of what sounds began now: then a listener hears the melody go on."""
    return bool(started) and max(started) >= max(sounding, default=0)


@dataclass(frozen=True, slots=True)
class Feedback:
    """What the biases look at; a beginning without arguments has heard nothing.

    histogram: ticks that each pitch class sounded lately, shape (12,).
    home: the same for longer.
    register: mean MIDI pitch of what began; None before the first note.
    chord: mean number of notes at an onset.
    harsh, pairs: dissonant intervals and all intervals at onsets.
    pace_owed_s: how long those notes of the melody would take that were due and did not come; below 0: too many came.
    mode_owed: mean of how far the mode was off its command.
    melody_pitch: the last tone of the melody; None before the first.
    """

    histogram: FloatArray = field(default_factory=lambda: np.zeros(12))
    home: FloatArray = field(default_factory=lambda: np.zeros(12))
    register: float | None = None
    chord: float = NOTES_PER_ONSET
    harsh: float = 0.0
    pairs: float = 0.0
    pace_owed_s: float = 0.0
    mode_owed: float = 0.0
    melody_pitch: int | None = None

    def after(
        self,
        ticks: int,
        beats: float,
        seconds: float,
        started: Sequence[int],
        sounding: Sequence[int],
        person_keys: Collection[int],
        *,
        melody: bool,
        onsets_per_s: float,
        register: float,
        mode: float,
    ) -> Feedback:
        """A step of so many ticks, beats and seconds later.

        started: pitches that began in it. sounding: those, and what keys or pedal hold from before. person_keys: that
        somebody else held. melody: whether a note of the melody began (`leads`). onsets_per_s, register, mode:
        commanded. The mean pitch begins at the register, for a first note alone says little.
        """
        sounded = ticks * classes_of([*sounding, *person_keys])
        histogram = self.histogram * 0.5 ** (beats / KEY_HALF_LIFE_BEATS) + sounded
        lies, chord = self.register, self.chord
        if started:
            before = register if lies is None else lies
            lies = before + LATELY_SHARE * (sum(started) / len(started) - before)
            chord += LATELY_SHARE * (len(started) - chord)
        fade = 0.5 ** (beats / DISSONANCE_HALF_LIFE_BEATS)
        harsh, pairs = intervals(classes_of(sounding)) if started else (0.0, 0.0)
        lasts = 0.5 ** (beats / OWED_HALF_LIFE_BEATS)
        owed_s = lasts * self.pace_owed_s + seconds - melody / onsets_per_s
        return Feedback(
            histogram,
            self.home * 0.5 ** (beats / HOME_HALF_LIFE_BEATS) + sounded,
            lies,
            chord,
            fade * self.harsh + harsh,
            fade * self.pairs + pairs,
            min(max(owed_s, -LARGEST_PACE_OWED_S), LARGEST_PACE_OWED_S),
            lasts * self.mode_owed + (1 - lasts) * (mode - mode_of(histogram)),
            max(started) if melody else self.melody_pitch,
        )

    def on_grid(self, rate: float) -> Feedback:
        """The same on a grid of `rate` times as many ticks a beat."""
        return replace(self, histogram=self.histogram * rate, home=self.home * rate)
