"""A sweep: the published grids, a subset of them, a table and a plot, and going on after an interruption."""

from __future__ import annotations

from pathlib import Path

import pytest

from improv.errors import InputError
from training.__main__ import main
from training.learning import sweep
from training.models.settings import Settings

SMALL = ["--set", "iterations=4", "--set", "evaluate_every=2", "--set", "batch=4", "--threads", "1"]


@pytest.mark.parametrize(("name", "count"), [("bachbot-size", 81), ("bachbot-dropout", 160)])
def test_the_published_grids(name: str, count: int) -> None:
    preset, fixed, grid = sweep.read_grid(name)
    points = sweep.points_of(grid, [], None)
    assert len(points) == count
    assert len({sweep.name_of(point) for point in points}) == count
    for point in points[::20]:
        Settings.preset(preset, [f"{key}={value}" for key, value in (fixed | point).items()])


def test_a_subset() -> None:
    _, _, grid = sweep.read_grid("bachbot-size")
    chosen = sweep.points_of(grid, ["layers=2"], 5)
    assert len(chosen) == 5
    assert {point["layers"] for point in chosen} == {2}
    assert chosen == sweep.points_of(grid, ["layers=2"], 5)
    with pytest.raises(InputError, match="--only 'layers=9': the grid has"):
        sweep.points_of(grid, ["layers=9"], None)
    with pytest.raises(InputError, match="unknown grid 'x'; there are: bachbot-size"):
        sweep.read_grid("x")


def test_a_sweep_goes_on_where_it_stopped(dataset_folder: Path, tmp_path: Path) -> None:
    arguments = [str(dataset_folder), "--out", str(tmp_path), "--only", "hidden=64", "--only", "embedding=32", *SMALL]
    assert main(["sweep", *arguments, "--only", "layers=1", "--points", "1"]) == 0
    first = (tmp_path / "sweep.csv").read_text()
    assert main(["sweep", *arguments, "--only", "sequence=32"]) == 0
    assert (tmp_path / "sweep.csv").read_text().startswith(first)
    rows = sweep.read_rows(tmp_path / "sweep.csv")
    assert len({tuple(row[key] for key in ("sequence", "layers")) for row in rows}) == len(rows) >= 3
    losses = [float(line.split("|")[5]) for line in (tmp_path / "sweep.md").read_text().splitlines()[2:]]
    assert losses == sorted(losses)
    assert (tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")
    assert all(0 <= float(row["accuracy"]) <= 1 for row in rows)


def test_points_side_by_side_are_those_one_after_the_other(dataset_folder: Path, tmp_path: Path) -> None:
    chosen = ["--only", "hidden=64", "--only", "embedding=32", "--only", "sequence=32", "--points", "2", *SMALL]
    rows = {}
    for processes in ("1", "2"):
        out = tmp_path / processes
        assert main(["sweep", str(dataset_folder), "--out", str(out), *chosen, "--processes", processes]) == 0
        rows[processes] = {row["layers"]: float(row["valid"]) for row in sweep.read_rows(out / "sweep.csv")}
    assert len(rows["1"]) == 2
    assert rows["2"] == pytest.approx(rows["1"], abs=1e-3)
