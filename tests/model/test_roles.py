"""Who plays which hand, beside the conditioning."""

from __future__ import annotations

import numpy as np
import pytest

from improv.model import roles
from improv.model.vocabulary.hands import LEFT, RIGHT

WIDTH = 7


@pytest.mark.parametrize("hand", [LEFT, RIGHT])
def test_a_role_comes_apart_again(hand: int) -> None:
    condition = np.random.default_rng(1).random((2, WIDTH)).astype(np.float32)
    both = roles.told(condition, hand)
    alone, role = roles.apart(both, WIDTH)
    assert np.array_equal(alone, condition)
    assert role[:, hand].tolist() == [1, 1]
    assert role.sum() == 2


def test_alone_nothing_is_said() -> None:
    condition = np.ones((1, WIDTH), dtype=np.float32)
    assert roles.told(condition, None) is condition
    assert not roles.apart(condition, WIDTH)[1].any()
