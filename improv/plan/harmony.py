"""Chords of a phrase: drawn from what follows what in people's music, so that the cadence arrives where it must.

Forward filtering, backward sampling on a chain of chords, here from its end (Rabiner 1989 has the recursions): messages
run back from the cadence, then chords are drawn forward, each in the light of where the phrase has to go.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from improv.music.chord import MINOR_KEYS, QUALITIES, SCALES, TONES, Chord
from improv.plan.corpus_counts import (
    FAST,
    PER_ROOT,
    SLOW,
    STATES,
    VALID,
    CorpusCounts,
    FloatArray,
    chord_of_state,
    corpus_counts,
    state_of,
    state_of_chord,
)
from improv.plan.draws import draw

HARSH_WEIGHT = 4.0
"""Nats for each share of dissonant intervals in a chord, for each share commanded beyond NEUTRAL_DISSONANCE."""
NEUTRAL_DISSONANCE = 0.175
SURENESS = (0.85, 1.3)
"""Power of the probability of what follows what, in major and in minor: with 1 what is played in major is easier to
guess than people's chords, in minor harder (bits per chord by mood in docs/measured/composition.md).
"""
_DISSONANT = (1, 2, 6, 10, 11)
_LEAST_CHANGE, _MOST_CHANGE = 1e-3, 1 - 1e-3
_LEAST = 1e-12
_MAJ, _MIN, _DOM7 = (QUALITIES.index(name) for name in ("maj", "min", "dom7"))
_FIFTH = 7


class Slot(NamedTuple):
    """A felt beat. key: 0..23. change: probability that the chord changes here. allowed: weights of the chords that may
    stand here, (STATES,) with absolute roots, None: all alike.
    """

    key: int
    change: float
    allowed: FloatArray | None = None


class Colour(NamedTuple):
    """What the mood does to the chords. arousal: -1 as in slow music .. 1 as in fast. dissonance: share, 0..0.5."""

    arousal: float = 0.0
    dissonance: float = NEUTRAL_DISSONANCE


def _harshness(quality: int) -> float:
    """Share of dissonant ones among the intervals of a chord."""
    tones = TONES[quality]
    pairs = [(b - a) % 12 for i, a in enumerate(tones) for b in tones[i + 1 :]]
    return sum(pair in _DISSONANT for pair in pairs) / len(pairs)


_HARSH = np.array([_harshness(state // 4 % len(QUALITIES)) for state in range(STATES)])


@lru_cache(maxsize=16)
def _follows(mode: int, arousal: float, dissonance: float, habits: str) -> FloatArray:
    """(STATES, STATES): the next chord, roots above the tonic, coloured by the mood."""
    return coloured(corpus_counts(habits), mode, Colour(arousal, dissonance))


def coloured(counts: CorpusCounts, mode: int, colour: Colour) -> FloatArray:
    """What follows what in a mode, tilted towards the chords of slow or fast music and towards harsh or mild ones."""
    slow, fast = counts.alone[mode][SLOW], counts.alone[mode][FAST]
    share = (colour.arousal + 1) / 2
    usual = counts.whole[mode] + _LEAST
    tilt = (slow / usual + 1e-9) ** (1 - share) * (fast / usual + 1e-9) ** share
    tilt *= np.exp(HARSH_WEIGHT * (colour.dissonance - NEUTRAL_DISSONANCE) * (_HARSH - _HARSH.mean()))
    out = (counts.follows[mode] * tilt) ** SURENESS[mode]
    return np.asarray(out / np.maximum(out.sum(axis=1, keepdims=True), _LEAST))


def draw_chords(
    slots: Sequence[Slot], before: Chord | None, colour: Colour, rng: np.random.Generator, habits: str = ""
) -> list[Chord]:
    """A chord for each beat. before: the chord that sounds until then, None at the beginning. habits: of a composer.

    Where the demands of the slots contradict each other the later ones give way.
    """
    rounded = Colour(round(colour.arousal * 4) / 4, round(colour.dissonance * 40) / 40)
    tables = {mode: _follows(mode, *rounded, habits) for mode in {slot.key >= MINOR_KEYS for slot in slots}}
    backward = _backward(slots, tables)
    chords: list[Chord] = []
    last = None if before is None else state_of_chord(before)
    for index, slot in enumerate(slots):
        if last is None:
            weights = np.where(VALID, 1.0, 0.0) if slot.allowed is None else slot.allowed
        else:
            weights = _step(last, slot, tables[slot.key >= MINOR_KEYS])
            if slot.allowed is not None:
                weights = weights * slot.allowed
        weights = weights * backward[index]
        last = _draw(weights, slot.key % 12 * PER_ROOT, rng)
        chords.append(chord_of_state(last))
    return chords


def rolled(values: FloatArray, shift: int) -> FloatArray:
    """`numpy.roll` of one axis, ten times as fast for so few numbers."""
    split = -shift % len(values)
    return np.concatenate((values[split:], values[:split])) if split else values


def _draw(weights: FloatArray, shift: int, rng: np.random.Generator) -> int:
    """A chord; counted from the tonic, so that another key draws the same one, moved."""
    return (draw(rolled(weights, -shift), rng) + shift) % STATES


def _step(last: int, slot: Slot, follows: FloatArray) -> FloatArray:
    """Probability of each chord after one."""
    tonic = slot.key % 12
    row = rolled(follows[(last - tonic * PER_ROOT) % STATES], tonic * PER_ROOT) * slot.change  # a new array
    row[last] += 1 - slot.change
    return row


def _backward(slots: Sequence[Slot], tables: dict[bool, FloatArray]) -> list[FloatArray]:
    """For each slot and chord how likely the rest of the phrase is from there, to a scale."""
    messages = [np.ones(STATES)]
    for slot in reversed(slots[1:]):
        after = messages[-1] if slot.allowed is None else messages[-1] * slot.allowed
        shift = slot.key % 12 * PER_ROOT
        moved = rolled(tables[slot.key >= MINOR_KEYS] @ rolled(after, -shift), shift)
        message = slot.change * moved + (1 - slot.change) * after
        messages.append(message / max(message.max(), _LEAST) + _LEAST)
    return messages[::-1]


def change_of(counts: CorpusCounts, minor: bool, rate: int, strength: int) -> float:
    """Probability that the chord changes on a beat."""
    return float(np.clip(counts.changes[int(minor), rate, strength], _LEAST_CHANGE, _MOST_CHANGE))


def only(*states: int) -> FloatArray:
    """Weights that allow these chords alone."""
    out = np.zeros(STATES)
    out[list(states)] = 1
    return out


def tonic(key: int) -> int:
    """The tonic triad of a key in root position."""
    return int(state_of(key % 12, _MIN if key >= MINOR_KEYS else _MAJ, 0))


def dominants(key: int, *, triad_only: bool = False) -> tuple[int, ...]:
    """The dominant of a key in root position: triad and seventh chord."""
    root = (key + _FIFTH) % 12
    triad = int(state_of(root, _MAJ, 0))
    return (triad,) if triad_only else (triad, int(state_of(root, _DOM7, 0)))


def diatonic(key: int) -> FloatArray:
    """Weights of the chords that a key has: 1 for those within its scale, 0 for others."""
    scale = {(key + tone) % 12 for tone in (*SCALES[key >= MINOR_KEYS], *((10,) if key >= MINOR_KEYS else ()))}
    return np.array([VALID[s] and scale.issuperset(chord_of_state(s).classes) for s in range(STATES)], dtype=float)
