"""What each bar refers to: the distance, the likeness and the shift of each hand, drawn as people's bars refer back.

A bar goes on with the reference of the bar before it (the same distance back) or begins with another; how often depends
on distance and likeness. Bars of a phrase that returns refer to its first appearance.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from improv.model.habits import LIKENESS_BINS
from improv.music.chord import UNKNOWN, Chord
from improv.music.sequence import Tonal, steps_of
from improv.plan.corpus_counts import CorpusCounts, bin_of, lag_class
from improv.plan.draws import draw
from improv.plan.plan import Reference

NEVER = 0
SEQUENCES, SEQUENCE_BARS = 0.42, 4
"""Share of the bars that are nearly others, of few bars before, that are moved by steps of the scale."""
SEQUENCE_LIKENESS = 85
"""A step of a sequence is at least so much like the one before: below, its rhythm is lost."""
_FIFTH = 7  # semitones
_BINS_OF_RETURN = 3  # a bar of a return is at least 30 % like


class State(NamedTuple):
    """Of the bar before: how many bars back it referred to (NEVER 0) and its likeness 0..100."""

    lag: int = NEVER
    likeness: int = 0


class Distance(NamedTuple):
    """Of a bar to what it refers to: bars back, 1.., the likeness 0..100, whether the bar before refers as far back."""

    bars: int
    likeness: int
    goes_on: bool


def draw_distance(
    counts: CorpusCounts, number: int, first: int, state: State, place: int, rng: np.random.Generator
) -> Distance | None:
    """How far a bar in a new phrase refers back, None where there is no earlier bar.

    counts: what is usual, of everybody or of a composer. number: of the bar. first: the earliest bar it may refer
    to. place: its bar within the phrase.
    """
    if number <= first:
        return None
    lag, goes_on = state.lag, False
    if state.lag:
        ends, on = counts.stays[lag_class(state.lag), bin_of(state.likeness)]
        goes_on = rng.random() * (ends + on + 1) < on + 0.5
    if not goes_on:
        weights = counts.lags[min(place, len(counts.lags) - 1)][1 : number - first + 1]
        lag = 1 + draw(weights + 0.01, rng)
    rows = counts.likeness[lag_class(lag), int(goes_on)]
    row = rows[bin_of(state.likeness)] if goes_on else rows[0]
    return Distance(lag, _within(draw(row + 0.01, rng), rng), goes_on)


def draw_return(
    counts: CorpusCounts, bar: int, last: int | None, semitones: int, rng: np.random.Generator
) -> Reference:
    """The reference of a bar of a phrase that comes back. bar: which it brings back. last: the likeness of the bar
    before it, None at the beginning. semitones: how far up the phrase is moved, -6..6.
    """
    row = counts.returns[LIKENESS_BINS if last is None else bin_of(last)].copy()
    row[:_BINS_OF_RETURN] = 0
    if row.sum() < _BINS_OF_RETURN:
        row = counts.returns[LIKENESS_BINS]
    return Reference(bar, _within(draw(row, rng), rng), semitones, semitones)


def draw_moves(
    counts: CorpusCounts, then: Chord | None, now: Chord | None, rng: np.random.Generator
) -> tuple[int, int]:
    """Semitones of the left and of the right hand, by the way from one root to the other."""
    if then is None or now is None:
        return 0, 0
    rows = counts.moves[(now.root - then.root) % 12]
    if not rows:
        return 0, 0
    left, right, _ = rows[draw(np.array([count for *_, count in rows], dtype=np.float64), rng)]
    return left, right


def draw_copy(
    counts: CorpusCounts, bar: int, distance: Distance, then_key: int, key: int, rng: np.random.Generator
) -> Reference:
    """The reference of a bar that brings its chords along: at its pitch or octaves away, or a step of a sequence.

    bar: that it refers to. then_key, key: the keys of both.
    """
    moves = counts.moves
    sequence = distance.bars <= SEQUENCE_BARS and rng.random() < SEQUENCES
    if sequence:
        rows = [row for there in moves for row in there if row[0] == row[1] and 0 < abs(row[0]) <= _FIFTH]
    else:
        rows = [row for row in moves[0] if row[0] % 12 == row[1] % 12 == 0]
    left, right, _ = rows[draw(np.array([count for *_, count in rows], dtype=np.float64), rng)]
    if sequence:
        likeness = max(distance.likeness, int(rng.integers(SEQUENCE_LIKENESS, 101)))
        return Reference(bar, likeness, tonal=Tonal(then_key, key, steps_of(left)))
    return Reference(bar, distance.likeness, left, right, Tonal(then_key, key) if then_key != key else None)


def draw_near(counts: CorpusCounts, far: Reference | None, number: int, rng: np.random.Generator) -> int:
    """Likeness to the bar before, 0..100, beside a far reference."""
    if number == 0:
        return UNKNOWN
    if far is None:
        return _within(draw(counts.near_alone, rng), rng)
    if far == Reference(number - 1, far.likeness):
        return far.likeness
    row = counts.near[bin_of(far.likeness)]
    return min(_within(draw(row, rng), rng), far.likeness) if row.sum() else 0


def _within(number: int, rng: np.random.Generator) -> int:
    """A likeness of a bin."""
    return 100 if number == LIKENESS_BINS - 1 else 10 * number + int(rng.integers(10))
