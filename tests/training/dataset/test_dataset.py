"""What was written is read back, and a folder that cannot be trained on says why."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from improv.errors import InputError
from improv.model.vocabulary.polyphony import STEP_END
from tests.training.corpora import tiny_corpus
from training.corpus import reading
from training.dataset.dataset import Dataset, DatasetWriter
from training.dataset.prepare import condition


def test_round_trip(dataset: Dataset, tmp_path: Path) -> None:
    encoding = dataset.encoding
    items = reading.collect(str(tiny_corpus(tmp_path / "music")), tmp_path)
    for item, row in zip(items, dataset.pieces, strict=True):
        piece = reading.read(item, encoding.ticks_per_beat)
        tokens = dataset.tokens[row.start : row.stop]
        assert row.name == item.name
        assert tokens.tolist() == encoding.encode(piece.notes, piece.steps)
        steps = dataset.token_step[row.start : row.stop].astype(np.int64)
        stored = dataset.conditioning[steps[0] : steps[-1] + 1]
        assert np.array_equal(stored, condition(piece, encoding.ticks_per_beat))
        # A token belongs to the step that it describes: START to the first, STEP_END to the one it ends.
        ends = np.flatnonzero(tokens == STEP_END)
        assert (steps[ends] - steps[0]).tolist() == list(range(piece.steps))


def test_every_split_has_pieces_and_the_hash_knows_them(dataset: Dataset, dataset_folder: Path, tmp_path: Path) -> None:
    assert sum(len(dataset.split(name)) for name in ("train", "valid", "test")) == len(dataset.pieces)
    shutil.copytree(dataset_folder, tmp_path / "data")
    table = tmp_path / "data" / "pieces.csv"
    table.write_text(table.read_text().replace(",test,", ",valid,"))
    changed = Dataset(tmp_path / "data")
    assert changed.split_hash() != dataset.split_hash()
    with pytest.raises(InputError, match="no piece in its test split; add more works"):
        changed.split("test")


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a prepared dataset; make one with"):
        Dataset(tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("format", 99, "is of dataset format 99, this version reads 1: prepare it again"),
        ("fingerprint", "0000", "was prepared with vocabulary 0000, this version has [0-9a-f]{16}: prepare it again"),
        ("family", "trumpet", "unknown model family 'trumpet'; there are: polyphony"),
        ("conditioning", {}, "was prepared with another conditioning than this version has: prepare it again"),
        ("tokens", 3, "is not whole: .* dataset.json says .*: prepare it again"),
    ],
)
def test_a_dataset_of_another_version(
    dataset_folder: Path, tmp_path: Path, key: str, value: object, sentence: str
) -> None:
    shutil.copytree(dataset_folder, tmp_path / "data")
    path = tmp_path / "data" / "dataset.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(InputError, match=sentence):
        Dataset(tmp_path / "data")


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"123")])
def test_a_dataset_copied_in_part(dataset_folder: Path, tmp_path: Path, damage: object) -> None:
    shutil.copytree(dataset_folder, tmp_path / "data")
    damage(tmp_path / "data" / "conditioning.bin")  # type: ignore[operator]
    with pytest.raises(InputError, match="is not whole"):
        Dataset(tmp_path / "data")


def test_a_damaged_table_of_contents(dataset_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(dataset_folder, tmp_path / "data")
    (tmp_path / "data" / "dataset.json").write_text("{")
    with pytest.raises(InputError, match=r"dataset\.json is damaged"):
        Dataset(tmp_path / "data")


def test_an_interrupted_writer_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), DatasetWriter(tmp_path / "data", "polyphony"):
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())
