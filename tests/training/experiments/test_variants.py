"""The same model in fewer bits: smaller, still playable, still saying who it is, still to be trained on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from improv.model import conditioning
from improv.model.onnx_model import OnnxModel
from improv.model.vocabulary import encoding_for
from tests.training.conftest import SMALL
from training.dataset.dataset import Dataset
from training.experiments.variants import make, measure, table
from training.models import export
from training.models.from_onnx import read_onnx
from training.models.settings import build


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, OnnxModel]:
    """A network that knows nothing, large enough that its weights are most of the file, in all variants."""
    settings, encoding = replace(SMALL, hidden=192, embedding=64), encoding_for("polyphony")
    torch.manual_seed(1)
    saved = {
        "settings": vars(settings),
        "family": encoding.family,
        "fingerprint": encoding.fingerprint,
        "sources": ["music"],
        "network": build(settings, encoding).state_dict(),
    }
    folder = tmp_path_factory.mktemp("variants")
    export.export(saved, "large", 1.0, folder / "large.onnx")
    return make(folder / "large.onnx", folder)


def test_variants_are_smaller_and_nearly_the_same(models: dict[str, OnnxModel], dataset: Dataset) -> None:
    source = models["fp32"]
    condition = np.zeros((2, conditioning.SIZE), np.float32)
    expected, _ = source.step(source.encoding.start_id, condition, source.initial_state(2))
    for name, share, tolerance in (
        ("fp16", 0.53, 0.02),
        ("int8 per output", 0.3, 0.5),
        ("int8 per matrix", 0.3, 0.9),
    ):
        model = models[name]
        assert model.path.stat().st_size < share * source.path.stat().st_size
        assert model.contract == source.contract
        logits, _ = model.step(source.encoding.start_id, condition, model.initial_state(2))
        assert np.abs(logits - expected).max() < tolerance
    rows = measure({"fp32": source, "fp16": models["fp16"]}, dataset, dataset.split("test")[:1])
    assert rows[0]["known_difference"] == 0
    assert abs(rows[1]["known_difference"]) < 0.01
    assert table(rows).count("\n") == 3


@pytest.mark.parametrize("variant", ["fp16", "int8 per output", "int8 per matrix"])
def test_training_can_go_on_from_fewer_bits(models: dict[str, OnnxModel], variant: str) -> None:
    exact, back = (read_onnx(models[name].path)["network"] for name in ("fp32", variant))
    assert exact.keys() == back.keys()
    for name, weights in exact.items():
        one_step = float(weights.abs().max()) / 127
        assert float((weights - back[name]).abs().max()) <= 1.01 * one_step, name
