"""The border to a model: good answers pass, all others are a sentence."""

from __future__ import annotations

import numpy as np
import pytest

from improv.errors import ModelError
from improv.model import guard
from improv.model.onnx_model import OnnxModel
from improv.model.plain_model import PlainModel
from tests.fakes import Failing

ROWS = np.zeros((2, 4), np.float32)


def test_a_good_answer_passes_untouched(tiny: OnnxModel) -> None:
    from improv.model import conditioning

    rows = np.zeros((2, conditioning.SIZE), np.float32)
    state = guard.initial_state(tiny, 2)
    logits, after = guard.step(tiny, tiny.encoding.start_id, rows, state)
    expected, expected_after = tiny.step(tiny.encoding.start_id, rows, tiny.initial_state(2))
    assert np.array_equal(logits, expected)
    assert all(np.array_equal(one, other) for one, other in zip(after, expected_after, strict=True))


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("raise", "its step raises RuntimeError: the network is tired"),
        ("nan", "it answers with values that are not finite"),
        ("inf", "it answers with values that are not finite"),
        ("shape", r"it answers with shape \(2, 5\), expected \(2, 259\)"),
        ("rows", r"it answers with shape \(1, 259\), expected \(2, 259\)"),
        ("state", r"its state changes its shape"),
        ("nothing", "its step raises TypeError"),
    ],
)
def test_a_bad_answer_is_a_sentence(how: str, sentence: str) -> None:
    model = Failing([2], how, lambda _: True)
    state = guard.initial_state(model, 2)
    with pytest.raises(ModelError, match=sentence):
        guard.step(model, 0, ROWS, state)


def test_a_model_that_cannot_begin_is_a_sentence() -> None:
    class Unable(PlainModel):
        def initial_state(self, batch: int) -> tuple[np.ndarray, ...]:
            raise MemoryError("no room")

    with pytest.raises(ModelError, match="it cannot begin: MemoryError: no room"):
        guard.initial_state(Unable(), 2)
