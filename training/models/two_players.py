"""One piece as two players: a person plays one hand, what is learned is the other, as it is when somebody plays along.

The person's keys come without a length, since nobody knows it when a key goes down, and as many ticks late as it takes
to hear them. What the player of the other hand should say is asked at every place, also where the person's next key
comes before it can be said: their own next note, or the shift of time to their own next onset. What nobody can plan of
the person's hand is not told (`plan_inputs.hide_hand`); the near reference has the own hand alone.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from improv.model import conditioning, plan_inputs
from improv.model.plan_inputs import COLUMN, BarOnsets
from improv.model.vocabulary.hands import (
    LEFT,
    LENGTH_KINDS,
    LONGEST_SHIFT,
    NOTE_KINDS,
    RIGHT,
    TABLE,
    TICKS_PER_BEAT,
    contexts,
)
from improv.music.chord import UNKNOWN
from improv.plan.network_row import mark_reference
from training.dataset.dataset import Dataset, PieceRow
from training.dataset.plan_columns import NOTHING, Hidden, reference_sets
from training.models.batches import conditioned

NOT_ASKED = -100
"""A target that counts for nothing."""
HEARD_FIRST = 48
"""Tokens after which something is asked where a stream begins within a piece."""
LATEST_TICKS = 2
"""So late a person's key is heard at most: at 12 ticks to the beat and 120 bpm 83 ms."""
_FOLLOWS = (
    ("chord_root", "next_root"),
    ("chord_quality", "next_quality"),
    ("chord_bass", "next_bass"),
)


class Stream(NamedTuple):
    """What one player is fed and should say. tokens: int64 (n,). targets: int64 (n - 1,), what should be said after
    each token but the last, NOT_ASKED where nothing is. condition: float32 (n - 1, conditioning.width).
    """

    tokens: NDArray[np.int64]
    targets: NDArray[np.int64]
    condition: NDArray[np.float32]


class _Events(NamedTuple):
    """A piece by ticks. own: tokens of the hand that is learned, with its lengths. theirs: the person's notes, as late
    as they are heard. step_tick, step: the ticks that have rows in the dataset, ascending, and these rows. end: tick.
    """

    own: dict[int, list[int]]
    theirs: dict[int, list[int]]
    step_tick: list[int]
    step: list[int]
    end: int


class Role(NamedTuple):
    """person: the hand that they play, LEFT or RIGHT. late_ticks: how late their keys are heard. semitones: all is so
    much higher. hidden: of the plan, as in training of the model that plays alone.
    """

    person: int
    late_ticks: int = 0
    semitones: int = 0
    hidden: Hidden = NOTHING


def stream(dataset: Dataset, piece: PieceRow, role: Role, longest: int, begin: float = 0.0) -> Stream:
    """`longest` tokens of a piece at most, with a person at one hand. begin: where in the piece, 0..1; after its
    beginning nothing is asked at first, because a network has to hear where it is.
    """
    written = dataset.tokens[piece.start : piece.stop].astype(np.int64)
    ids = np.asarray(dataset.encoding.transpose(written, role.semitones), dtype=np.int64)
    steps = dataset.token_step[piece.start : piece.stop].astype(np.int64)
    events = _events(ids, steps, role)
    tokens, targets, ticks = _said(events, role.person)
    first = int(begin * max(len(targets) - longest, 0))
    part = slice(first, first + longest)
    own = contexts(tokens)[1:][part]
    condition = _told(dataset, events, ticks[part], own, role)
    targets = targets[part].copy()
    targets[: HEARD_FIRST if first else 0] = NOT_ASKED
    return Stream(tokens[first : first + longest + 1], targets, condition)


