"""What a bar refers to is exaggerated as commands are: the row without commands is not told of it."""

from __future__ import annotations

import numpy as np

from improv.config import adapters, load
from improv.improviser.improviser import Improviser
from improv.model import conditioning
from improv.model.onnx_model import Float32Array, State
from improv.model.plan_inputs import SLICES
from tests.fakes import controls
from tests.planned import Untaught

BARS = 12


class Told(Untaught):
    """Keeps the rows that it is asked with."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Float32Array] = []

    def step(self, token_id: int, condition: Float32Array, state: State) -> tuple[Float32Array, State]:
        self.rows.append(condition.copy())
        return super().step(token_id, condition, state)


def asked() -> list[Float32Array]:
    """The rows of some bars."""
    model, state = Told(), controls("happy")
    music = Improviser(model, adapters.improviser_settings(load(None, (), {})), state, seed=3)
    while music.position.tick < BARS * 48:
        music.plan_step(state)
    return model.rows


def test_a_return_stands_in_one_row_and_everything_else_of_the_plan_in_both() -> None:
    far = slice(conditioning.SIZE + SLICES["far"].start, conditioning.SIZE + SLICES["far"].stop)
    rows = [pair for pair in asked() if len(pair) == 2]
    assert sum(bool(pair[0, far].any()) for pair in rows) > 20
    for pair in rows:
        told, bare = pair[:, conditioning.SIZE :].copy()
        assert not pair[1, far].any()
        told[SLICES["far"]] = 0
        assert np.array_equal(told, bare)
