"""Likeness tells what is like from what is not."""

from __future__ import annotations

import numpy as np

from training.evaluation.listen import Sounded
from training.experiments.likeness import FEATURES, apart, features, likeness


def window(seed: int, pitches: tuple[int, int] = (55, 75), velocity: float = 10.0, step_s: float = 0.25) -> Sounded:
    rng = np.random.default_rng(seed)
    on_s = np.arange(0, 30, step_s)
    pitch = rng.integers(*pitches, len(on_s)).astype(float)
    return Sounded(on_s, on_s + step_s, pitch, np.clip(rng.normal(64, velocity, len(on_s)), 1, 127))


def test_the_like_is_nearer_than_the_unlike() -> None:
    human = [features(window(seed), 30) for seed in range(12)]
    assert set(human[0]) == set(FEATURES)
    like = likeness(human, [features(window(100 + seed), 30) for seed in range(12)])
    flat = likeness(human, [features(window(100 + seed, velocity=1.0), 30) for seed in range(12)])
    dense = likeness(human, [features(window(100 + seed, step_s=0.1), 30) for seed in range(12)])
    assert flat["deviation of velocity"] < 0.3 < like["deviation of velocity"]
    assert dense["notes per second"] < 0.3
    assert np.mean(list(like.values())) > np.mean(list(flat.values()))
    assert apart(human, human) == 0
    assert apart(human, [features(window(100 + seed), 30) for seed in range(12)]) < 0.8
    assert apart(human, [features(window(100 + seed, (30, 100)), 30) for seed in range(12)]) > 1
