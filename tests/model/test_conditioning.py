"""The vector that the model gets beside the token."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.model.conditioning import COMMANDS, SIZE, ending_value, place, places, scale, unconditioned, vector, vectors
from improv.music.attributes import ATTRIBUTES


def test_its_shape() -> None:
    assert ("valence", "arousal", *ATTRIBUTES, "ending") == COMMANDS
    assert 2 * len(COMMANDS) + 4 == SIZE == 26
    row = vector({})
    assert (row.shape, row.dtype, row.any()) == ((SIZE,), np.dtype(np.float32), False)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_its_value_and_a_flag(name: str) -> None:
    row = vector({name: 0.25})
    at = 2 * COMMANDS.index(name)
    assert row[at] == pytest.approx(scale(name, 0.25))
    assert row[at + 1] == 1
    assert np.count_nonzero(np.delete(row, [at, at + 1])) == 0


def test_a_known_zero_differs_from_unknown() -> None:
    assert vector({"valence": 0.0}).tolist() != vector({}).tolist()


@given(st.sampled_from(COMMANDS), st.floats(-1e6, 1e6))
def test_values_stay_in_their_range(name: str, value: float) -> None:
    assert (0 if name == "ending" else -1) <= scale(name, value) <= 1 + 1e-9


def test_an_unknown_command_is_named() -> None:
    with pytest.raises(KeyError, match="unknown command 'volume'; there are: valence"):
        vector({"volume": 1.0})


def test_the_place_in_bar_and_beat() -> None:
    assert place(0, 4) == pytest.approx((0, 1, 0, 1))
    assert place(1, 4) == pytest.approx((1, 0, 0, 1))
    assert place(2.5, 4) == pytest.approx((-(0.5**0.5), -(0.5**0.5), 0, -1))
    assert place(1.5, 3) == pytest.approx((0, -1, 0, -1), abs=1e-9)
    assert vector({}, 1.0)[-4:].tolist() == pytest.approx([1, 0, 0, 1], abs=1e-6)
    assert vector({}, 1.0, 2.0)[-4:].tolist() == pytest.approx([0, -1, 0, 1], abs=1e-6)


def test_without_commands_only_the_place_is_left() -> None:
    row = vector({"valence": 1.0, "tempo": 100.0, "ending": 1.0}, 0.5)
    before = row.copy()
    assert unconditioned(row).tolist() == vector({}, 0.5).tolist()
    assert np.array_equal(row, before)


def test_how_near_the_end_is() -> None:
    assert [ending_value(bars) for bars in (100, 8, 6, 2, 0, -1)] == [0, 0, 0.25, 0.75, 1, 1]


@given(
    st.dictionaries(st.sampled_from(COMMANDS), st.one_of(st.just(float("nan")), st.floats(-50, 300))),
    st.floats(0, 8),
    st.sampled_from([2.0, 3.0, 4.0]),
)
def test_many_steps_at_once_are_steps_one_by_one(values: dict[str, float], beat: float, per_bar: float) -> None:
    rows = vectors({name: np.array([value, 0.5]) for name, value in values.items()}, 2)
    known = {name: value for name, value in values.items() if not np.isnan(value)}
    assert rows[0] == pytest.approx(vector(known), abs=1e-6)
    assert rows[1] == pytest.approx(vector(dict.fromkeys(values, 0.5)), abs=1e-6)
    assert places(np.array([beat]), np.array([per_bar]))[0] == pytest.approx(place(beat, per_bar))
