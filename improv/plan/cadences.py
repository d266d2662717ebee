"""How a phrase closes: its cadence, drawn as people close phrases, and whether chords would be one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from improv.model.habits import INVERSIONS
from improv.music.chord import MINOR_KEYS, Chord
from improv.plan.corpus_counts import PER_ROOT, STATES, Close, chord_of, corpus_counts, state_of_chord
from improv.plan.draws import draw
from improv.plan.harmony import Slot, dominants, only
from improv.plan.phrase_brief import Brief

DOWNBEAT = 3
"""Strength of a bar's first beat."""
_DOMINANTS = dominants(0)
_FIFTH = 7
_DOMINANT_QUALITIES = tuple(chord_of(state)[1] for state in _DOMINANTS)


class Place(NamedTuple):
    """A felt beat of the phrase: index of its bar, tick in it, strength."""

    bar: int
    tick: int
    strength: int


def closes(beats: Sequence[tuple[Chord, int]]) -> bool:
    """Whether a phrase could close among these beats, chord and key of each: with the tonic out of a dominant, or with
    the dominant out of another chord, over their roots.
    """
    for (before, _), (chord, key) in pairwise(beats):
        if chord.bass != chord.root or chord == before:
            continue
        degree = (chord.root - key) % 12
        led = state_of_chord(before.moved(-(key % 12))) // INVERSIONS * INVERSIONS in _DOMINANTS
        if (degree == 0 and led) or (degree == _FIFTH and chord.quality in _DOMINANT_QUALITIES and not led):
            return True
    return False


def with_cadence(brief: Brief, places: Sequence[Place], slots: list[Slot], rng: np.random.Generator) -> list[Slot]:
    """The cadence: the last two chords of the phrase as people close phrases, the second until the end."""
    last = [i for i, place in enumerate(places) if place.bar == brief.phrase.bars - 1]
    if not last or places[last[0]].tick > 0:
        return slots
    key = slots[last[0]].key
    close = _drawn(brief, key, {places[i].strength for i in last}, rng)
    if close is None:
        return slots
    arrival = [i for i in last if places[i].strength == close.strength][-1]
    out = list(slots)
    shift = key % 12 * PER_ROOT
    for i in range(arrival, last[-1] + 1):
        out[i] = out[i]._replace(allowed=only((close.arrival + shift) % STATES))
    if arrival:
        out[arrival - 1] = out[arrival - 1]._replace(key=key, allowed=only((close.before + shift) % STATES))
    return out


def _drawn(brief: Brief, key: int, strengths: set[int], rng: np.random.Generator) -> Close | None:
    """How the phrase closes; a piece closes on a bar line, out of a dominant over its root. None: as it comes."""
    rows = corpus_counts(brief.request.habits).closes[int(key >= MINOR_KEYS)][brief.phrase.cadence]
    if brief.phrase.last:
        rows = tuple(row for row in rows if row.strength == DOWNBEAT and row.before in _DOMINANTS)
    rows = tuple(row for row in rows if row.strength in strengths)
    if not rows:
        return None
    return rows[draw(np.array([row.times for row in rows], dtype=np.float64), rng)]
