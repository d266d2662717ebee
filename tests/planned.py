"""A model that is told a plan and has learned nothing: whatever is legal is equally likely to it, but time passes."""

from __future__ import annotations

import numpy as np

from improv.model.onnx_model import Float32Array, State
from improv.model.vocabulary import Encoding, HandsEncoding
from tests.fakes import contract

ENCODING = HandsEncoding()
TIME_PASSES = 6.0
"""Logits by which a shift of time goes before a note, so that there are not too many."""


class Untaught:
    """Implements `Model` for the family with two hands; its state counts steps."""

    def __init__(self) -> None:
        self.contract = contract(
            family="hands", fingerprint=ENCODING.fingerprint, ticks_per_beat=ENCODING.ticks_per_beat, name="untaught"
        )
        self.encoding: Encoding = ENCODING
        self._logits = np.zeros(ENCODING.size, np.float32)
        self._logits[ENCODING.shifts] = TIME_PASSES

    def initial_state(self, batch: int) -> State:
        return (np.zeros((1, batch, 1), np.float32),)

    def step(self, token_id: int, condition: Float32Array, state: State) -> tuple[Float32Array, State]:
        return np.stack([self._logits] * len(condition)), (state[0] + 1,)
