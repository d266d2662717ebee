"""Taps become a tempo; one that is told twice is one."""

from __future__ import annotations

import pytest

from improv.engine.tap_tempo import TapTempo


def test_taps_of_one_moment_are_one_tap() -> None:
    tap = TapTempo()
    tempi = [tap.tap(at_s) for at_s in (1.0, 1.0, 1.5, 1.5, 2.0, 2.0)]
    assert tempi[4] == pytest.approx(120)
    assert tempi[5] is None
