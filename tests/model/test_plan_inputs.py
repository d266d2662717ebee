"""What a family with a plan is told: one row and two references become one vector."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from improv.model import plan_inputs
from improv.model.plan_inputs import COLUMN, COLUMNS, REFERENCE_SHAPE, SLICES, BarOnsets, expand, look_up, transposed
from improv.music.chord import UNKNOWN, chord_named

BAR = BarOnsets(48, (0, 12, 30), ((48,), (), (55,)), ((72, 76), (74,), ()))


def row(**values: int) -> np.ndarray:
    columns = np.full((1, len(COLUMNS)), UNKNOWN, dtype=np.int16)
    for name, value in ({"bar_ticks": 48, "tick_in_bar": 0} | values).items():
        columns[0, COLUMN[name]] = value
    return columns


def told(columns: np.ndarray, references: np.ndarray | None = None) -> np.ndarray:
    sets = np.zeros((1, *REFERENCE_SHAPE), dtype=np.uint8) if references is None else references
    return expand(columns, sets, np.zeros((1, 4), dtype=np.int16))[0]


def test_the_parts_fill_the_vector() -> None:
    assert sum(part.stop - part.start for part in SLICES.values()) == plan_inputs.SIZE
    assert told(row()).shape == (plan_inputs.SIZE,)


def test_a_chord_is_told_by_root_tones_and_bass() -> None:
    chord = chord_named("G7/B")
    part = told(row(chord_root=chord.root, chord_quality=chord.quality, chord_bass=chord.bass))[SLICES["chord"]]
    assert np.flatnonzero(part[:12]).tolist() == [7]
    assert np.flatnonzero(part[12:24]).tolist() == [2, 5, 7, 11]
    assert np.flatnonzero(part[24:36]).tolist() == [11]
    assert part[36] == 1


def test_what_is_unknown_is_told_as_unknown() -> None:
    vector = told(row())
    for name in ("chord", "next", "key", "phrase", "texture", "near", "far"):
        assert not vector[SLICES[name]].any()


def test_a_reference_has_its_onset_here_and_the_next_one() -> None:
    assert look_up(BAR, None, 12, 48) == (1, 0, 2, 18)
    assert look_up(BAR, None, 13, 48) == (UNKNOWN, 0, 2, 17)
    assert look_up(BAR, BAR, 30, 48) == (2, 1, 0, 18)
    assert look_up(BAR, None, 30, 48) == (2, UNKNOWN, UNKNOWN, UNKNOWN)


def test_a_longer_reference_stops_at_the_bar_line() -> None:
    assert look_up(BAR, None, 12, 24) == (1, UNKNOWN, UNKNOWN, UNKNOWN)


@given(st.integers(0, 11), st.integers(0, 8), st.integers(0, 23), st.integers(-11, 11))
def test_transposed_plans_are_plans_of_transposed_music(root: int, quality: int, key: int, semitones: int) -> None:
    columns = row(chord_root=root, chord_quality=quality, chord_bass=root, key=key, left_register=50)
    moved = transposed(columns, semitones)
    here, there = told(columns)[SLICES["chord"]], told(moved)[SLICES["chord"]]
    for start in (0, 12, 24):
        assert np.array_equal(np.roll(here[start : start + 12], semitones), there[start : start + 12])
    assert moved[0, COLUMN["key"]] // 12 == key // 12
    assert moved[0, COLUMN["left_register"]] == 50 + semitones
    assert np.array_equal(transposed(moved, -semitones), columns)
