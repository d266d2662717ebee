"""What the bars of a phrase refer to, and the chords that follow from it.

A bar that is nearly another has the chords of that bar, moved as its hands are: so a bar is never told to be literally
another over other chords. What is like an earlier bar over other chords is less like it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from improv.model.vocabulary.hands import LEFT, RIGHT
from improv.music.chord import UNKNOWN
from improv.music.sequence import Tonal
from improv.plan.corpus_counts import corpus_counts
from improv.plan.phrase_brief import Brief, Purpose, rng_of
from improv.plan.plan import NONE, PlannedBar, Reference, TimedChord
from improv.plan.returns import (
    NEVER,
    SEQUENCE_LIKENESS,
    State,
    draw_copy,
    draw_distance,
    draw_moves,
    draw_near,
    draw_return,
)
from improv.plan.rhythm import draw_rhythm

BARS_BACK = 48
"""How far back a bar of a new phrase may refer: as far as references were looked for in people's music."""
COPIED = 50
"""A bar that is so much like another has its chords."""
OVER_OTHER_CHORDS = 25
"""How much like another a bar can be, 0..100, none of whose chords it has."""
CHANCES_TAKEN = 0.7
"""How often a bar whose chords are those of an earlier one, a few steps higher or lower, is a step of a sequence."""
SEQUENCE_LAGS, SEQUENCE_STEPS = (1, 2, 4), (-1, 1, -2, 2, -3, 3)
LITERAL = 60
"""A return that is so much like its bar has the rhythm of that."""

Chords = tuple[TimedChord, ...]
Known = Callable[[int], PlannedBar | None]


def with_references(brief: Brief, whole: tuple[PlannedBar, ...]) -> tuple[PlannedBar, ...]:
    """The bars with what they refer to and how much they are like it; moved are only those that bring chords along."""
    rng = brief.rng(Purpose.RETURNS)
    done = whole[: len(brief.kept)]
    for bar in whole[len(brief.kept) :]:
        done += (replace(bar, far=_drawn(brief, done, bar, rng)),)
    return done


def brought_along(brief: Brief, whole: tuple[PlannedBar, ...]) -> dict[int, Chords]:
    """Index of a bar -> its chords, of the bars that are nearly others and of the bars of the phrase that those are."""
    out: dict[int, Chords] = {}
    for index in range(len(brief.kept), len(whole)):
        bar = whole[index]
        if bar.far is None or not _is_copy(brief, bar, bar.far.likeness):
            continue
        then = known(brief, whole, bar.far.bar)
        if then is None or then.metre != bar.metre:
            continue
        source = then.number - brief.first_bar
        chords = out.get(source, then.chords)
        if source >= len(brief.kept):
            out[source] = chords
        out[index] = tuple(TimedChord(c.tick, bar.far.chord(c.chord), bar.chords[0].key) for c in chords)
    return out


def settled(brief: Brief, done: tuple[PlannedBar, ...], bar: PlannedBar) -> PlannedBar:
    """A bar whose chords stand, with the moves of its hands and with likenesses that those chords allow.

    done: the bars of the phrase before it.
    """
    known = _knowing(brief, done, bar)
    before, far = known(bar.number - 1), bar.far
    rng = rng_of(brief.plan.seed, Purpose.RETURNS, brief.number, brief.changed_at, bar.number)
    if far is not None and (then := known(far.bar)) is not None:
        if bar.like is None and not _is_copy(brief, bar, far.likeness):
            moves = draw_moves(corpus_counts(brief.request.habits), then.chords[0].chord, bar.chords[0].chord, rng)
            far = _sequence(brief, known, bar, rng) or Reference(far.bar, far.likeness, *moves)
            then = known(far.bar) or then
        far = far._replace(likeness=_possible(far, bar, then))
    near = UNKNOWN
    if before is not None:
        near = _possible(
            Reference(before.number, draw_near(corpus_counts(brief.request.habits), far, bar.number, rng)), bar, before
        )
    bar = replace(bar, far=far, near_likeness=near)
    if before is None or (far is not None and bar.like is not None and far.likeness >= LITERAL):
        return bar  # the rhythm is that of the bar that comes back
    # Numbers of their own: what is drawn here must not move what is drawn for the notes of later bars.
    own = rng_of(brief.plan.seed, Purpose.FIGURE, bar.number)
    closes = bar.bars_left == 0
    return replace(
        bar,
        left_rhythm=draw_rhythm(LEFT, before.left_rhythm, closes, own, brief.request.habits),
        right_rhythm=draw_rhythm(RIGHT, before.right_rhythm, closes, own, brief.request.habits),
    )


