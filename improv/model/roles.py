"""Who plays which hand: what a model that learned to play beside a person is told beside the conditioning.

Two numbers for each row, one for each hand, 1 where a person plays it. Both are 0 where the model plays alone, or
beside somebody of whom it is not known which hand they are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from improv.model.vocabulary.hands import HANDS

SIZE = len(HANDS)
INPUT = "role"
"""The model's input, float32 (batch, SIZE); models that did not learn it have none."""


def told(condition: NDArray[np.float32], person_hand: int | None) -> NDArray[np.float32]:
    """The conditioning with who plays which hand behind it. condition: (rows, width) -> (rows, width + SIZE); as it was
    for None.
    """
    if person_hand is None:
        return condition
    role = np.zeros((len(condition), SIZE), dtype=np.float32)
    role[:, person_hand] = 1
    return np.concatenate([condition, role], axis=1)


def apart(condition: NDArray[np.float32], width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The conditioning, (rows, width), and the role, (rows, SIZE), of what `told` put together."""
    if condition.shape[1] > width:
        return np.ascontiguousarray(condition[:, :width]), np.ascontiguousarray(condition[:, width:])
    return condition, np.zeros((len(condition), SIZE), dtype=np.float32)
