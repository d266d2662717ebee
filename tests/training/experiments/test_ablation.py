"""What each input is worth: hiding hides every column of it, and the table names them all."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from improv.model import conditioning
from tests.training.corpora import tiny_corpus
from training.__main__ import main
from training.dataset import prepare
from training.dataset.pipeline import Options
from training.experiments import ablation
from training.learning import train
from training.models.settings import Settings


@pytest.fixture(scope="module")
def pianist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ablation")
    prepare.prepare([str(tiny_corpus(folder / "music"))], folder / "data", Options(family="pianist"))
    return folder / "data"


def test_every_told_column_is_hidden_once() -> None:
    counts = np.zeros(conditioning.SIZE)
    for name in ("place", "attributes", "bars left"):
        counts[ablation.HIDDEN[name]] += 1
    assert np.array_equal(counts, np.ones(conditioning.SIZE))


def test_the_table_is_made(pianist: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings.preset("tiny", ["iterations=2", "evaluate_every=2", "batch=2", "sequence=16"], "pianist")
    train.train(pianist, settings, tmp_path / "run", "cpu")
    out = tmp_path / "out.json"
    arguments = ["--checkpoint", str(tmp_path / "run/best.pt"), "--out", str(out)]
    assert main(["ablation", str(pianist), *arguments]) == 0
    assert set(json.loads(out.read_text())) == {"nothing", "place", "attributes", "bars left", "all commands"}
    assert "| nothing |" in capsys.readouterr().out
    assert main(["ablation", str(tmp_path), *arguments]) == 2
