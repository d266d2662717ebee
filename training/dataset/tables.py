"""Tables that are written row by row as CSV, for people, and as Parquet, for programs: pandas reads both."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROWS_AT_ONCE = 2_000  # of a Parquet row group: 4 MB while they wait as rows


class TableWriter:
    """Writes PATH.csv and PATH.parquet. Use as a context manager; the same rows give the same bytes.

    columns: name -> int, float or str, in their order. A value that is missing or empty is null in Parquet where the
    column holds numbers, and empty in CSV.
    """

    def __init__(self, path: Path, columns: Mapping[str, type]) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        types = {int: pa.int64(), float: pa.float64(), str: pa.string()}
        self._columns = dict(columns)
        self._schema: Any = pa.schema([(name, types[kind]) for name, kind in columns.items()])
        self._rows: list[Mapping[str, Any]] = []
        self._file = path.with_suffix(".csv").open("w", newline="", encoding="utf-8")
        self._csv = csv.writer(self._file)
        self._csv.writerow(columns)
        self._parquet: Any = parquet.ParquetWriter(path.with_suffix(".parquet"), self._schema, compression="zstd")

    def __enter__(self) -> TableWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write rows; KeyError for a column that the table does not have."""
        for row in rows:
            if unknown := row.keys() - self._columns.keys():
                raise KeyError(f"the table has no column {', '.join(sorted(unknown))}")
            self._csv.writerow([row.get(name, "") for name in self._columns])
            self._rows.append(row)
        if len(self._rows) >= ROWS_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        arrays = [self._values(name, kind) for name, kind in self._columns.items()]
        self._parquet.write_table(pa.table(arrays, schema=self._schema))
        self._rows = []

    def _values(self, name: str, kind: type) -> Sequence[Any]:
        given = [row.get(name, "") for row in self._rows]
        if kind is str:
            return [str(value) for value in given]
        return [None if value == "" else kind(value) for value in given]

    def close(self) -> None:
        """Write what is left and close both files."""
        if self._rows:
            self._flush()
        self._parquet.close()
        self._file.close()
