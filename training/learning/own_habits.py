"""A composer's habits: what his pieces do, counted as everybody's pieces are for the plan, and what his foot does.

The network learns which notes follow which; chords, phrases, forms, keys, paces and what each hand does come from the
plan, which draws them as often as people do them. Here the same is counted in some pieces of one composer. The text
goes into the model (`improv.model.habits`); the daemon mixes it with everybody's counts (`improv.plan.mixed_counts`).
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from improv.improviser import pedalling
from improv.model.habits import MOST_LOGITS, PEDAL, check
from improv.plan.rhythm import BINS
from training.analysis.music import BoolArray, FloatArray
from training.analysis.pedalling import Decision, decisions, offset
from training.corpus import reading
from training.corpus.sources import Item
from training.dataset.corpus_counts import Counts, Found, read
from training.dataset.dataset import Dataset, PieceRow
from training.dataset.rhythm_counts import of_piece
from training.dataset.splits import spread

MOST_PIECES = 200
"""That are counted, evenly spread: more tell nothing new, and each takes about a second."""
EACH_PROCESS = 8
"""Pieces, at least: to begin a process takes as long as a few of them."""
PRIOR_PIECES = 2.0
"""Pieces whose foot does as everybody's, beside those that are there."""


def habits_of(dataset: Dataset, pieces: Sequence[PieceRow], sources: Iterable[str], processes: int = 1) -> str:
    """The text that a model carries; "" where none of the pieces could be counted. pieces: of the dataset, which was
    prepared from the sources, for a family that is told a plan.
    """
    wanted = {(piece.source, piece.name) for piece in spread(pieces, MOST_PIECES)}
    counts, feet = Counts(), []
    with reading.scratch_folder() as scratch:
        items = [item for source in sources for item in reading.collect(source, Path(scratch))]
        for found in _read([item for item in items if (item.source, item.name) in wanted], processes):
            counts.add(found)
            feet.append(found)
    if not counts.pieces:
        return ""
    tables = counts.as_json() | {"phrases": len(counts.textures.rows), "rhythm": _rhythm(dataset, pieces)}
    if pedal := _pedal(feet):
        tables["pedal"] = pedal
    text = json.dumps(tables, separators=(",", ":"))
    check(text, "what was counted")
    return text


def summary(text: str) -> dict[str, Any]:
    """What people are told of habits: how many pieces and bars were counted, and what the foot does more."""
    if not text:
        return {"pieces": 0}
    tables = json.loads(text)
    return {name: tables[name] for name in ("pieces", "bars", "pedal") if name in tables}


def _read(items: Sequence[Item], processes: int) -> Iterator[Found]:
    processes = min(processes, len(items) // EACH_PROCESS)
    if processes < 2:
        yield from (found for found in map(read, items) if not isinstance(found, str))
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        yield from (found for found in pool.map(read, items) if not isinstance(found, str))


def _rhythm(dataset: Dataset, pieces: Iterable[PieceRow]) -> list[Any]:
    counts = np.zeros((2, 2, BINS + 1, BINS), dtype=np.int64)
    for piece in pieces:
        steps = dataset.token_step[piece.start : piece.stop]
        of_piece(np.asarray(dataset.plan.columns[int(steps[0]) : int(steps[-1]) + 1]), counts)
    return list(counts.tolist())


def _pedal(pieces: Sequence[Found]) -> dict[str, float]:
    """What his foot does more than everybody's, in logits; nothing where no piece has a pedal: that tells nothing."""
    if not any(found.score.pedals for found in pieces if found.score):
        return {}
    rows = [list(decisions(found.score, found.music, found.analysis)) for found in pieces if found.score]
    shifts: dict[str, list[float]] = {name: [] for name in PEDAL}
    for piece in (row for row in rows if row):
        for name, (logit, done) in _curves(piece).items():
            if len(done):
                shifts[name].append(offset(logit, done))
    means = {name: sum(values) / (len(values) + PRIOR_PIECES) for name, values in shifts.items()}
    return {name: round(float(np.clip(mean, -MOST_LOGITS, MOST_LOGITS)), 3) for name, mean in means.items()}


def _curves(piece: Sequence[Decision]) -> dict[str, tuple[FloatArray, BoolArray]]:
    """Of one piece, by curve: everybody's logits at the moments that it is about, and what was done there."""
    told = np.array([pedalling.features(one.moment) for one in piece])
    down, lifted, ends_down = (np.array([one[field] for one in piece], dtype=bool) for field in (1, 2, 3))
    about = {"lift": (down, lifted), "again": (down & lifted, ends_down), "press": (~down, ends_down)}
    everybody = pedalling.habits()._asdict()
    return {
        name: (told[where] @ np.array(everybody[name].weights), done[where]) for name, (where, done) in about.items()
    }