def _events(ids: NDArray[np.int64], steps: NDArray[np.int64], role: Role) -> _Events:
    person = role.person
    own: dict[int, list[int]] = {}
    theirs: dict[int, list[int]] = {}
    step_tick, step, tick = list[int](), list[int](), 0
    for token, row in zip(ids.tolist(), steps.tolist(), strict=True):
        if not step_tick or step_tick[-1] != tick:
            step_tick.append(tick)
            step.append(row)
        kind, value = TABLE.row(token)
        if kind == "TIME_SHIFT":
            tick += value
        elif kind in (NOTE_KINDS[1 - person], LENGTH_KINDS[1 - person]):
            own.setdefault(tick, []).append(token)
        elif kind == NOTE_KINDS[person]:
            theirs.setdefault(tick + role.late_ticks, []).append(token)
    return _Events(own, {at: sorted(set(notes)) for at, notes in theirs.items() if at < tick}, step_tick, step, tick)


def _said(events: _Events, person: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The stream, what should be said after each token but the last, and the tick at which that is said."""
    onsets = sorted(events.own)
    first_shift = int(TABLE.slice_of("TIME_SHIFT").start)
    tokens, targets, ticks = [TABLE.id_of("START")], list[int](), list[int]()

    def shift_from(tick: int) -> int:
        index = bisect_right(onsets, tick)
        following = onsets[index] if index < len(onsets) else events.end
        return first_shift + min(max(following - tick, 1), LONGEST_SHIFT) - 1

    def feed(token: int, target: int, tick: int) -> None:
        tokens.append(token)
        targets.append(target)
        ticks.append(tick)

    moments = sorted({0, *events.own, *events.theirs, events.end})
    for index, tick in enumerate(moments[:-1]):
        mine, keys = events.own.get(tick, []), events.theirs.get(tick, [])
        # The left hand comes first in a tick, whoever plays it.
        before, after = (keys, []) if person == LEFT else ([], keys)
        for key in before:
            feed(key, mine[0] if mine else shift_from(tick), tick)
        for token in mine:
            feed(token, token, tick)
        for key in after:
            feed(key, shift_from(tick), tick)
        at, until = tick, moments[index + 1]
        while at < until:
            passed = min(until - at, LONGEST_SHIFT)
            feed(first_shift + passed - 1, shift_from(at), at)
            at += passed
    feed(TABLE.id_of("END"), NOT_ASKED, events.end)
    return np.array(tokens), np.array(targets), np.array(ticks)


class _Bars(NamedTuple):
    """start: ticks of the bar lines, ascending. ticks: length that each is told to have."""

    start: list[int]
    ticks: list[int]


def _bars(dataset: Dataset, events: _Events) -> _Bars:
    columns = np.array(dataset.plan.columns[events.step])
    start, ticks = list[int](), list[int]()
    for tick, row in zip(events.step_tick, columns, strict=True):
        line = tick - int(row[COLUMN["tick_in_bar"]])
        if not start or line > start[-1]:
            start.append(line)
            ticks.append(int(row[COLUMN["bar_ticks"]]))
    return _Bars(start, ticks)


def _own_bars(bars: _Bars, events: _Events, person: int) -> list[BarOnsets]:
    """What the hand that is learned begins in each bar."""
    first_pitch = TABLE.range_of(NOTE_KINDS[1 - person]).low
    notes = TABLE.slice_of(NOTE_KINDS[1 - person])
    found: list[tuple[list[int], list[tuple[int, ...]]]] = [([], []) for _ in bars.start]
    for tick in sorted(events.own):
        pitches = tuple(t - notes.start + first_pitch for t in events.own[tick] if notes.start <= t < notes.stop)
        index = bisect_right(bars.start, tick) - 1
        if pitches and index >= 0:
            found[index][0].append(tick - bars.start[index])
            found[index][1].append(pitches)
    result = []
    for (places, pitches_at), length in zip(found, bars.ticks, strict=True):
        none: tuple[tuple[int, ...], ...] = ((),) * len(places)
        hands = (tuple(pitches_at), none) if person == RIGHT else (none, tuple(pitches_at))
        result.append(BarOnsets(length, tuple(places), *hands))
    return result


def _told(
    dataset: Dataset, events: _Events, ticks: NDArray[np.int64], own: NDArray[np.int16], role: Role
) -> NDArray[np.float32]:
    """The conditioning of what should be said at each of `ticks`. own: the stream's own context there."""
    bars, step_tick = _bars(dataset, events), np.array(events.step_tick)
    of_tick = np.maximum(np.searchsorted(step_tick, ticks, side="right") - 1, 0)
    steps, passed = np.array(events.step)[of_tick], ticks - step_tick[of_tick]
    plan = dataset.plan
    columns = plan_inputs.transposed(np.array(plan.columns[steps]), role.semitones)
    sets = plan.sets[steps].astype(np.int64)
    sets[passed > 0, 2] = 0  # nothing of the far reference begins between two rows
    references = reference_sets(plan.onsets, sets, plan.moves[steps], role.semitones)
    _pass(columns, passed)
    bar = np.maximum(np.searchsorted(np.array(bars.start), ticks, side="right") - 1, 0)
    columns[:, COLUMN["tick_in_bar"]] = np.maximum(ticks - np.array(bars.start)[bar], 0)
    columns[:, COLUMN["bar_ticks"]] = np.array(bars.ticks)[bar]
    plan_inputs.hide_hand(columns, references, role.person)
    _tell_near(columns, references, _own_bars(bars, events, role.person), bar)
    _tell_far(columns, references)
    role.hidden.hide(columns, references)
    told = conditioned(dataset.conditioning[steps], role.semitones)
    _place(told, columns)
    return np.concatenate([told, plan_inputs.expand(columns, references, own)], axis=1)


def _pass(columns: NDArray[np.int16], passed: NDArray[np.int64]) -> None:
    """The plan so many ticks after it was written down, in place."""
    for name in ("next_in", "far_in"):
        column = columns[:, COLUMN[name]]
        known = column >= 0
        column[known] = np.maximum(column[known] - passed[known], 0)
    arrived = (columns[:, COLUMN["next_in"]] == 0) & (columns[:, COLUMN["next_root"]] >= 0)
    for now, following in _FOLLOWS:
        columns[arrived, COLUMN[now]] = columns[arrived, COLUMN[following]]
        columns[arrived, COLUMN[following]] = UNKNOWN
    columns[arrived, COLUMN["next_in"]] = UNKNOWN


def _tell_near(
    columns: NDArray[np.int16], references: NDArray[np.uint8], own: list[BarOnsets], bar: NDArray[np.int64]
) -> None:
    """The bar before, of the own hand alone."""
    near = references[:, plan_inputs.NEAR]
    near[:] = 0
    for row, (number, place) in enumerate(zip(bar.tolist(), columns[:, COLUMN["tick_in_bar"]].tolist(), strict=True)):
        wait = UNKNOWN
        if number:
            length = max(own[number].length, 1)
            wait = mark_reference(near[row], own[number - 1], own[number], place, length, None)
        columns[row, COLUMN["near_in"]] = wait


def _tell_far(columns: NDArray[np.int16], references: NDArray[np.uint8]) -> None:
    """When the far reference's next onset is the person's alone, it is not known when the own hand's is."""
    nothing = ~references[:, plan_inputs.FAR, plan_inputs.NEXT].any(axis=(1, 2))
    columns[nothing, COLUMN["far_in"]] = UNKNOWN


def _place(told: NDArray[np.float32], columns: NDArray[np.int16]) -> None:
    """The place in bar and beat, where there is a metre."""
    beat = columns[:, COLUMN["tick_in_bar"]] / TICKS_PER_BEAT
    beats = np.maximum(columns[:, COLUMN["bar_ticks"]], 1) / TICKS_PER_BEAT
    known = told[:, -4:].any(axis=1)
    told[known, -4:] = conditioning.places(beat, beats)[known]
