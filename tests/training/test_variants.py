"""The same model in fewer bits: smaller, still playable, still saying who it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from improv import conditioning
from improv.errors import InputError
from tests.conftest import REPOSITORY
from training.dataset import Dataset
from training.from_onnx import read_onnx
from training.variants import make, measure, table

MODEL = REPOSITORY / "exported_models" / "polyphony.onnx"


def test_variants_are_smaller_and_nearly_the_same(dataset: Dataset, tmp_path: Path) -> None:
    models = make(MODEL, tmp_path)
    source = models["fp32"]
    condition = np.zeros((2, conditioning.SIZE), np.float32)
    expected, _ = source.step(source.encoding.start_id, condition, source.initial_state(2))
    for name, share, tolerance in (
        ("fp16", 0.51, 0.02),
        ("int8 per output", 0.26, 0.5),
        ("int8 per matrix", 0.26, 0.9),
    ):
        model = models[name]
        assert model.path.stat().st_size < share * MODEL.stat().st_size
        assert model.contract == source.contract
        logits, _ = model.step(source.encoding.start_id, condition, model.initial_state(2))
        assert np.abs(logits - expected).max() < tolerance
    rows = measure({"fp32": source, "fp16": models["fp16"]}, dataset, dataset.split("test")[:1])
    assert rows[0]["known_difference"] == 0
    assert abs(rows[1]["known_difference"]) < 0.01
    assert table(rows).count("\n") == 3
    with pytest.raises(InputError, match="holds no plain float LSTM"):
        read_onnx(models["int8 per output"].path)
