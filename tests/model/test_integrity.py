"""A model's file is the one of its card, brings all of itself along, and asks for no foreign operators."""

from __future__ import annotations

import contextlib
import logging
import shutil
from pathlib import Path

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from improv.errors import ModelError
from improv.model import integrity
from improv.model.integrity import card_row, read_checked, told_digest
from improv.model.onnx_model import OnnxModel
from tests.conftest import REPOSITORY, TINY
from training.models.export import renew_card

SHIPPED = sorted((REPOSITORY / "exported_models").glob("*.onnx"))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the tiny model, with its card."""
    path = tmp_path / "mine.onnx"
    shutil.copy(TINY, path)
    shutil.copy(TINY.with_suffix(".md"), path.with_suffix(".md"))
    return path


@pytest.mark.parametrize("path", [TINY, *SHIPPED], ids=lambda path: path.stem)
def test_every_model_that_is_shipped_is_the_one_of_its_card(path: Path) -> None:
    content, digest, vouched = read_checked(path)
    assert vouched
    assert content == path.read_bytes()
    assert digest in card_row(content)


def test_a_file_that_was_tampered_with_is_refused(model: Path) -> None:
    assert OnnxModel(model, "cpu").sha256 == told_digest(model)
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    with pytest.raises(ModelError, match=r"mine\.onnx is not the one of its card: .* mine\.md says"):
        OnnxModel(model, "cpu")


def test_a_model_of_ones_own_without_a_card_is_taken_and_that_is_said_once(
    model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model.with_suffix(".md").unlink()
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            OnnxModel(model, "cpu")
    assert [record.getMessage() for record in caplog.records] == [
        f"no card says what {model} has to be (sha256): it is taken as it is"
    ]


def test_a_card_without_a_hash_vouches_for_nothing(model: Path) -> None:
    model.with_suffix(".md").write_text("# mine\n\n| sha256 | unknown |\n")
    assert not read_checked(model)[2]


def test_a_model_that_is_made_anew_has_its_card_renewed(model: Path) -> None:
    proto = onnx.load(model)
    proto.doc_string = "another one"
    onnx.save(proto, model)
    before = model.with_suffix(".md").read_text()
    renew_card(model)
    assert read_checked(model)[2]
    after = model.with_suffix(".md").read_text()
    assert len(after.splitlines()) == len(before.splitlines())
    model.with_suffix(".md").unlink()
    renew_card(model)
    assert not model.with_suffix(".md").exists()


def refused(proto: onnx.ModelProto, path: Path) -> str:
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(ModelError) as caught:
        read_checked(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def elsewhere() -> onnx.TensorProto:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../../secret")
    return tensor


def test_weights_in_another_file_are_refused_wherever_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    outside = onnx.load(TINY)
    outside.graph.initializer.append(elsewhere())
    assert "keeps weights in another file" in refused(outside, path)
    constant = onnx.load(TINY)
    constant.graph.node.append(helper.make_node("Constant", [], ["c"], value=elsewhere()))
    assert "keeps weights in another file" in refused(constant, path)
    inner = helper.make_graph([], "inner", [], [], [elsewhere()])
    branch = onnx.load(TINY)
    branch.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner))
    assert "keeps weights in another file" in refused(branch, path)


def test_operators_of_somebody_else_are_refused_wherever_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    node = helper.make_node("Shell", ["x"], ["y"], domain="com.example")
    plain = onnx.load(TINY)
    plain.graph.node.append(node)
    text = refused(plain, path)
    assert "wants the operator 'Shell' of 'com.example'" in text
    nested = onnx.load(TINY)
    nested.graph.node.append(helper.make_node("Loop", [], [], body=helper.make_graph([node], "body", [], [])))
    assert "'Shell'" in refused(nested, path)
    function = onnx.load(TINY)
    function.functions.append(helper.make_function("own", "F", [], [], [node], [helper.make_opsetid("", 18)]))
    assert "'Shell'" in refused(function, path)
    own = onnx.load(TINY)
    inner = helper.make_node("Identity", ["x"], ["y"])
    own.functions.append(helper.make_function("own", "F", ["x"], ["y"], [inner], [helper.make_opsetid("", 18)]))
    own.graph.node.append(helper.make_node("F", ["x"], ["y"], domain="own"))
    path.write_bytes(own.SerializeToString())
    assert read_checked(path)


def test_graphs_in_graphs_have_an_end(tmp_path: Path) -> None:
    def field(number: int, content: bytes) -> bytes:
        length = bytes([len(content) & 0x7F | 0x80, len(content) >> 7 & 0x7F | 0x80, len(content) >> 14])
        return bytes([number << 3 | integrity.DELIMITED]) + length + content

    graph = b""
    for _ in range(200):  # deeper than the library for such files would make them
        graph = field(integrity.NODES, field(integrity.ATTRIBUTES, field(integrity.SUBGRAPH, graph)))
    path = tmp_path / "deep.onnx"
    path.write_bytes(field(integrity.GRAPH, graph))
    with pytest.raises(ModelError, match="damaged"):
        read_checked(path)


def test_a_file_too_large_is_not_read(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrity, "LARGEST_BYTES", 1000)
    with pytest.raises(ModelError, match="at most 0 are read"):
        read_checked(model)


@given(st.binary(max_size=200))
def test_no_bytes_are_looked_through_otherwise_than_in_order(content: bytes) -> None:
    with contextlib.suppress(ModelError, ValueError):
        integrity._look_through(memoryview(content), Path("any.onnx"))
