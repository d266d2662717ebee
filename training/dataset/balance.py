"""Sampling weights for training pieces, so that mode, tempo and moods come in equal parts without throwing music away.

Raking: weights are multiplied in turn until the drawn music is as even as it can be over mode x tempo word and over the
four moods, and never by more than a limit, so that a rare piece is not learnt by heart.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from improv.errors import InputError
from improv.music.mood import CORNERS
from training.corpus.labels import NEUTRAL_NAME
from training.corpus.tempo import TEMPO_NAMES

FILE = "balance.csv"
COLUMNS = ("piece", "name", "weight", "weight_without_limit")
MAX_RATIO = 8.0  # a piece is drawn at most so many times as often, or as seldom, as without weights
_ROUNDS = 50
MOODS = (*CORNERS, NEUTRAL_NAME)
FloatArray = NDArray[np.float64]


def mode_tempo_cell(row: dict[str, Any]) -> int | None:
    """The cell of mode x tempo word that a row of features.csv lies in, 0..17; None where tempo or mode is unknown."""
    if not row.get("tempo_name") or not row.get("key"):
        return None
    words = [name for name, _ in TEMPO_NAMES]
    return 2 * words.index(str(row["tempo_name"])) + (0 if str(row["key"]).endswith("major") else 1)


def shares(rows: Sequence[dict[str, Any]]) -> tuple[FloatArray, FloatArray]:
    """What each piece brings: (pieces, 18) of mode x tempo and (pieces, 5) of moods, in notes; unknown cells are 0.

    Notes and not pieces, because a piece is drawn as a whole and a long one is heard longer.
    """
    cells = np.zeros((len(rows), 2 * len(TEMPO_NAMES)))
    moods = np.zeros((len(rows), len(MOODS)))
    for index, row in enumerate(rows):
        size = float(row.get("notes") or 0)
        if (cell := mode_tempo_cell(row)) is not None:
            cells[index, cell] = size
        counts = np.array([float(row.get(f"windows_{name}") or 0) for name in MOODS])
        if counts.sum():
            moods[index] = size * counts / counts.sum()
    return cells, moods


def weights(rows: Sequence[dict[str, Any]]) -> FloatArray:
    """A weight for each row of features.csv, mean 1, without any limit.

    The neutral zone is nobody's corner and keeps the share that it has; a piece of unknown tempo is balanced by its
    moods alone.
    """
    cells, moods = shares(rows)
    corners = moods[:, : len(CORNERS)]
    weight = np.ones(len(rows))
    for _ in range(_ROUNDS):
        for table in (cells, corners):
            drawn = weight @ table
            there = drawn > 0
            if not there.any():
                continue
            target = drawn.sum() / there.sum()
            factor = np.ones(len(drawn))
            # A half step in each round, so that neither table undoes what the other has done.
            factor[there] = np.sqrt(target / drawn[there])
            total = table.sum(axis=1)
            mean = np.divide(table @ factor, total, out=np.ones(len(rows)), where=total > 0)
            weight *= mean
        weight = np.clip(weight / weight.mean(), 1 / MAX_RATIO**2, MAX_RATIO**2)  # no runaway where cells are empty
    return np.asarray(weight / weight.mean(), dtype=np.float64)


def limited(weight: FloatArray) -> FloatArray:
    """Weights kept within 1/8..8 of the even draw."""
    return np.clip(weight, 1 / MAX_RATIO, MAX_RATIO)


def write_balance(folder: Path) -> None:
    """Write balance.csv of a dataset folder from its features.csv and pieces.csv; a weight for training pieces only."""
    with (folder / "features.csv").open(newline="") as file, (folder / "pieces.csv").open(newline="") as pieces:
        splits = [row["split"] for row in csv.DictReader(pieces)]
        rows = [row for row, split in zip(csv.DictReader(file), splits, strict=True) if split == "train"]
    found = weights(rows) if rows else np.zeros(0)
    with (folder / FILE).open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for row, free, kept in zip(rows, found, limited(found), strict=True):
            table.writerow((row["piece"], row["name"], f"{kept:.5f}", f"{free:.5f}"))


def read_balance(folder: Path) -> dict[int, float]:
    """Number of a piece (from 0, in the order of pieces.csv) -> weight; InputError where the dataset has none."""
    path = folder / FILE
    if not path.is_file():
        raise InputError(f"{folder} has no {FILE}: prepare it again with this version, or train without --balance")
    with path.open(newline="") as file:
        return {int(row["piece"]): float(row["weight"]) for row in csv.DictReader(file)}
