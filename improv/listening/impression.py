"""A listener in four equations: how happy, sad, peaceful and scary a stretch of piano music sounds, on 1..7.

Fitted by least squares on the mean ratings that 46 listeners gave to the 200 factorial stimuli of Eerola, Friberg &
Bresin 2013 (data CC0, Harvard Dataverse doi:10.7910/DVN/IFOBRN). Nothing of BrainMusic's own labels is in it.
Leave-one-out correlation with the ratings: happy .87, sad .90, peaceful .60, scary .51. It cannot hear harmony beyond
the mode, which carries most of what sounds scary.

One definition for two uses: the mood of the person who plays, and the judgment of what a model plays.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from improv.music.attributes import FloatArray, key_correlation_difference, melody
from improv.music.mood import Mood

MODE_SOFTNESS = 0.1
LEAST_MELODY_NOTES = 4
WINDOW_S = 12.0

# Weights of: 1, mode 0..1, log2 of melody notes/s, mean melody pitch, level in dB, articulation .25..1
_EQUATIONS = {
    "happy": (-1.0605, 1.7953, 0.5656, 0.0379, -0.0026, -0.7438),
    "sad": (4.7790, -1.6789, -0.6474, -0.0098, -0.0102, 0.7792),
    "peaceful": (1.2922, 0.3947, -0.4401, 0.0211, -0.0483, 0.3014),
    "scary": (5.5558, -0.7713, 0.1055, -0.0462, 0.0483, 0.2390),
}
# What the middle and the edge of the mood plane are on the scale of the ratings: set by hand, not measured yet.
MIDDLE = Mood(-0.35, -0.15)
REACH = Mood(2.3, 2.2)


class Impression(NamedTuple):
    """Ratings on the listeners' scale of 1..7, as far as the equations reach."""

    happy: float
    sad: float
    peaceful: float
    scary: float

    @property
    def valence(self) -> float:
        """Pleasant minus unpleasant."""
        return self.happy + self.peaceful - self.sad - self.scary

    @property
    def arousal(self) -> float:
        """Excited minus still."""
        return self.happy + self.scary - self.sad - self.peaceful

    @property
    def mood(self) -> Mood:
        """The point of the mood plane, -1..1 each; the middle is the median of human performances."""
        return Mood(
            (self.valence - MIDDLE.valence) / REACH.valence, (self.arousal - MIDDLE.arousal) / REACH.arousal
        ).clipped()


def listen(
    onset_s: FloatArray, duration_s: FloatArray, pitch: FloatArray, velocity: FloatArray, seconds: float
) -> Impression | None:
    """What a listener says of a window of 8..16 s; None when it holds too little melody to judge.

    Arrays of shape (notes,), sorted by onset; onsets of one chord must be equal.
    """
    line = melody(onset_s, onset_s + duration_s, pitch)
    if line.size < LEAST_MELODY_NOTES:
        return None
    difference = key_correlation_difference(pitch, duration_s)
    values = (
        1.0,
        1 / (1 + np.exp(-difference / MODE_SOFTNESS)),
        np.log2(np.clip(line.size / seconds, 0.5, 8)),
        pitch[line].mean(),
        np.clip(20 * np.log10(velocity.mean() / 80), -10, 10),
        np.clip(np.median(duration_s[line][:-1] / np.diff(onset_s[line])), 0.25, 1),
    )
    return Impression(*(float(np.dot(_EQUATIONS[name], values)) for name in Impression._fields))
