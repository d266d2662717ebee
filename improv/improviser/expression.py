"""How notes are played in families without dynamics of their own: velocity, delays, lengths, pedal. Pure functions.

The rules are those that performance research agrees on (Friberg, Bresin & Sundberg 2006, "Overview of the KTH rule
system for musical performance"): phrase arcs, melody before accompaniment, metric accents, final ritardando. They are
balanced so that the mean velocity over two phrases is about the commanded loudness.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from improv.model.vocabulary.hands import LEFT, RIGHT
from improv.music.position import Position

# In velocity steps, at strength 1.
MELODY_ABOVE, BASS_BELOW, INNER_BELOW = 6.0, 2.0, 7.0
BAR_ACCENT, BEAT_ACCENT, OFFBEAT = 5.0, 2.0, -2.0
# Shares of the loudness: pianists swell less where they play softly. From one 4 s to the next the mean velocity of
# human performances changes by 6.4 (40 of piano-midi-de) and 5.7 (40 piano rolls of 1905-1930); ours so by 5.6.
PHRASE_SWELL, PHRASE_BARS = 0.2, 4
PHRASE_MEAN = 0.63  # of sin(pi x^1.2) over a phrase
# Two phrases make a period: it grows until the height of the second phrase and falls away after it.
PERIOD_SWELL, PERIOD_HEIGHT = 0.16, 0.8
VELOCITY_NOISE = 2.5
# The melody is on time, the other notes of a chord follow within this (pianists lead the melody by 10-30 ms).
LONGEST_DELAY_S = 0.012
SHORTEST_NOTE_S = 0.04
# From this articulation on the pedal holds what the fingers let go, until the next half bar at the latest.
PEDAL_FROM = 0.94
PEDAL_BEATS = 2.0
# Where hands are known, in velocities at REFERENCE_LOUDNESS.
MELODY_SINGS, ACCOMPANIMENT_BELOW, INNER_UNDER = 7.5, 8.0, 7.0
ARC_SWELL, ACCENT_OF_HANDS, REFERENCE_LOUDNESS = 8.0, 0.8, 72.0
ENDING_SLOWDOWN, ENDING_SOFTENING = 0.3, 0.25


class Arc(NamedTuple):
    """Where a note stands in the large. swell: -1..1, of its phrase. phrase: velocities that the phrase is louder than
    its neighbours. ending: how near the end is, 0..1.
    """

    swell: float
    phrase: float
    ending: float


@dataclass(frozen=True, slots=True)
class Expression:
    """strength: 0 plays every note alike .. 1 as designed .. 2 exaggerated."""

    strength: float = 1.0

    def velocities(
        self,
        pitches: tuple[int, ...],
        position: Position,
        loudness: float,
        ending: float,
        rng: np.random.Generator,
        above: int = -1,
    ) -> tuple[int, ...]:
        """Velocity 1..127 of each note that starts here, high to low. loudness: mean velocity. ending: 0..1.

        above: the highest pitch that sounds on from before, or -1: what starts below it is accompaniment.
        """
        # Arcs and accents level off as the end comes near, so that it is softer wherever in phrase and bar it falls.
        swell = loudness * (self._phrase(position) + self._period(position))
        accent = (1 - ending) * (self._accent(position) + swell)
        noise = rng.normal(0.0, VELOCITY_NOISE, len(pitches))
        base = loudness * (1 - ENDING_SOFTENING * ending)
        values = (
            base + self.strength * (self._voice(index, pitches, above) + accent + noise[index])
            for index in range(len(pitches))
        )
        return tuple(int(min(max(round(value), 1), 127)) for value in values)

    def velocities_of_hands(
        self, notes: Sequence[tuple[int, int]], position: Position, loudness: float, arc: Arc, rng: np.random.Generator
    ) -> tuple[int, ...]:
        """Velocity 1..127 of each (pitch, hand) that starts here, in their order. loudness: mean velocity.

        The highest note of the right hand sings, the left hand stays below; how far, and how much a phrase swells, is
        what people do: their melody is 13 velocities louder than the rest, nine notes of ten span 38.
        """
        right = [pitch for pitch, hand in notes if hand == RIGHT]
        scale = loudness / REFERENCE_LOUDNESS
        level = ARC_SWELL * arc.swell + arc.phrase + self._accent(position) * ACCENT_OF_HANDS
        noise = rng.normal(0.0, VELOCITY_NOISE, len(notes))
        values = []
        for index, (pitch, hand) in enumerate(notes):
            sings = hand == RIGHT and pitch == max(right)
            voice = MELODY_SINGS if sings else -(ACCOMPANIMENT_BELOW if hand == LEFT else INNER_UNDER)
            shaped = scale * (1 - arc.ending) * level + scale * voice + noise[index]
            values.append(loudness * (1 - ENDING_SOFTENING * arc.ending) + self.strength * shaped)
        return tuple(int(min(max(round(value), 1), 127)) for value in values)

    def delays_s(self, count: int, rng: np.random.Generator) -> tuple[float, ...]:
        """How much later than the grid each of `count` notes starts, high to low; the highest is on the grid."""
        late = rng.uniform(0.0, LONGEST_DELAY_S * min(self.strength, 1.0), count)
        return tuple(float(value) if index else 0.0 for index, value in enumerate(late))

    def end_s(self, on_s: float, grid_end_s: float, step_s: float, articulation: float) -> float:
        """When a note ends whose grid end is known. articulation: 0.25 staccato .. 1 legato.

        At most three quarters of a step are cut off, so that the end still lies ahead of what is planned.
        """
        cut = min((1 - articulation) * (grid_end_s - on_s), 0.75 * step_s)
        return max(grid_end_s - max(cut, 0.0), on_s + SHORTEST_NOTE_S)

    def tempo_bpm(self, tempo_bpm: float, ending: float) -> float:
        """Tempo with the ritardando of an ending. ending: 0 far .. 1 last bar."""
        return tempo_bpm * (1 - ENDING_SLOWDOWN * max(0.0, ending - 0.75) * 4)

    def rubato(self, ratio: float) -> float:
        """How much of a model's own rubato is played: all of it at strength 1, none at 0, exaggerated above."""
        return float(ratio**self.strength)

    def pedal(self, articulation: float) -> bool:
        """Whether the pedal is used at all: where the touch is all but legato."""
        return self.strength > 0 and articulation >= PEDAL_FROM

    @staticmethod
    def pedal_lifts(position: Position) -> bool:
        """Whether the pedal is changed at this moment: on every half bar."""
        into = position.tick - position.bar_tick
        return into % max(1, round(PEDAL_BEATS * position.ticks_per_beat)) == 0

    @staticmethod
    def _voice(index: int, pitches: tuple[int, ...], above: int) -> float:
        if index == 0 and pitches[0] >= above:
            return MELODY_ABOVE if len(pitches) > 1 or above >= 0 else 0.0
        return -BASS_BELOW if index == len(pitches) - 1 else -INNER_BELOW

    @staticmethod
    def _accent(position: Position) -> float:
        if position.tick == position.bar_tick:
            return BAR_ACCENT
        return BEAT_ACCENT if (position.tick - position.bar_tick) % position.ticks_per_beat == 0 else OFFBEAT

    @staticmethod
    def _phrase(position: Position) -> float:
        """An arc over each four bars, loudest a little after its middle: share of the loudness."""
        place = ((position.bar - 1) % PHRASE_BARS + position.beat_in_bar / position.beats_per_bar) / PHRASE_BARS
        return PHRASE_SWELL * (math.sin(math.pi * place**1.2) - PHRASE_MEAN)

    @staticmethod
    def _period(position: Position) -> float:
        """A crescendo over most of two phrases to the height of the second, and a short way back; likewise."""
        bars = 2 * PHRASE_BARS
        place = ((position.bar - 1) % bars + position.beat_in_bar / position.beats_per_bar) / bars
        rise = place / PERIOD_HEIGHT if place < PERIOD_HEIGHT else (1 - place) / (1 - PERIOD_HEIGHT)
        return PERIOD_SWELL * (rise - 0.5)
