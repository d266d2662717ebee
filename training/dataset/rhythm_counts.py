"""How long people keep a figure: the counts that `improv.plan.rhythm` draws from, of a dataset's training pieces.

python -m training rhythm-counts data/hands --out improv/plan/rhythm.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from improv.errors import InputError
from improv.files import atomic_write
from improv.model.plan_inputs import COLUMN
from improv.plan.rhythm import BINS, NOTHING_BEFORE, bin_of
from training.dataset.dataset import Dataset


def of_piece(columns: np.ndarray, into: np.ndarray) -> None:
    """Add one piece's bars. columns: (ticks, plan_inputs.COLUMNS). into: as `improv.plan.rhythm.counts` gives them."""
    place = columns[:, COLUMN["tick_in_bar"]]
    first = np.flatnonzero(np.append(True, np.diff(place) < 0))
    left = columns[first, COLUMN["bars_left"]]
    for hand, name in enumerate(("left_rhythm", "right_rhythm")):
        before = NOTHING_BEFORE
        for value, bars_left in zip(columns[first, COLUMN[name]].tolist(), left.tolist(), strict=True):
            now = bin_of(value)
            if now < BINS:
                into[hand, int(bars_left == 0), before, now] += 1
            before = now


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dataset", type=Path, help="of the family hands, as `prepare` wrote it")
    parser.add_argument("--out", type=Path, required=True)


def command(options: argparse.Namespace) -> None:
    dataset = Dataset(options.dataset)
    if not dataset.encoding.planned:
        family = dataset.encoding.family
        raise InputError(f"{options.dataset} is of the family {family}, which has no plan; give one of hands")
    counts = np.zeros((2, 2, BINS + 1, BINS), dtype=np.int64)
    for piece in dataset.split("train"):
        steps = dataset.token_step[piece.start : piece.stop]
        of_piece(np.asarray(dataset.plan.columns[int(steps[0]) : int(steps[-1]) + 1]), counts)
    about = {"sources": dataset.about["sources"], "split": dataset.split_hash(), "counts": counts.tolist()}
    with atomic_write(options.out) as file:
        file.write(json.dumps(about, separators=(",", ":")) + "\n")
    print(f"{options.out}: {int(counts.sum())} bars of hands")
