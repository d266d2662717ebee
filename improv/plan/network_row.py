"""The plan as the network is told it: a row of `improv.model.plan_inputs.COLUMNS`, the pitches of two references."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from improv.model.plan_inputs import (
    COLUMN,
    COLUMNS,
    FAR,
    HERE,
    MOST_DENSITY,
    NEAR,
    NEXT,
    REFERENCE_SHAPE,
    BarOnsets,
    IntArray,
    hide_hand,
    key_set,
    look_up,
)
from improv.model.vocabulary.hands import LEFT, RIGHT
from improv.music.chord import UNKNOWN
from improv.plan.piece_memory import PieceMemory
from improv.plan.plan import Plan, PlannedBar, Reference

LEAST_TOLD = 30
"""0..100: a reference that the bar is less like is not told. Told, it makes a jagged melody: 40 % of its moves are
steps, 44 % without (24 pieces of four moods; people 51 %).
"""
FALLS_SHORT = 1.4
"""What a hand is told to play of what is meant: the network plays fewer onsets than it is told. At 1.2 the melody has
1.72 notes a beat, at 1.4 it has 1.97 (32 pieces of four moods; people 2.05).
"""
TOLD_APART = 1.6
"""How much further apart in onsets the hands are told to be than is meant, as a power of their ratio: the network makes
them more alike than they are told. At 1 the busier hand has 1.6 times the onsets of the other in a bar, and both strike
at .61 of the moments; at 1.6 it is 1.9 times and .52 (32 pieces of four moods; people 1.9 and .45).
"""
HAND_NAMES = ("left", "right")
_LONGEST = 32767  # of an int16


class Told(NamedTuple):
    """row: int16 (len(COLUMNS),). references: 0 or 1, uint8 REFERENCE_SHAPE."""

    row: IntArray
    references: NDArray[np.uint8]


def columns(plan: Plan, memory: PieceMemory, bar: int, tick_in_bar: int, person_hand: int | None = None) -> Told:
    """What is told at a place of a bar. bar: its number. person_hand: that somebody else plays, of which nothing is
    told. ValueError when the plan does not have the bar.
    """
    planned = plan.bar(bar)
    if planned is None:
        raise ValueError(f"bar {bar} is not planned: there are {plan.bars[0].number}..{plan.bars[-1].number}")
    row = np.full(len(COLUMNS), UNKNOWN, dtype=np.int16)
    references = np.zeros(REFERENCE_SHAPE, dtype=np.uint8)
    _tell_chords(row, plan, planned, tick_in_bar)
    after = plan.bar(bar + 1)
    _tell_texture(row, planned, after, as_meant=person_hand is not None)
    values = {
        "phrase_bar": planned.phrase_bar,
        "bars_left": planned.bars_left,
        "cadence": planned.cadence,
        "bar_ticks": planned.metre.bar_ticks,
        "tick_in_bar": tick_in_bar,
        "left_rhythm": planned.left_rhythm,
        "right_rhythm": planned.right_rhythm,
    }
    for name, value in values.items():
        row[COLUMN[name]] = value
    length = planned.metre.bar_ticks
    if planned.near_likeness >= LEAST_TOLD and (near := memory.onsets(bar - 1)) is not None:
        row[COLUMN["near_likeness"]] = planned.near_likeness
        wait = mark_reference(references[NEAR], near, memory.onsets(bar), tick_in_bar, length, None)
        row[COLUMN["near_in"]] = wait
    if (
        planned.far is not None
        and planned.far.likeness >= LEAST_TOLD
        and (far := memory.onsets(planned.far.bar)) is not None
    ):
        row[COLUMN["far_likeness"]] = planned.far.likeness
        following = memory.onsets(after.far.bar) if after is not None and after.far is not None else None
        row[COLUMN["far_in"]] = mark_reference(references[FAR], far, following, tick_in_bar, length, planned.far)
    if person_hand is not None:
        hide_hand(row, references, person_hand)
    return Told(row, references)


def mark_reference(
    out: NDArray[np.uint8],
    reference: BarOnsets,
    following: BarOnsets | None,
    place: int,
    length: int,
    moved: Reference | None,
) -> int:
    """Mark the keys that a reference has here and next, (2, hands, keys); ticks until the next, or UNKNOWN."""
    found = look_up(reference, following, place, length)
    sources = [(HERE, reference, found.here)]
    if found.next_bar >= 0:
        source = reference if found.next_bar == 0 or following is None else following
        sources.append((NEXT, source, found.next_at))
    for when, source, at in sources:
        if at >= 0:
            for hand, there in ((LEFT, source.left[at]), (RIGHT, source.right[at])):
                out[when, hand, key_set(there if moved is None else moved.pitches(there, hand))] = 1
    return found.next_in


def _tell_chords(row: IntArray, plan: Plan, bar: PlannedBar, place: int) -> None:
    timed = bar.chord_at(place)
    row[[COLUMN["chord_root"], COLUMN["chord_quality"], COLUMN["chord_bass"]]] = timed.chord
    row[COLUMN["key"]] = timed.key
    following = plan.next_chord(bar.tick + place)
    if following is not None:
        tick, chord = following
        row[[COLUMN["next_root"], COLUMN["next_quality"], COLUMN["next_bass"]]] = chord
        row[COLUMN["next_in"]] = min(tick - bar.tick - place, _LONGEST)


def _tell_texture(row: IntArray, bar: PlannedBar, after: PlannedBar | None, *, as_meant: bool) -> None:
    """Of this bar and the next, as bars long and as dense as they are weigh. as_meant: beside a person the network
    plays about as many onsets as it is told.
    """
    both = [bar] if after is None else [bar, after]
    ticks = sum(b.metre.bar_ticks for b in both)
    onsets = {hand: [getattr(b.texture, f"{hand}_onsets") * b.metre.bar_ticks for b in both] for hand in HAND_NAMES}
    meant = (sum(onsets["left"]), sum(onsets["right"]))
    told = meant if as_meant else tuple(FALLS_SHORT * number for number in apart(*meant))
    for hand, number in zip(HAND_NAMES, told, strict=True):
        registers = [getattr(b.texture, f"{hand}_register") for b in both]
        mean = sum(r * n for r, n in zip(registers, onsets[hand], strict=True)) / max(sum(onsets[hand]), 1e-9)
        row[COLUMN[f"{hand}_register"]] = round(mean) if sum(onsets[hand]) > 0 else UNKNOWN
        row[COLUMN[f"{hand}_density"]] = min(round(4 * number / ticks), MOST_DENSITY)


def apart(left: float, right: float) -> tuple[float, float]:
    """What the hands are told for so many onsets that are meant: as many together by ratio, and `TOLD_APART` further
    from each other.
    """
    if left <= 0 or right <= 0:
        return left, right
    further = (left / right) ** ((TOLD_APART - 1) / 2)
    return left * further, right / further
