"""Variation around what the mood commands: pace, height, harshness and width ebb and flow. Pure functions.

A command that is kept to the letter is kept too well. Inside one piece, from one 12 s to the next, people's piano music
varies by .24 to .42 octaves in its pace, 2.6 to 3.7 semitones in its height and .06 to .07 in its share of harsh
intervals. These are medians of the pieces of four kinds of title (docs/measured/moods.md). Held to its command ours
varies by .11 to .14, 1.5 to 2.7 and .02 to .05. The waves are so slow that they are heard as sections, and so quick
that a minute has the commanded mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np


class Wave(NamedTuple):
    """depth: how far it leads to either side at strength 1, as the logarithm of a ratio; in semitones for register."""

    depth: float
    period_s: float


# Two of them meet again after one to nine minutes, all four after eighteen.
WAVES: dict[str, Wave] = {
    "onset_density": Wave(0.35, 30.0),
    "register": Wave(4.0, 24.0),
    "dissonance": Wave(0.55, 20.0),
    "pitch_spread": Wave(0.25, 27.0),
}


def phases(seed: int) -> dict[str, float]:
    """Where each wave begins, 0..2 pi, the same for the same seed."""
    rng = np.random.default_rng((seed, len(WAVES)))
    return {name: float(rng.uniform(0, 2 * math.pi)) for name in WAVES}


def varied(
    commanded: Mapping[str, float], phases: Mapping[str, float], music_s: float, strength: float
) -> dict[str, float]:
    """The attributes at this second of the music; those without a wave as commanded.

    commanded: in the attributes' own units. phases: where each wave begins, as the function of that name gives it.
    strength: 0 as commanded .. 1 .. 2.
    """
    now = dict(commanded)
    for name in WAVES.keys() & commanded.keys():
        wave = WAVES[name]
        shift = strength * wave.depth * math.sin(2 * math.pi * music_s / wave.period_s + phases[name])
        now[name] = now[name] + shift if name == "register" else now[name] * math.exp(shift)
    return now
