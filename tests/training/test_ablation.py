"""What is told to the networks that are compared, and that hiding hides."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from improv.model import conditioning
from tests.training.corpora import tiny_corpus
from training.dataset import prepare
from training.dataset.dataset import Dataset
from training.dataset.pipeline import Options
from training.experiments import ablation
from training.learning import train
from training.models.settings import Settings


@pytest.fixture(scope="module")
def pianist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ablation")
    prepare.prepare([str(tiny_corpus(folder / "music"))], folder / "data", Options(family="pianist"))
    return folder / "data"


def test_the_look_back_is_what_sounded_there_bars_ago(pianist: Path) -> None:
    dataset = Dataset(pianist)
    music = ablation.read(dataset, dataset.pieces[0])
    ticks = dataset.encoding.ticks(music.tokens)
    bar = ablation.bar_ticks(ticks.astype(np.int64), music.rows[:, -4:])
    assert bar == 4 * dataset.encoding.ticks_per_beat
    notes = dataset.encoding.decode(music.tokens.tolist())
    told = music.told(slice(None), 0)
    assert told.shape == (len(music.tokens), ablation.SIZE)
    for index in range(0, len(ticks), 17):
        then = int(ticks[index]) - bar
        classes = {note.pitch % 12 for note in notes if note.onset <= then < note.end}
        assert set(np.flatnonzero(told[index, ablation.COLUMNS["look-back 1"]])) == classes
    moved = music.told(slice(None), 2)[:, ablation.COLUMNS["look-back 1"]]
    assert np.array_equal(moved, np.roll(told[:, ablation.COLUMNS["look-back 1"]], 2, axis=1)), "it moves with the key"


def test_every_column_belongs_to_one_input() -> None:
    counts = sum(ablation.mask_of((name,)) for name in ablation.COLUMNS)
    assert np.array_equal(counts, np.ones(ablation.SIZE))
    assert ablation.COLUMNS["place"].stop == conditioning.SIZE


def test_both_tables_are_made(pianist: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings.preset("tiny", ["iterations=2", "evaluate_every=2", "batch=2", "sequence=16"], "pianist")
    train.train(pianist, settings, tmp_path / "run", "cpu")
    out = tmp_path / "out.json"
    assert ablation.main([str(pianist), "--iterations", "1", "--out", str(out)]) == 0
    assert set(json.loads(out.read_text())["mean"]) == set(ablation.VARIANTS)
    assert "+ chord of 1 bar ago" in capsys.readouterr().out
    assert ablation.main([str(pianist), "--checkpoint", str(tmp_path / "run/best.pt"), "--out", str(out)]) == 0
    assert set(json.loads(out.read_text())) == {"nothing", "place", "attributes", "bars left", "all commands"}
    assert ablation.main([str(tmp_path), "--out", str(out)]) == 2
