"""Overlapped areas: what they must be, and that they tell music from its permutation."""

from __future__ import annotations

import numpy as np
import pytest

from training.likeness import FEATURES, distances, features, likeness, overlapped_area
from training.listen import Sounded


def window(seed: int, pitches: tuple[int, int] = (55, 75), velocity: float = 10.0, step_s: float = 0.25) -> Sounded:
    rng = np.random.default_rng(seed)
    on_s = np.arange(0, 30, step_s)
    pitch = rng.integers(*pitches, len(on_s)).astype(float)
    return Sounded(on_s, on_s + step_s, pitch, np.clip(rng.normal(64, velocity, len(on_s)), 1, 127))


def test_equal_densities_overlap_and_distant_ones_do_not() -> None:
    values = np.random.default_rng(1).normal(0, 1, 300)
    assert overlapped_area(values, values) == pytest.approx(1, abs=0.01)
    assert overlapped_area(values, values + 100) < 0.01
    half = overlapped_area(values, values + 1)
    assert half == pytest.approx(0.62, abs=0.05), "two normal densities that are a deviation apart"
    assert overlapped_area(np.zeros(5), np.zeros(5)) == 1


def test_distances_within_and_between() -> None:
    rows = np.array([[0.0, 0], [3, 4]])
    assert distances(rows).tolist() == [5]
    assert distances(rows, rows).tolist() == [0, 5, 5, 0]


def test_the_like_is_nearer_than_the_unlike() -> None:
    human = [features(window(seed), 30) for seed in range(12)]
    assert set(human[0]) == set(FEATURES)
    like = likeness(human, [features(window(100 + seed), 30) for seed in range(12)])
    flat = likeness(human, [features(window(100 + seed, velocity=1.0), 30) for seed in range(12)])
    dense = likeness(human, [features(window(100 + seed, step_s=0.1), 30) for seed in range(12)])
    assert flat["deviation of velocity"] < 0.3 < like["deviation of velocity"]
    assert dense["notes per second"] < 0.3
    assert np.mean(list(like.values())) > np.mean(list(flat.values()))
