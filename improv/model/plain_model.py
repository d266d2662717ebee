"""A model without a network, of which nothing can fail: where no other can play, the music goes on by rules alone.

It always answers the same; what is commanded turns it through the biases that turn every model. It is no music that
one would choose, but it is in the key, pace and height of the mood, and never silent.
"""

from __future__ import annotations

import datetime

import numpy as np

from improv.model import conditioning
from improv.model.metadata import FORMAT_VERSION, Contract
from improv.model.onnx_model import Float32Array, State
from improv.model.vocabulary import Encoding, PolyphonyEncoding
from improv.model.vocabulary.polyphony import STEP_END, continued_note

PLAIN = "plain"
"""The name under which it is offered."""

# Natural logarithms of weights beside the end of a step, which has 1: what sounds goes on, a note begins now and then.
GOES_ON, BEGINS = 2.0, -0.5
MIDDLE_PITCH, SPREAD = 64.0, 9.0  # of what begins: mean and standard deviation, in semitones
NEVER = -30.0


class PlainModel:
    """Implements `improv.model.onnx_model.Model` for the family `polyphony`; its state is empty."""

    def __init__(self) -> None:
        self.encoding: Encoding = PolyphonyEncoding()
        self.contract = Contract(
            format_version=FORMAT_VERSION,
            name=PLAIN,
            family=self.encoding.family,
            fingerprint=self.encoding.fingerprint,
            ticks_per_beat=self.encoding.ticks_per_beat,
            conditioning=conditioning.specification(),
            training_data="none",
            licence="Apache-2.0",
            created=datetime.date(2026, 1, 1).isoformat(),
            held_out_loss=float(np.log(self.encoding.size)),
        )
        self._logits = _logits(self.encoding)

    def initial_state(self, batch: int) -> State:
        return (np.zeros((1, batch, 1), np.float32),)

    def step(self, token_id: int, condition: Float32Array, state: State) -> tuple[Float32Array, State]:
        return np.tile(self._logits, (len(condition), 1)), state


def _logits(encoding: Encoding) -> Float32Array:
    logits = np.full(encoding.size, NEVER)
    logits[STEP_END] = 0.0
    logits[continued_note(0) : continued_note(127) + 1] = GOES_ON
    bell = np.exp(-0.5 * ((np.asarray(encoding.start_pitches) - MIDDLE_PITCH) / SPREAD) ** 2)
    logits[encoding.starts] = BEGINS + np.log(np.maximum(bell / bell.sum(), 1e-9))
    return logits.astype(np.float32)
