"""A listener in four equations: how happy, sad, peaceful and scary a stretch of piano music sounds, on 1..7.

Fitted by least squares on the mean ratings that 46 listeners gave to the 200 factorial stimuli of Eerola, Friberg &
Bresin 2013 (data CC0, Harvard Dataverse doi:10.7910/DVN/IFOBRN). Nothing of BrainMusic's own labels is in it, and it
serves neither training nor the choice of a model. Leave-one-out correlation with the ratings: happy .87, sad .90,
peaceful .60, scary .51. It cannot hear harmony beyond the mode, which carries most of what sounds scary. Its mode is
read with the same key profiles (Temperley) as `improv.improviser.biases` draws the notes to: in that it is no
independent judge.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from improv.music.attributes import chord_onsets, key_correlation_difference, melody

FloatArray = NDArray[np.float64]

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


def windows(notes: FloatArray, length_s: float) -> list[tuple[float, Impression]]:
    """(middle s, impression) of the windows of 12 s that follow each other and could be judged.

    notes: rows of (onset s, end s, pitch, velocity), sorted by onset.
    """
    on_s = chord_onsets(notes[:, 0])
    said = []
    for start_s in np.arange(0, length_s - WINDOW_S + 1e-9, WINDOW_S):
        inside = (on_s >= start_s) & (on_s < start_s + WINDOW_S)
        duration_s = (notes[:, 1] - notes[:, 0])[inside]
        impression = listen(on_s[inside], duration_s, notes[inside, 2], notes[inside, 3], WINDOW_S)
        if impression is not None:
            said.append((start_s + WINDOW_S / 2, impression))
    return said


def heard(notes: FloatArray, length_s: float) -> Impression | None:
    """The mean impression over `windows`, or None when none could be judged."""
    said = [impression for _, impression in windows(notes, length_s)]
    return Impression(*np.mean(said, axis=0)) if said else None
