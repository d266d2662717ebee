"""What helps the network to do as it is told: how strongly commands weigh, and pulls on the choice of note starts.

Pure functions. The network alone keeps the mode and the pace that a piece began with; these turn it.
"""

from __future__ import annotations

import math

import numpy as np

from improv.attributes import ATTRIBUTES, FloatArray, profile_in_best_key

# Onset density is compared with its command over the last two bars of 4/4, the window that training measured it on.
DENSITY_BEATS = 8
LARGEST_DENSITY_PULL = 2.0  # nats


def guidance(intensity: float, strongest: float) -> float:
    """Intensity 0..1 -> guidance: 0 at 0, 1 (as learned) at 0.5, `strongest` at 1, straight in between."""
    return 2 * intensity if intensity <= 0.5 else 1 + (strongest - 1) * (2 * intensity - 1)


def key_pull(histogram: FloatArray, mode: float, dissonance: float, intensity: float, strength: float) -> FloatArray:
    """Nats for the starts of the 128 pitches: the commanded mode's scale, in the key of that mode that lies nearest.

    histogram: how long each pitch class sounded lately, shape (12,). mode: -1 minor .. 1 major. dissonance: commanded
    share. intensity: 0..1. strength: nats per standard deviation of the key profile.

    A listener's valence hangs on the mode more than on anything else (squared semi-partial effect .49-.53 in Eerola,
    Friberg & Bresin 2013).
    """
    # Harsh music lives on notes outside of the scale: at the most dissonant only a third of the pull is left.
    freedom = 1 - dissonance / ATTRIBUTES["dissonance"].high * 2 / 3
    weight = strength * abs(mode) * min(2 * intensity, 1.5) * freedom
    return np.resize(profile_in_best_key(histogram, mode >= 0) * weight, 128)  # repeats octave after octave


def density_window_s(tempo_bpm: float) -> float:
    """How far back onsets are counted, in seconds."""
    return DENSITY_BEATS * 60 / tempo_bpm


def density_pull(onsets: int, past_s: float, commanded: float, strength: float) -> float:
    """Nats for the first start of a step: positive when there were too few onsets lately.

    onsets: in the last `past_s` seconds (> 0). commanded: onsets per second. strength: nats per missing factor of e.

    Guidance exaggerates all commands at once, and sparse music comes out too sparse; this closes the loop.
    """
    measured = max(onsets, 0.5) / past_s
    pull = strength * math.log(commanded / measured)
    return min(max(pull, -LARGEST_DENSITY_PULL), LARGEST_DENSITY_PULL)