def _sequence(brief: Brief, known: Known, bar: PlannedBar, rng: np.random.Generator) -> Reference | None:
    """One of the last bars as a step of a sequence, where the chords are those of one; None where it is not to be."""
    if bar.bars_left == 0 or rng.random() > CHANCES_TAKEN:
        return None
    before = known(bar.number - 1)
    last = None if before is None or before.far is None or before.far.tonal is None else before.far
    likeness = int(rng.integers(SEQUENCE_LIKENESS, 101))
    found = []
    for lag in SEQUENCE_LAGS:
        then = known(bar.number - lag)
        if then is None or then.piece != brief.piece.number or then.metre != bar.metre:
            continue
        for steps in SEQUENCE_STEPS:
            tonal = Tonal(then.chords[0].key, bar.chords[0].key, steps)
            reference = Reference(then.number, likeness, tonal=tonal)
            if agreement(reference, bar, then) == 1:
                found.append(reference)
    going_on = [
        one
        for one in found
        if last
        and before
        and one.tonal
        and last.tonal
        and (bar.number - one.bar, one.tonal.steps) == (before.number - last.bar, last.tonal.steps)
    ]
    return next(iter(going_on or found), None)


def agreement(reference: Reference, bar: PlannedBar, then: PlannedBar) -> float:
    """Share of the felt beats of a bar that have the chord of the bar that it refers to, moved: root and quality."""
    beats = [tick for tick, _ in bar.metre.slots]
    same = [bar.chord_at(tick).chord[:2] == reference.chord(then.chord_at(tick).chord)[:2] for tick in beats]
    return sum(same) / len(same)


def _possible(reference: Reference, bar: PlannedBar, then: PlannedBar) -> int:
    """As much of a likeness as the chords allow."""
    most = OVER_OTHER_CHORDS + (100 - OVER_OTHER_CHORDS) * agreement(reference, bar, then)
    return min(reference.likeness, round(most))


def _is_copy(brief: Brief, bar: PlannedBar, likeness: int) -> bool:
    """Whether a bar has another's chords: it is much like it, new in its phrase and not the cadence."""
    given = brief.request.chord is not None or bool(brief.request.loop)
    closes = bar.bars_left == 0 and brief.phrase.cadence != NONE
    return likeness >= COPIED and bar.like is None and not closes and not given


def _drawn(brief: Brief, done: tuple[PlannedBar, ...], bar: PlannedBar, rng: np.random.Generator) -> Reference | None:
    known = _knowing(brief, done, bar)
    before = known(bar.number - 1)
    last = None if before is None else before.far
    if bar.like is not None:
        then = known(bar.like)
        moved = 0 if then is None else (bar.chords[0].key - then.chords[0].key + 6) % 12 - 6
        again = last is not None and before is not None and before.like is not None
        return draw_return(
            corpus_counts(brief.request.habits), bar.like, last.likeness if again and last else None, moved, rng
        )
    state = State()
    if last is not None and before is not None and before.piece == bar.piece:
        here = before.phrase == bar.phrase and before.like is None
        state = State(before.number - last.bar if here else NEVER, last.likeness)
    kept = [p.first_bar for p in brief.plan.phrases if p.piece == brief.piece.number]
    first = max(min(kept, default=brief.first_bar), bar.number - BARS_BACK)
    distance = draw_distance(corpus_counts(brief.request.habits), bar.number, first, state, bar.phrase_bar, rng)
    if distance is None:
        return None
    number, likeness = bar.number - distance.bars, distance.likeness
    if not _is_copy(brief, bar, likeness) or (then := known(number)) is None:
        return Reference(number, likeness)
    if distance.goes_on and last is not None and before is not None and _is_copy(brief, before, last.likeness):
        tonal = last.tonal and Tonal(then.chords[0].key, bar.chords[0].key, last.tonal.steps)
        likeness = max(likeness, SEQUENCE_LIKENESS if tonal and tonal.steps else 0)
        return last._replace(bar=number, likeness=likeness, tonal=tonal)
    return draw_copy(corpus_counts(brief.request.habits), number, distance, then.chords[0].key, bar.chords[0].key, rng)


def _knowing(brief: Brief, done: tuple[PlannedBar, ...], bar: PlannedBar) -> Known:
    return lambda number: bar if number == bar.number else known(brief, done, number)


def known(brief: Brief, done: tuple[PlannedBar, ...], number: int) -> PlannedBar | None:
    """A bar of the phrase, or one before it."""
    here = number - brief.first_bar
    return done[here] if 0 <= here < len(done) else None if here >= 0 else brief.plan.bar(number)
