"""From logits to a token."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from improv.improviser.sampling import choose, guide, probabilities

LOGITS = np.log(np.array([0.5, 0.3, 0.15, 0.05]))
ALL = np.ones(4, dtype=bool)


def test_guidance() -> None:
    rows = np.array([[1, 2], [0, 4]], dtype=np.float32)
    assert guide(rows, 0).tolist() == [0, 4]
    assert guide(rows, 1).tolist() == [1, 2]
    assert guide(rows, 3).tolist() == [3, -2]
    assert guide(rows, 0.5).tolist() == [0.5, 3]


def test_plain_probabilities() -> None:
    assert probabilities(LOGITS, ALL, 1.0, 1.0) == pytest.approx([0.5, 0.3, 0.15, 0.05])


def test_temperature() -> None:
    cold, hot = (probabilities(LOGITS, ALL, temperature, 1.0) for temperature in (0.5, 2.0))
    assert cold == pytest.approx(np.array([0.25, 0.09, 0.0225, 0.0025]) / 0.365)
    assert cold[0] > 0.5 > hot[0] > 0.25


def test_top_p_keeps_the_smallest_set_that_holds_its_share() -> None:
    assert probabilities(LOGITS, ALL, 1.0, 0.79) == pytest.approx([0.625, 0.375, 0, 0])
    assert probabilities(LOGITS, ALL, 1.0, 0.81) == pytest.approx(np.array([0.5, 0.3, 0.15, 0]) / 0.95)
    assert probabilities(LOGITS, ALL, 1.0, 1e-9).tolist() == [1, 0, 0, 0]


def test_what_is_not_legal_has_no_weight_and_takes_no_share() -> None:
    legal = np.array([False, True, True, True])
    assert probabilities(LOGITS, legal, 1.0, 1.0) == pytest.approx([0, 0.6, 0.3, 0.1])
    assert probabilities(LOGITS, legal, 1.0, 0.6 - 1e-9).tolist() == [0, 1, 0, 0]


def test_nothing_legal_is_an_error() -> None:
    with pytest.raises(ValueError, match="no token is legal"):
        probabilities(LOGITS, np.zeros(4, dtype=bool), 1.0, 1.0)


@given(
    arrays.arrays(np.float64, 12, elements=st.floats(-1e4, 1e4)),
    arrays.arrays(np.bool_, 12).filter(lambda legal: bool(legal.any())),
    st.floats(0.5, 1.5),
    st.floats(0.01, 1),
    st.integers(0, 2**31),
)
def test_always_a_distribution_and_a_legal_token(
    logits: np.ndarray, legal: np.ndarray, temperature: float, top_p: float, seed: int
) -> None:
    weights = probabilities(logits, legal, temperature, top_p)
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()
    assert not weights[~legal].any()
    assert legal[choose(weights, np.random.default_rng(seed))]


def test_drawing_follows_the_weights() -> None:
    rng = np.random.default_rng(1)
    weights = np.array([0.0, 0.2, 0.0, 0.8, 0.0])
    drawn = np.bincount([choose(weights, rng) for _ in range(5000)], minlength=5) / 5000
    assert drawn == pytest.approx(weights, abs=0.02)
    assert drawn[0] == drawn[2] == drawn[4] == 0
