"""How music breathes around what is commanded."""

from __future__ import annotations

import math

import numpy as np
import pytest

from improv.improviser.variation import WAVES, phases, varied

COMMANDED = {"onset_density": 3.0, "register": 62.0, "dissonance": 0.2, "pitch_spread": 10.0, "mode": 0.9}


def over_time(strength: float, seed: int = 1) -> dict[str, np.ndarray]:
    """Every quarter of a second of an hour."""
    begins = phases(seed)
    rows = [varied(COMMANDED, begins, at_s, strength) for at_s in np.arange(0, 3600, 0.25)]
    return {name: np.array([row[name] for row in rows]) for name in COMMANDED}


def test_no_breath_leaves_the_command_alone() -> None:
    assert varied(COMMANDED, phases(3), 17.5, 0.0) == pytest.approx(COMMANDED)


def test_the_waves_lead_as_far_as_they_say_and_to_both_sides() -> None:
    heard = over_time(1.0)
    assert heard["register"].min() == pytest.approx(62 - WAVES["register"].depth, abs=0.05)
    assert heard["register"].max() == pytest.approx(62 + WAVES["register"].depth, abs=0.05)
    for name in ("onset_density", "dissonance", "pitch_spread"):
        ratios = np.log(heard[name] / COMMANDED[name])
        assert (ratios.min(), ratios.max()) == pytest.approx((-WAVES[name].depth, WAVES[name].depth), abs=0.01)
    assert set(heard["mode"]) == {0.9}


def test_a_minute_has_the_commanded_mean() -> None:
    heard = over_time(1.0)
    minutes = heard["register"].reshape(-1, 240).mean(axis=1)
    assert np.abs(minutes - 62).max() < 1.0
    minutes = np.log(heard["onset_density"] / 3.0).reshape(-1, 240).mean(axis=1)
    assert np.abs(minutes).max() < 0.05


def test_twice_the_strength_leads_twice_as_far() -> None:
    once, twice = (varied(COMMANDED, phases(5), 4.0, strength) for strength in (1.0, 2.0))
    assert twice["register"] - 62 == pytest.approx(2 * (once["register"] - 62))
    assert math.log(twice["dissonance"] / 0.2) == pytest.approx(2 * math.log(once["dissonance"] / 0.2))


def test_the_seed_alone_decides_where_the_waves_begin() -> None:
    assert phases(8) == phases(8)
    assert phases(8) != phases(9)
    assert all(0 <= at < 2 * math.pi for at in phases(8).values())


def test_what_a_table_leaves_out_stays_out() -> None:
    assert varied({"tempo": 90.0}, phases(1), 3.0, 1.0) == {"tempo": 90.0}
