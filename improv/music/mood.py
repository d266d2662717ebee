"""Mood: a point (valence, arousal) of the plane, four named corners, a glide between points, and what each point
means in musical attributes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from improv.errors import InputError
from improv.music.attributes import ATTRIBUTES, FloatArray


class Mood(NamedTuple):
    """valence: -1 unpleasant .. 1 pleasant. arousal: -1 still .. 1 excited."""

    valence: float
    arousal: float

    def clipped(self) -> Mood:
        """The nearest point inside the plane."""
        return Mood(min(max(self.valence, -1.0), 1.0), min(max(self.arousal, -1.0), 1.0))


CORNERS: dict[str, Mood] = {
    "happy": Mood(1.0, 1.0),
    "nervous": Mood(-1.0, 1.0),
    "sad": Mood(-1.0, -1.0),
    "calm": Mood(1.0, -1.0),
}
"""In the order that program changes 0-3 and the quarters of CC 22 select them."""

FURTHER_NAMES: dict[str, Mood] = {
    "triumphant": Mood(0.8, 0.8),
    "playful": Mood(0.8, 0.4),
    "serene": Mood(0.8, -0.7),
    "tender": Mood(0.4, -0.5),
    "longing": Mood(-0.3, -0.3),
    "solemn": Mood(-0.5, -0.7),
    "anxious": Mood(-0.7, 0.5),
    "stormy": Mood(-0.8, 0.9),
}
"""Names between the corners that the configuration begins with. Places of the words after Russell, "A Circumplex Model
of Affect" (1980); whoever hears them elsewhere moves them in config.yaml."""

NEUTRAL = Mood(0.0, 0.0)


def nearest_name(mood: Mood, names: Mapping[str, Mood] = CORNERS) -> str:
    """Name of the closest named mood."""
    return min(names, key=lambda name: math.dist(names[name], mood))


@dataclass(frozen=True, slots=True)
class Glide:
    """A way from one mood to another that begins at `start_s` and takes `duration_s` (0: at once)."""

    origin: Mood
    target: Mood
    start_s: float = 0.0
    duration_s: float = 0.0

    def at(self, now_s: float) -> Mood:
        """The mood at a moment of the music, on a straight line through the plane."""
        if self.duration_s <= 0:
            return self.target
        share = min(max((now_s - self.start_s) / self.duration_s, 0.0), 1.0)
        return Mood(
            self.origin.valence + share * (self.target.valence - self.origin.valence),
            self.origin.arousal + share * (self.target.arousal - self.origin.arousal),
        )


AttributeTable = Mapping[str, Mapping[str, float]]
"""Attribute name -> value at each of the four corners, in the attribute's own unit."""


def attributes_at(mood: Mood, table: AttributeTable) -> dict[str, float]:
    """What the mood means: bilinear between the corners, on the attribute's own scale (log for speeds)."""
    right, up = (mood.valence + 1) / 2, (mood.arousal + 1) / 2
    weights = {
        "happy": right * up,
        "nervous": (1 - right) * up,
        "sad": (1 - right) * (1 - up),
        "calm": right * (1 - up),
    }
    result = {}
    for name, corners in table.items():
        attribute = ATTRIBUTES[name]
        position = sum(weight * attribute.normalise(corners[corner]) for corner, weight in weights.items())
        result[name] = attribute.denormalise(position)
    return result


# Speed at which listeners call music neither slow nor fast: the geometric mean of their limits, 2.0 and 4.4 notes/s.
_NEUTRAL_ONSETS_PER_S = 2.97
_ONE_STEP_OCTAVES = 0.567  # log2(4.4 / 2.97): distance from neutral to clearly fast
NEUTRAL_VELOCITY = 52.0  # a little above the median of the windows of piano-midi-de, 48
NEUTRAL_DISSONANCE = 0.22


def mood_of(measured: Mapping[str, float]) -> Mood | None:
    """The rule `attributes`: the mood that measured attributes suggest, or None when too little was measured.

    Valence: mode weighs most (squared semi-partial effect .49-.53 on happy and sad in Eerola, Friberg & Bresin 2013),
    then register (high is happier) and dissonance (.55 of what sounds threatening lies in melody and harmony).
    Arousal: onsets per second (AUC .86-.90 on human ratings), then loudness and staccato.
    """
    if "mode" not in measured or "onset_density" not in measured:
        return None
    valence, arousal = moods_of({name: np.array(value) for name, value in measured.items()})
    return Mood(float(valence), float(arousal))


def moods_of(measured: Mapping[str, FloatArray]) -> tuple[FloatArray, FloatArray]:
    """The same of many windows: valence and arousal, NaN where a window has no mode. `loudness` may be missing."""
    register = (measured["register"] - 62) / 12
    harshness = (measured["dissonance"] - NEUTRAL_DISSONANCE) / 0.12
    valence = 0.85 * measured["mode"] + 0.2 * np.clip(register, -1, 1) - 0.25 * np.clip(harshness, -1, 1)
    speed = np.log2(np.maximum(measured["onset_density"], 0.25) / _NEUTRAL_ONSETS_PER_S) / _ONE_STEP_OCTAVES
    loudness = (measured.get("loudness", np.array(NEUTRAL_VELOCITY)) - NEUTRAL_VELOCITY) / 16
    staccato = (0.8 - measured["articulation"]) / 0.4
    arousal = 0.7 * np.clip(speed, -1.5, 1.5) + 0.25 * np.clip(loudness, -1.5, 1.5) + 0.1 * np.clip(staccato, -1, 1)
    return np.clip(valence, -1, 1), np.clip(arousal, -1, 1)


def mode_tempo_mood(mode: float, onsets_per_s: float) -> str:
    """The rule `mode_tempo` of 2019: major and fast happy, minor and fast nervous, minor and slow sad, else calm."""
    fast = onsets_per_s >= _NEUTRAL_ONSETS_PER_S
    if mode >= 0:
        return "happy" if fast else "calm"
    return "nervous" if fast else "sad"


def parse_mood(text: str, moods: Mapping[str, Mood]) -> Mood:
    """A mood from its name or from `valence,arousal`; InputError says what is allowed."""
    if text in moods:
        return moods[text]
    try:
        valence, arousal = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--mood must be one of {', '.join(moods)} or valence,arousal, got {text!r}") from None
    if not (-1 <= valence <= 1 and -1 <= arousal <= 1):
        raise InputError(f"--mood: valence and arousal must be -1..1, got {text!r}")
    return Mood(valence, arousal)
