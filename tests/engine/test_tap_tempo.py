"""Taps become a tempo; one that is told twice is one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.engine.tap_tempo import TapTempo


def test_taps_of_one_moment_are_one_tap() -> None:
    tap = TapTempo()
    tempi = [tap.tap(at_s) for at_s in (1.0, 1.0, 1.5, 1.5, 2.0, 2.0)]
    assert tempi[4] == pytest.approx(120)
    assert tempi[5] is None


def test_a_tap_from_the_past_says_nothing() -> None:
    tap = TapTempo()
    assert [tap.tap(at_s) for at_s in (1.0, 1.5, 2.0, 1.9, 2.5)] == [None, None, 120.0, None, 120.0]


@given(st.lists(st.floats(-1e6, 1e6), max_size=30))
def test_no_row_of_taps_is_trouble(times: list[float]) -> None:
    taps = TapTempo()
    for at_s in times:
        tempo_bpm = taps.tap(at_s)
        assert tempo_bpm is None or 20 <= tempo_bpm <= 300
