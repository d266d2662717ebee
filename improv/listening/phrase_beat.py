"""The beat of a phrase that is over, drawn through all its onsets at once: closer than the beat as it was followed.

An answer begins on it. Pure functions; seconds of the clock.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from improv.listening.beat import CHORD_SPREAD_S, Beat
from improv.listening.beat_belief import FASTEST_BPM, SLOWEST_BPM
from improv.music.attributes import FloatArray

LEAST_ONSETS, MOST_ONSETS = 4, 64
STRAIGHT, SWUNG = (0.0, 0.25, 0.5, 0.75), (0.0, 1 / 3, 2 / 3)
# An onset so far from its place counts for little; what lies so many beats back counts half.
NEAR_S, HALF_LIFE_BEATS = 0.03, 12.0
# How far (deviation, as a share) the tempo is from what was believed of it, and from that of the phrase before.
TEMPO_DEVIATION, KEPT_DEVIATION, KEPT_WITHIN = 0.04, 0.01, 0.05
# A beat so fast may be half of one: what is sure is every second of them, counted from the first onset.
FAST_BPM = 128.0
NEARER_S = (0.09, 0.06, NEAR_S, NEAR_S, NEAR_S)
# How closely the onsets keep to the line, 0..1, from which on it is a beat to go by.
CLOSE_ENOUGH = 0.6
_EIGHTHS = ([0, 2, 4], [0, 2, 3])  # among the places, by whether it is swung; the last is the next beat
# Where nothing is believed yet: the first onset is on a beat, a tempo near this one, deviation in octaves.
LIKELY_BPM, LIKELY_OCTAVES = 100.0, 0.6


def phrase_beat(onsets_s: Sequence[float], believed: Beat | None, before: Beat | None = None) -> Beat | None:
    """The line through the onsets of a phrase (ascending), beginning from what was believed of its beat. before: the
    line of the phrase before.

    None where they are too few or keep to no line.
    """
    onsets = _merged(onsets_s)
    if len(onsets) < LEAST_ONSETS:
        return None
    beat = _guess(onsets) if believed is None else believed
    places = np.array((*(SWUNG if beat.swung else STRAIGHT), 1.0))
    at_s, period_s = beat.at_s, beat.period_s
    prior = (period_s, TEMPO_DEVIATION)
    if before is not None and abs(math.log(before.period_s / period_s)) < KEPT_WITHIN:
        prior = (before.period_s, KEPT_DEVIATION)
    for near_s in NEARER_S:
        # Far from the line its eighths are surer than its sixteenths.
        beats, off_s = _on_grid(onsets, at_s, period_s, places if near_s <= NEAR_S else places[_EIGHTHS[beat.swung]])
        weights = np.exp(-0.5 * (off_s / near_s) ** 2) * 0.5 ** ((beats[-1] - beats) / HALF_LIFE_BEATS) + 1e-6
        at_s, period_s = _line(onsets, beats, weights, *prior)
    beats, off_s = _on_grid(onsets, at_s, period_s, places)
    closeness = float(np.abs(np.exp(2j * math.pi * 4 * off_s / period_s).mean()))
    bpm = 60.0 / period_s
    if closeness < CLOSE_ENOUGH or not SLOWEST_BPM <= bpm <= FASTEST_BPM:
        return None
    return beat._replace(tempo_bpm=bpm, at_s=at_s, confidence=closeness)


def _merged(onsets_s: Sequence[float]) -> FloatArray:
    """Keys struck together are one onset, at their mean."""
    groups: list[list[float]] = []
    for at_s in onsets_s:
        if groups and at_s - groups[-1][0] < CHORD_SPREAD_S:
            groups[-1].append(at_s)
        else:
            groups.append([at_s])
    return np.array([sum(group) / len(group) for group in groups[-MOST_ONSETS:]])


def _on_grid(onsets: FloatArray, at_s: float, period_s: float, places: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The place of each onset on the grid, in beats from at_s, and how much later than it the onset is, in s."""
    exact = (onsets - at_s) / period_s
    whole = np.floor(exact)
    nearest = places[np.abs((exact - whole)[:, None] - places[None, :]).argmin(axis=1)]
    return whole + nearest, (exact - whole - nearest) * period_s


def beats_apart(pulse: Beat) -> int:
    """Of how many of its beats one is a beat for sure."""
    return 2 if pulse.tempo_bpm > FAST_BPM else 1


def _line(
    onsets: FloatArray, beats: FloatArray, weights: FloatArray, period_s: float, deviation: float
) -> tuple[float, float]:
    """The line through the onsets by least squares: second of beat 0, and period; drawn to what it was believed."""
    middle = float(np.average(beats, weights=weights))
    mean_s = float(np.average(onsets, weights=weights))
    spread = beats - middle
    # Least squares with a Gaussian prior of the period, in units of the onsets' jitter.
    prior = (NEAR_S / 2 / (deviation * period_s)) ** 2
    slope = (float((weights * spread * (onsets - mean_s)).sum()) + prior * period_s) / (
        float((weights * spread**2).sum()) + prior
    )
    return mean_s - middle * slope, slope


def guessed(onsets_s: Sequence[float]) -> Beat:
    """The likeliest beat of onsets that keep to none closely, ascending; its confidence is 0."""
    return _guess(_merged(onsets_s))


def _guess(onsets: FloatArray) -> Beat:
    """A tempo by which the onsets lie on beats, halves and quarters, the first of them on a beat."""
    tempi = np.geomspace(50.0, 180.0, 120)
    beats = (onsets[None, :] - onsets[0]) * tempi[:, None] / 60.0
    scores = np.zeros(len(tempi))
    for per_beat, worth in ((1, 1.0), (2, 0.7), (4, 0.5)):
        off = np.abs(beats * per_beat - np.round(beats * per_beat)) / per_beat
        near = np.exp(-0.5 * (off * 60.0 / tempi[:, None] / NEAR_S) ** 2) * worth
        scores = np.maximum(scores, near.mean(axis=1)) if per_beat > 1 else near.mean(axis=1)
    scores -= 0.1 * (np.log2(tempi / LIKELY_BPM) / LIKELY_OCTAVES) ** 2
    return Beat(float(tempi[int(scores.argmax())]), float(onsets[0]), 0.0)
