"""Tables as CSV and as Parquet: the same rows, typed, and the same bytes every time."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from pyarrow import parquet

from training.dataset import tables
from training.dataset.dataset import Dataset
from training.dataset.tables import TableWriter

COLUMNS = {"piece": int, "tempo": float, "key": str}
ROWS = [{"piece": 0, "tempo": 72.5, "key": "C major"}, {"piece": 1, "tempo": ""}, {"piece": 2, "key": "Gès, “dur”"}]


def test_what_is_missing_is_empty_in_the_one_and_null_in_the_other(tmp_path: Path) -> None:
    with TableWriter(tmp_path / "table", COLUMNS) as table:
        table.add(ROWS)
    with (tmp_path / "table.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.DictReader(file))[1:] == [
            {"piece": "1", "tempo": "", "key": ""},
            {"piece": "2", "tempo": "", "key": "Gès, “dur”"},
        ]
    read = parquet.read_table(tmp_path / "table.parquet")
    assert [str(field.type) for field in read.schema] == ["int64", "double", "string"]
    assert read.column("tempo").to_pylist() == [72.5, None, None]
    assert read.column("key").to_pylist() == ["C major", "", "Gès, “dur”"]


def test_many_rows_come_in_groups_and_the_bytes_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROWS_AT_ONCE", 7)
    for name in ("one", "other"):
        with TableWriter(tmp_path / name, COLUMNS) as table:
            for index in range(20):
                table.add([{"piece": index}])
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "other.parquet").read_bytes()
    file = parquet.ParquetFile(tmp_path / "one.parquet")
    assert file.num_row_groups == 3
    assert file.read().column("piece").to_pylist() == list(range(20))


def test_a_column_that_is_none(tmp_path: Path) -> None:
    with TableWriter(tmp_path / "table", COLUMNS) as table, pytest.raises(KeyError, match="no column loudness"):
        table.add([{"loudness": 3}])


@pytest.mark.parametrize("name", ["features", "windows"])
def test_a_datasets_tables_say_the_same(dataset: Dataset, dataset_folder: Path, name: str) -> None:
    with (dataset_folder / f"{name}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    columns = parquet.read_table(dataset_folder / f"{name}.parquet").to_pydict()
    assert list(columns) == list(rows[0])
    assert len(columns["piece"]) == len(rows) >= len(dataset.pieces)
    for column, values in columns.items():
        kind = next((type(value) for value in values if value is not None), str)
        assert [None if r[column] == "" and kind is not str else kind(r[column]) for r in rows] == values
