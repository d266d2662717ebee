"""What was played is remembered by bar and hand, wound back exactly, and told to the network as in training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.model.plan_inputs import COLUMN, FAR, HERE, NEAR, NEXT, BarOnsets
from improv.model.vocabulary.hands import LEFT, RIGHT
from improv.music.chord import UNKNOWN
from improv.music.mood import CORNERS
from improv.plan.network_row import columns
from improv.plan.piece_memory import PieceMemory
from improv.plan.plan import Reference
from improv.plan.plan_request import PlanRequest
from improv.plan.planner import follow

BAR = 48
STEPS = st.lists(st.tuples(st.integers(0, 1), st.sets(st.integers(21, 108), max_size=3)), max_size=400)


def filled(steps: list[tuple[int, set[int]]], most: int = 512) -> PieceMemory:
    memory = PieceMemory(most)
    for tick, (hand, pitches) in enumerate(steps):
        play(memory, tick, hand, pitches)
    return memory


def play(memory: PieceMemory, tick: int, hand: int, pitches: set[int]) -> None:
    memory.begin(tick // BAR, tick - tick % BAR, BAR)
    memory.remember(tick // BAR, tick % BAR, hand, pitches)


def contents(memory: PieceMemory) -> list[BarOnsets | None]:
    return [memory.onsets(bar) for bar in range(12)]


@given(STEPS, st.integers(0, 400), st.booleans())
def test_forgetting_is_as_if_it_had_never_been(steps: list[tuple[int, set[int]]], tick: int, looked: bool) -> None:
    memory = filled(steps)
    if looked:
        contents(memory)
    memory.forget(tick)
    assert contents(memory) == contents(filled(steps[:tick]))
    for later, (hand, pitches) in enumerate(steps[tick:], tick):
        play(memory, later, hand, pitches)
    assert contents(memory) == contents(filled(steps))


def test_only_so_many_bars_are_kept() -> None:
    memory = filled([(0, {60})] * BAR * 9, most=4)
    assert len(memory) == 4
    assert memory.onsets(4) is None
    assert memory.onsets(8) is not None


def test_a_bar_that_has_not_begun_cannot_be_filled() -> None:
    with pytest.raises(KeyError):
        PieceMemory().remember(3, 0, LEFT, [60])


def test_the_row_tells_chords_place_and_both_references() -> None:
    asked = PlanRequest(mood=CORNERS["calm"], bar_beats=4.0)
    plan = follow(None, asked, 0, 3)
    bars = list(plan.bars)
    bars[3] = replace(bars[3], far=Reference(1, 80, -12, 2), near_likeness=40)
    bars[4] = replace(bars[4], far=Reference(0, 100))
    plan = replace(plan, bars=tuple(bars))
    memory = PieceMemory()
    for bar, places in ((0, {0: {60}}), (1, {12: {64}, 36: {65}}), (2, {0: {48}, 24: {50}}), (3, {0: {52}})):
        memory.begin(bar, bar * BAR, BAR)
        for place, pitches in places.items():
            memory.remember(bar, place, RIGHT if bar < 2 else LEFT, pitches)
    row, references = columns(plan, memory, 3, 12)
    timed = plan.bars[3].chord_at(12)
    assert tuple(row[:3]) == timed.chord
    assert row[COLUMN["key"]] == timed.key
    assert (row[COLUMN["phrase_bar"]], row[COLUMN["bars_left"]]) == (3, bars[3].bars_left)
    assert (row[COLUMN["bar_ticks"]], row[COLUMN["tick_in_bar"]]) == (48, 12)
    assert (row[COLUMN["near_likeness"]], row[COLUMN["near_in"]]) == (40, 12)
    assert (row[COLUMN["far_likeness"]], row[COLUMN["far_in"]]) == (80, 24)
    keys = [tuple(index) for index in np.argwhere(references).tolist()]
    assert keys == [(NEAR, NEXT, LEFT, 50 - 21), (FAR, HERE, RIGHT, 66 - 21), (FAR, NEXT, RIGHT, 67 - 21)]
    _, references = columns(plan, memory, 3, 36)
    assert references[FAR, NEXT, RIGHT, 62 - 21] == 1
    assert references[NEAR, NEXT, LEFT, 52 - 21] == 1


def test_the_first_bar_has_no_references() -> None:
    plan = follow(None, PlanRequest(), 0, 3)
    row, references = columns(plan, PieceMemory(), 0, 0)
    assert {row[COLUMN[name]] for name in ("near_likeness", "near_in", "far_likeness", "far_in")} == {UNKNOWN}
    assert not references.any()
    with pytest.raises(ValueError, match="not planned"):
        columns(plan, PieceMemory(), 1000, 0)
