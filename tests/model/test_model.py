"""Exported models: the tiny real one plays, a file that cannot be used is refused with a sentence."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from improv.errors import ModelError
from improv.model import conditioning, cuda, onnx_model
from improv.model.onnx_model import OnnxModel, resolve
from tests.conftest import REPOSITORY, TINY

Altered = Callable[..., Path]


@pytest.fixture
def altered(tmp_path: Path) -> Altered:
    """The tiny model with other metadata; None leaves a key out."""

    def altered(**changes: str | None) -> Path:
        proto = onnx.load(TINY)
        metadata = {entry.key: entry.value for entry in proto.metadata_props}
        metadata |= {f"brainmusic.{key}": value for key, value in changes.items()}
        del proto.metadata_props[:]
        onnx.helper.set_model_props(proto, {key: value for key, value in metadata.items() if value is not None})
        path = tmp_path / "altered.onnx"
        onnx.save(proto, path)
        return path

    return altered


def refusal(path: Path, provider: str = "cpu") -> str:
    with pytest.raises(ModelError) as caught:
        OnnxModel(path, provider)
    text = str(caught.value)
    assert str(path) in text or provider == "cuda"
    assert "\n" not in text
    return text


def test_a_step(tiny: OnnxModel) -> None:
    condition = np.zeros((2, conditioning.SIZE), np.float32)
    condition[0, :4] = 1.0
    state = tiny.initial_state(2)
    logits, after = tiny.step(tiny.encoding.start_id, condition, state)
    assert logits.shape == (2, 259)
    assert logits.dtype == np.float32
    assert not np.allclose(logits[0], logits[1]), "it listens to the conditioning"
    assert not any(part.any() for part in state), "a state is a value: what went in stays as it was"
    assert [part.shape for part in after] == [part.shape for part in state]
    other, _ = tiny.step(tiny.encoding.begins(60), condition, after)
    assert not np.allclose(other, logits)
    again, _ = tiny.step(tiny.encoding.start_id, condition, state)
    assert np.array_equal(again, logits)


def test_the_rows_of_a_batch_do_not_hear_each_other(tiny: OnnxModel) -> None:
    rng = np.random.default_rng(1)
    condition = rng.normal(size=(2, conditioning.SIZE)).astype(np.float32)
    both, _ = tiny.step(70, condition, tiny.initial_state(2))
    one, _ = tiny.step(70, condition[1:], tiny.initial_state(1))
    assert np.allclose(both[1], one[0], atol=1e-5)


def test_what_it_says_of_itself(tiny: OnnxModel) -> None:
    assert tiny.provider == "CPU"
    assert tiny.describe().startswith(f"{tiny.contract.name} (polyphony, CPU, ")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    text = refusal(tmp_path / "none.onnx")
    assert "is not there" in text
    assert "model.path" in text
    assert "is not there" in refusal(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_a_truncated_file(tmp_path: Path, share: float) -> None:
    whole = TINY.read_bytes()
    path = tmp_path / "half.onnx"
    path.write_bytes(whole[: int(share * len(whole))])
    refusal(path)


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "song.onnx"
    path.write_bytes(b"MThd\x00\x00\x00\x06 this is no model")
    assert "damaged or not an ONNX file" in refusal(path)


def test_an_altered_copy_with_the_same_metadata_is_taken(altered: Altered) -> None:
    assert OnnxModel(altered(), "cpu").contract == OnnxModel(TINY, "cpu").contract


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"fingerprint": "0123456789abcdef"}, "polyphony vocabulary is 0123456789abcdef, expected is a604e5f382cd5b39"),
        ({"format_version": "9"}, "format version is 9, expected is 1"),
        ({"ticks_per_beat": "24"}, "ticks per beat is 24, expected is 4"),
        ({"conditioning": "{}"}, f"conditioning is {{}}, expected is {conditioning.specification()}"),
        ({"family": "trumpet"}, "is of family 'trumpet'; this version knows: polyphony"),
        ({"fingerprint": None}, "is not a BrainMusic model: its metadata has no 'brainmusic.fingerprint'"),
        ({"held_out_loss": "good"}, "brainmusic.held_out_loss must be a number, got 'good'"),
    ],
)
def test_a_model_of_another_version(altered: Altered, changes: dict[str, str | None], expected: str) -> None:
    assert expected in refusal(altered(**changes))


def test_a_model_of_a_later_format_is_told_by_its_version(altered: Altered) -> None:
    assert "format version is 2, expected is 1" in refusal(altered(format_version="2", licence=None))


def test_a_model_with_other_inputs(tmp_path: Path) -> None:
    proto = onnx.load(TINY)
    for node in proto.graph.node:
        node.input[:] = ["mood" if name == "conditioning" else name for name in node.input]
    for graph_input in proto.graph.input:
        graph_input.name = "mood" if graph_input.name == "conditioning" else graph_input.name
    path = tmp_path / "other.onnx"
    onnx.save(proto, path)
    text = refusal(path)
    assert "'mood'" in text
    assert "expected ['token', 'conditioning', 'state_h', 'state_c'" in text


def test_a_model_whose_values_are_not_finite(tmp_path: Path) -> None:
    proto = onnx.load(TINY)
    for tensor in proto.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            values = onnx.numpy_helper.to_array(tensor)
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.full_like(values, np.nan), tensor.name))
    path = tmp_path / "nan.onnx"
    onnx.save(proto, path)
    assert "not finite" in refusal(path)


def test_cuda_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "driver_present", lambda: False)
    assert "no NVIDIA driver answers" in refusal(TINY, "cuda")
    assert OnnxModel(TINY, "auto").provider == "CPU"


def test_an_onnxruntime_that_is_not_installed_is_said_with_the_build_that_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setattr(cuda, "driver_present", lambda: False)
    with pytest.raises(ModelError, match=r"pip install 'brainmusic\[cpu\]' \(no NVIDIA driver answers\)"):
        OnnxModel(TINY)


def test_names_of_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    shipped = onnx_model.shipped_models()
    assert shipped.name == "exported_models"
    assert resolve("") == shipped / "hands.onnx"
    assert resolve("other") == shipped / "other.onnx"
    assert resolve("~/mine.onnx") == tmp_path / "mine.onnx"
    assert resolve("folder/mine") == Path("folder/mine")
    assert resolve("mine.onnx") == Path("mine.onnx")


@pytest.mark.parametrize("path", [TINY, *sorted((REPOSITORY / "exported_models").glob("*.onnx"))], ids=lambda p: p.stem)
def test_a_model_file_names_no_place_of_the_machine_that_made_it(path: Path) -> None:
    assert b'File "' not in path.read_bytes()  # as in a stack trace
