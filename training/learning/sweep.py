"""Many small trainings over a grid of settings: a table and a plot of the held-out loss.

    python -m training sweep data/chorales --grid bachbot-size --out runs/sweep --points 8 --set iterations=600
    python -m training sweep data/chorales --grid bachbot-dropout --out runs/sweep --only sequence=128

Points are trained side by side in --processes processes. Grids stand in grids.yaml. `--only` keeps the points with
these values, `--points` takes so many of them, spread by
chance with a fixed seed. What is in OUT/sweep.csv already is not trained again: an interrupted sweep goes on.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import multiprocessing
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from improv.errors import InputError
from improv.files import atomic_write
from training.dataset.dataset import Dataset
from training.learning.train import train
from training.models.settings import Settings, build

GRIDS = Path(__file__).with_name("grids.yaml")
MEASURED = ("valid", "accuracy", "train", "iteration", "parameters", "seconds")
_FRACTIONS = ("valid", "accuracy", "train")
Point = dict[str, Any]


def read_grid(name: str) -> tuple[str, Point, dict[str, list[Any]]]:
    """Preset, fixed settings and the values to cross; InputError lists the grids there are."""
    grids = yaml.safe_load(GRIDS.read_text())
    if name not in grids:
        raise InputError(f"unknown grid {name!r}; there are: {', '.join(grids)}")
    return grids[name]["preset"], grids[name]["fixed"], grids[name]["grid"]


def points_of(grid: dict[str, list[Any]], only: Sequence[str], count: int | None, seed: int = 1) -> list[Point]:
    """The crossed values that `only` allows, at most `count` of them; InputError for what the grid has not."""
    allowed = dict(grid)
    for text in only:
        key, _, value = text.partition("=")
        kept = [each for each in grid.get(key, []) if str(each) == value]
        if not kept:
            values = "; ".join(f"{name}={each}" for name, each in grid.items())
            raise InputError(f"--only {text!r}: the grid has {values}")
        allowed[key] = kept
    points = [dict(zip(allowed, values, strict=True)) for values in itertools.product(*allowed.values())]
    if count is None or count >= len(points):
        return points
    chosen = np.random.default_rng(seed).choice(len(points), count, replace=False)
    return [points[index] for index in sorted(chosen)]


def name_of(point: Point) -> str:
    """The folder of a point's run."""
    return "_".join(f"{key}{value}" for key, value in point.items())


def run(dataset: Path, point: Point, settings: Settings, out: Path) -> Point:
    """Train one point; returns its row: the settings and what was measured at its best evaluation."""
    trainer = train(dataset, settings, out)
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    best = min(lines, key=lambda line: line["valid_bare"])
    size = sum(parameter.numel() for parameter in build(settings, trainer.dataset.encoding).parameters())
    told = (best["valid_bare"], best["accuracy_bare"], best["train"])
    measured = (*told, best["iteration"], size, lines[-1]["seconds"])
    return point | dict(zip(MEASURED, measured, strict=True))


def read_rows(path: Path) -> list[dict[str, str]]:
    """What an earlier sweep has written."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def append(path: Path, row: Point) -> None:
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)


def table(rows: Sequence[dict[str, str]]) -> str:
    """All points as Markdown, the best first."""
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|---" * len(names) + "|"]
    for row in sorted(rows, key=lambda row: float(row["valid"])):
        cells = [f"{float(value):.4f}" if name in _FRACTIONS else value for name, value in row.items()]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def plot(rows: Sequence[dict[str, str]], path: Path) -> None:
    """Held-out loss over each setting, a dot for every point, a line through the best ones."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = [name for name in rows[0] if name not in MEASURED]
    figure, axes = pyplot.subplots(1, len(names), figsize=(3.2 * len(names), 3.2), sharey=True, squeeze=False)
    for axis, name in zip(axes[0], names, strict=True):
        values = np.array([float(row[name]) for row in rows])
        losses = np.array([float(row["valid"]) for row in rows])
        axis.plot(values, losses, "o", alpha=0.5)
        levels = np.unique(values)
        axis.plot(levels, [losses[values == level].min() for level in levels], "-", color="0.3")
        axis.set(xlabel=name, xticks=levels)
    axes[0, 0].set_ylabel("held-out nats per token")
    figure.tight_layout()
    figure.savefig(path, dpi=80)
    pyplot.close(figure)


def run_all(work: list[tuple[Path, Point, Settings, Path]], processes: int) -> Iterator[Point]:
    """The rows of all points as they are done, each trained by `run`; by this process where it is one."""
    if processes == 1 or len(work) < 2:
        for each in work:
            print(f"training {each[-1].name}", file=sys.stderr)
            yield run(*each)
        return
    threads = max(torch.get_num_threads() // processes, 1)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, torch.set_num_threads, (threads,)) as pool:
        futures = [pool.submit(run, *each) for each in work]
        try:
            for number, future in enumerate(as_completed(futures), 1):
                print(f"{number} of {len(work)} are trained", file=sys.stderr)
                yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def sweep(
    dataset: Path,
    grid: str,
    out: Path,
    only: list[str],
    count: int | None,
    overrides: list[str],
    processes: int = 1,
) -> Path:
    """Train the points that are not there yet; returns the table, sweep.md. sweep.csv and sweep.png lie beside it."""
    preset, fixed, crossed = read_grid(grid)
    family = Dataset(dataset).encoding.family
    points = points_of(crossed, only, count)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "sweep.csv"
    done = {name_of({key: row[key] for key in crossed if key in row}) for row in read_rows(path)}
    work = []
    for point in points:
        if name_of(point) not in done:
            texts = [f"{key}={value}" for key, value in (fixed | point).items()]
            settings = Settings.preset(preset, [*texts, *overrides], family)
            work.append((dataset, point, settings, out / name_of(point)))
    print(f"{len(work)} of {len(points)} points are to be trained", file=sys.stderr)
    for row in run_all(work, processes):
        append(path, row)
    rows = read_rows(path)
    with atomic_write(out / "sweep.md") as file:
        file.write(table(rows) + "\n")
    plot(rows, out / "sweep.png")
    return out / "sweep.md"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("dataset", type=Path, help="folder that `prepare` wrote")
    add("--grid", default="bachbot-size", help="a name of grids.yaml (default: %(default)s)")
    add("--out", type=Path, required=True, help="folder for sweep.csv, sweep.md, sweep.png and the runs")
    add("--only", action="append", default=[], metavar="KEY=VALUE", help="keep the points with this value")
    add("--points", type=int, metavar="N", help="train so many points (default: all)")
    add("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides", help="for all points")
    add("--processes", type=int, default=1, help="points that are trained side by side (default: %(default)s)")


def command(options: argparse.Namespace) -> None:
    if options.points is not None and options.points < 1:
        raise InputError(f"--points must be 1 or more, got {options.points}")
    if options.processes < 1:
        raise InputError(f"--processes must be 1 or more, got {options.processes}")
    which = (options.only, options.points, options.overrides)
    written = sweep(options.dataset, options.grid, options.out, *which, options.processes)
    print(written.read_text())
