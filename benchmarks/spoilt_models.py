"""Exported models that go wrong while they play: networks with a part that makes some of their tokens fail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WAYS = ("nan", "raises", "slow", "never")
EVERY = 7  # a token whose id leaves this rest is met within the first steps of any music
SLOW_TURNS, ENDLESS_TURNS = 30, 1_000_000  # of the product below: about half a second, and hours
SIDE = 512


def spoil(model: Path, out: Path, way: str, start_id: int) -> None:
    """Write the model once more. Answers to every seventh token are wrong; the one before any music is not.

    way: of WAYS: not a number, an exception of the runtime, half a second of computing, computing without an end.
    """
    network = onnx.load(model)
    graph = network.graph
    rest = (start_id + 1) % EVERY
    for node in graph.node:
        node.output[:] = ["sound_logits" if name == "logits" else name for name in node.output]
        node.input[:] = ["sound_logits" if name == "logits" else name for name in node.input]
    _constant(graph, "spoilt_every", np.array(EVERY, np.int64))
    _constant(graph, "spoilt_rest", np.array(rest, np.int64))
    _constant(graph, "spoilt_first", np.array([0], np.int64))
    graph.node.extend(
        [
            helper.make_node("Mod", ["token", "spoilt_every"], ["spoilt_mod"]),
            helper.make_node("Equal", ["spoilt_mod", "spoilt_rest"], ["spoilt_rows"]),
            helper.make_node("Gather", ["spoilt_rows", "spoilt_first"], ["spoilt_row"]),
            helper.make_node("Squeeze", ["spoilt_row"], ["spoilt_now"]),
        ]
    )
    {"nan": _nan, "raises": _raises, "slow": _slow, "never": _never}[way](graph)
    graph.node.append(helper.make_node("Add", ["sound_logits", "spoilt_added"], ["logits"]))
    onnx.checker.check_model(network)
    onnx.save(network, out)


def _constant(graph: onnx.GraphProto, name: str, value: np.ndarray) -> None:
    graph.initializer.append(numpy_helper.from_array(value, name))


def _chosen(graph: onnx.GraphProto, then: np.ndarray, otherwise: np.ndarray, name: str) -> None:
    _constant(graph, f"{name}_then", then)
    _constant(graph, f"{name}_else", otherwise)
    graph.node.append(helper.make_node("Where", ["spoilt_now", f"{name}_then", f"{name}_else"], [name]))


def _nan(graph: onnx.GraphProto) -> None:
    _chosen(graph, np.array(np.nan, np.float32), np.array(0.0, np.float32), "spoilt_added")


def _raises(graph: onnx.GraphProto) -> None:
    _chosen(graph, np.array(99, np.int64), np.array(0, np.int64), "spoilt_index")
    _constant(graph, "spoilt_zeros", np.zeros(1, np.float32))
    graph.node.append(helper.make_node("Gather", ["spoilt_zeros", "spoilt_index"], ["spoilt_added"]))


def _slow(graph: onnx.GraphProto) -> None:
    _computes(graph, SLOW_TURNS)


def _never(graph: onnx.GraphProto) -> None:
    _computes(graph, ENDLESS_TURNS)


def _computes(graph: onnx.GraphProto, turns: int) -> None:
    """So many products of matrices, whose sum is taken times zero."""
    _chosen(graph, np.array(turns, np.int64), np.array(0, np.int64), "spoilt_turns")
    _constant(graph, "spoilt_go_on", np.array(True))
    _constant(graph, "spoilt_matrix", np.zeros((SIDE, SIDE), np.float32))
    square = [SIDE, SIDE]
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["matrix_in", "matrix_in"], ["matrix_out"]),
            helper.make_node("Identity", ["go_on_in"], ["go_on_out"]),
        ],
        "spoilt_body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_on_in", TensorProto.BOOL, []),
            helper.make_tensor_value_info("matrix_in", TensorProto.FLOAT, square),
        ],
        [
            helper.make_tensor_value_info("go_on_out", TensorProto.BOOL, []),
            helper.make_tensor_value_info("matrix_out", TensorProto.FLOAT, square),
        ],
    )
    graph.node.extend(
        [
            helper.make_node("Loop", ["spoilt_turns", "spoilt_go_on", "spoilt_matrix"], ["spoilt_out"], body=body),
            helper.make_node("ReduceSum", ["spoilt_out"], ["spoilt_added"], keepdims=0),
        ]
    )
