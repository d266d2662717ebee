"""How loud phrases and sections are beside each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from improv.plan import dynamics
from improv.plan.plan import PlannedBar
from improv.plan.plan_request import PlanRequest
from improv.plan.planner import follow

SEEDS = range(400)


def _bar(phrase: int, section: str, piece: int = 0) -> PlannedBar:
    return replace(follow(None, PlanRequest(), 0, seed=1).bars[0], phrase=phrase, section=section, piece=piece)


def _levels(bar: PlannedBar) -> np.ndarray:
    return np.array([dynamics.level(seed, bar) for seed in SEEDS])


def _alike(one: PlannedBar, other: PlannedBar) -> float:
    return float(np.corrcoef(_levels(one), _levels(other))[0, 1])


def test_all_bars_of_a_phrase_are_as_loud() -> None:
    assert dynamics.level(3, _bar(2, "B")) == dynamics.level(3, replace(_bar(2, "B"), number=9))


def test_a_section_comes_back_about_as_loud_and_another_one_differs() -> None:
    first = _bar(0, "A")
    assert _alike(first, _bar(5, "A'")) > 0.4
    assert _alike(first, _bar(7, "Coda")) > 0.4
    assert abs(_alike(first, _bar(3, "B"))) < 0.2
    assert abs(_alike(first, _bar(9, "A", piece=1))) < 0.2


def test_levels_spread_as_told_and_no_further() -> None:
    levels = _levels(_bar(0, "A"))
    assert 0.7 < levels.std() / np.hypot(dynamics.SECTIONS_DIFFER, dynamics.PHRASES_DIFFER) < 1.1
    assert abs(levels).max() <= 2 * (dynamics.SECTIONS_DIFFER + dynamics.PHRASES_DIFFER)
