"""A tempo that only the program chose is found by how many files of a source share it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.training.corpora import melody, tempo, write_midi
from training.corpus.default_tempo import constant_tempo, default_tempi, is_default
from training.corpus.sources import Item
from training.dataset.prepare import prepare


def folder_of(folder: Path, *, chosen: int, same: int) -> list[Item]:
    """So many files with a tempo of their own each, and so many with 100 bpm."""
    for index in range(chosen + same):
        write_midi(folder / f"{index}.mid", [(0, 1, 60)], meta=[(0.0, tempo(60 + index if index < chosen else 100))])
    return [Item(path.name, folder.name, path) for path in sorted(folder.iterdir())]


@pytest.mark.parametrize(("chosen", "same", "found"), [(30, 20, 1), (30, 19, 0), (100, 21, 0), (0, 25, 1)])
def test_a_fifth_of_the_files_and_twenty(tmp_path: Path, chosen: int, same: int, found: int) -> None:
    items = folder_of(tmp_path, chosen=chosen, same=same)
    defaults = default_tempi(items)
    assert len(defaults[tmp_path.name]) == found
    marked = [is_default(item, item.content(), defaults) for item in items]
    assert sum(marked) == (same + (60 + chosen > 100) if found else 0)


def test_a_tempo_that_changes_was_chosen(tmp_path: Path) -> None:
    path = write_midi(tmp_path / "a.mid", [(0, 4, 60)], meta=[(0.0, tempo(100)), (2.0, tempo(90))])
    assert constant_tempo(path.read_bytes()) is None
    assert constant_tempo(write_midi(path, [(0, 4, 60)]).read_bytes()) is None


def test_such_a_piece_has_no_tempo_and_says_why(tmp_path: Path) -> None:
    for index in range(24):
        write_midi(tmp_path / "music" / f"{index}.mid", melody(index), meta=[(0.0, tempo(100 if index else 90))])
    prepare([str(tmp_path / "music")], tmp_path / "data")
    with (tmp_path / "data" / "features.csv").open(newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert (rows["0.mid"]["has_tempo"], rows["0.mid"]["main_tempo"]) == ("1", "90.0")
    assert (rows["1.mid"]["has_tempo"], rows["1.mid"]["main_tempo"]) == ("0", "")
    assert "its tempo is its program's default" in rows["1.mid"]["done"]
