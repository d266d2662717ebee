"""Italian tempo words as on a piano's metronome, with the limits used here."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# (word, quarter notes a minute from which it holds): the scale printed on Maelzel's metronome; Grave lies below it.
TEMPO_NAMES: tuple[tuple[str, float], ...] = (
    ("Grave", 0.0),
    ("Largo", 40.0),
    ("Larghetto", 60.0),
    ("Adagio", 66.0),
    ("Andante", 76.0),
    ("Moderato", 108.0),
    ("Allegro", 120.0),
    ("Presto", 168.0),
    ("Prestissimo", 200.0),
)


def tempo_name(bpm: float) -> str:
    """The word for a tempo in quarter notes a minute."""
    return next(name for name, low in reversed(TEMPO_NAMES) if bpm >= low)


def main_tempo(tempos: tuple[tuple[float, float], ...], until_beat: float) -> float:
    """The tempo (bpm) that divides the piece's time in two halves: the median of the tempo map, weighted by seconds."""
    at = np.array([beat for beat, _ in tempos] + [until_beat])
    bpm = np.array([value for _, value in tempos])
    beats = np.clip(np.minimum(at[1:], until_beat) - at[:-1], 0, None)
    return weighted_median(bpm, beats * 60 / bpm)


def weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """The value below and above which lies half of the weight; the plain median when nothing has weight."""
    if weights.sum() <= 0:
        return float(np.median(values))
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(reached, reached[-1] / 2)])
