"""A step that takes too long is cut off, on the thread that waits for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from improv.clock import SystemClock
from improv.errors import ModelError
from improv.model import conditioning
from improv.model.guard import with_rows
from improv.model.onnx_model import Float32Array, OnnxModel, State
from improv.model.patience import BoundedModel, Patience, TooSlowError
from tests.conftest import TINY
from tests.fakes import ScriptedModel

FOR_EVER = 10**12
LIMIT_S = 60.0


@pytest.fixture
def patience() -> Iterator[Patience]:
    made = Patience(SystemClock(), 0.05, watches=True)
    yield made
    made.close()


class Stuck(ScriptedModel):
    """Waits in its first step until it is cut off."""

    def __init__(self) -> None:
        super().__init__([1])
        self.cut_off = threading.Event()

    def step(self, token_id: int, condition: Float32Array, state: State) -> tuple[Float32Array, State]:
        if not self.fed:
            self.fed.append(token_id)
            assert self.cut_off.wait(LIMIT_S)
            raise RuntimeError("cut off")
        return super().step(token_id, condition, state)

    def cancel(self) -> None:
        self.cut_off.set()


def test_a_step_that_hangs_is_cut_off_and_the_next_one_answers(patience: Patience) -> None:
    model = BoundedModel(Stuck(), patience)
    condition, state = np.zeros((1, 3), np.float32), model.initial_state(1)
    patience.begin()
    with pytest.raises(TooSlowError, match=r"a step takes longer than 0\.05 s"):
        model.step(0, condition, state)
    patience.step_s = LIMIT_S  # however slow the machine is
    patience.begin()
    assert model.step(0, condition, state)[0].shape == (1, model.encoding.size)


def test_a_failure_in_time_is_passed_on_as_it_is() -> None:
    class Broken(ScriptedModel):
        def step(self, token_id: int, condition: Float32Array, state: State) -> tuple[Float32Array, State]:
            raise RuntimeError("broken")

    model = BoundedModel(Broken([1]), Patience(SystemClock(), LIMIT_S))
    with pytest.raises(RuntimeError, match="broken"):
        model.step(0, np.zeros((1, 3), np.float32), ())


class Endless:
    """Stands for a session: a network that goes round for hours, of a type that onnxruntime really runs."""

    def __init__(self) -> None:
        number, flag = TensorProto.INT64, TensorProto.BOOL
        value = helper.make_tensor_value_info
        body = helper.make_graph(
            [helper.make_node("Identity", ["go"], ["goes"]), helper.make_node("Add", ["x", "x"], ["y"])],
            "body",
            [value("i", number, []), value("go", flag, []), value("x", TensorProto.FLOAT, [1])],
            [value("goes", flag, []), value("y", TensorProto.FLOAT, [1])],
        )
        graph = helper.make_graph(
            [helper.make_node("Loop", ["n", "go", "x"], ["out"], body=body)],
            "endless",
            [value("n", number, []), value("go", flag, []), value("x", TensorProto.FLOAT, [1])],
            [value("out", TensorProto.FLOAT, [1])],
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        onnx.checker.check_model(made)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        self._session = onnxruntime.InferenceSession(
            made.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def run(self, outputs: None, feed: object, options: object) -> list[object]:
        fed = {"n": np.array(FOR_EVER), "go": np.array(True), "x": np.ones(1, np.float32)}
        return list(self._session.run(outputs, fed, options))


def test_a_network_without_an_end_is_cut_off(patience: Patience, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = OnnxModel(TINY, "cpu")
    monkeypatch.setattr(inner, "_session", Endless())
    model = BoundedModel(inner, patience)
    patience.begin()
    with pytest.raises(ModelError, match="takes longer"):
        model.step(0, np.zeros((1, conditioning.SIZE), np.float32), model.initial_state(1))
    monkeypatch.undo()
    patience.begin()
    assert inner.sha256 == model.sha256


def test_rows_of_a_state_come_and_go() -> None:
    state = (np.arange(6, dtype=np.float32).reshape(1, 2, 3),)
    (one,) = with_rows(state, 1)
    assert one.tolist() == [[[0, 1, 2]]]
    (two,) = with_rows((one,), 2)
    assert two.tolist() == [[[0, 1, 2], [0, 1, 2]]]
    assert with_rows(state, 2)[0].tolist() == state[0].tolist()
