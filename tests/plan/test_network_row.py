"""What the hands are told to play of what is meant."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.plan.network_row import TOLD_APART, apart

ONSETS = st.floats(0.5, 64.0)


@given(ONSETS, ONSETS)
def test_hands_are_told_further_apart_and_as_many_onsets_together(left: float, right: float) -> None:
    told_left, told_right = apart(left, right)
    assert told_left * told_right == pytest.approx(left * right)
    assert math.log(told_left / told_right) == pytest.approx(TOLD_APART * math.log(left / right), abs=1e-9)


@pytest.mark.parametrize(("left", "right"), [(0.0, 4.0), (4.0, 0.0), (0.0, 0.0)])
def test_a_hand_that_rests_is_told_to_rest(left: float, right: float) -> None:
    assert apart(left, right) == (left, right)
