"""Cadences: where the harmony comes to rest, and how."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from improv.model.plan_inputs import CADENCES
from training.analysis.chords import NO_CHORD, QUALITIES, Chords
from training.analysis.keys import MINOR
from training.analysis.music import BoolArray, IntArray
from training.analysis.slots import Slots

NONE, HALF, AUTHENTIC, OTHER = (CADENCES.index(name) for name in ("none", "half", "authentic", "other"))
_MAJ, _MIN, _DOM7 = (QUALITIES.index(name) for name in ("maj", "min", "dom7"))
_LEADING = tuple(QUALITIES.index(name) for name in ("dim", "hdim7", "dim7"))


class Cadences(NamedTuple):
    """Of each bar, int64 (bars,). kind: of CADENCES. arrival: the slot in which the last chord begins, -1 without."""

    kind: IntArray
    arrival: IntArray


def cadences(slots: Slots, keys: IntArray, chords: Chords, bars: int) -> Cadences:
    """What each bar would be as the end of a phrase: authentic, half, other or none.

    The bar's last chord decides, which must begin within the bar. authentic: the tonic, in root position at some time,
    out of a dominant: V or V7 in any position, or a diminished chord on the leading tone. half: V in root position, out
    of another chord than a dominant. other: a deceptive close (VI out of V in root position) or a plagal one (I in root
    position out of IV). So Aldwell and Schachter define them, "Harmony and Voice Leading". A bar of any of these kinds
    need not end a phrase: `phrases.phrases` decides that.
    """
    tonic = keys % MINOR
    degree = np.where(chords.root == NO_CHORD, NO_CHORD, (chords.root - tonic) % 12)
    stands = chords.bass == chords.root
    triad = np.isin(chords.quality, (_MAJ, _MIN))
    dominant = _dominant(degree, chords.quality)
    begins = np.append(True, (np.diff(chords.root) != 0) | (np.diff(chords.quality) != 0))
    kind, arrival = np.full(bars, NONE), np.full(bars, -1)
    first = np.searchsorted(slots.bar, np.arange(bars))
    last = np.searchsorted(slots.bar, np.arange(bars), side="right") - 1
    start_of = np.maximum.accumulate(np.where(begins, np.arange(len(slots)), 0))
    for bar in range(bars):
        end = int(last[bar])
        start = int(start_of[end])
        before = start - 1
        if degree[end] == NO_CHORD or before < 0 or start < first[bar] or keys[end] != keys[before]:
            continue
        held = stands[start : end + 1].any()
        if degree[end] == 0 and triad[end] and held and dominant[before]:
            kind[bar] = AUTHENTIC
        elif degree[end] == 7 and chords.quality[end] in (_MAJ, _DOM7) and held and not dominant[before]:
            kind[bar] = HALF
        elif (degree[end] in (8, 9) and triad[end] and degree[before] == 7 and stands[before]) or (
            degree[end] == 0 and triad[end] and held and degree[before] == 5
        ):
            kind[bar] = OTHER
        if kind[bar] != NONE:
            arrival[bar] = start
    return Cadences(kind, arrival)


def _dominant(degree: IntArray, quality: IntArray) -> BoolArray:
    """Whether each chord leads to the tonic: V, V7, or a diminished chord on the leading tone."""
    leads = (degree == 11) & np.isin(quality, _LEADING)
    return np.asarray(((degree == 7) & np.isin(quality, (_MAJ, _DOM7))) | leads)
