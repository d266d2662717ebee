"""Models of different families on the same held-out pieces: nats per note, plan and commands hidden.

    python -m training per-note hands=data/hands polyphony=data/polyphony pianist=data/pianist --out runs/per-note.json

MODEL=DATASET: the name of a shipped model, an .onnx file or a checkpoint, and a dataset of its family. The pieces are
those that every dataset holds out for testing. A piece's figure is the sum of the nats of all its tokens over its
notes, so that a family is not the better for spelling notes with more tokens. "Expression" is the part of it that
velocities, tempo and pedal take, which some families do not write; "notes and time" is the rest.

A model that was trained on another split than its dataset has is refused: it may have learned from the pieces. Where a
work is on the same side by the same rule, though other works were beside it, --same-rule lets it be measured.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from improv.errors import InputError
from improv.files import atomic_write
from improv.model.onnx_model import OnnxModel, resolve
from training.dataset.dataset import Dataset, PieceRow
from training.dataset.splits import spread
from training.evaluation.figures import interval
from training.models.checkpoints import read_checkpoint
from training.models.export import network_of
from training.models.scoring import OnnxScorer, Scorer, TorchScorer, score_pieces

EXPRESSION = ("VELOCITY", "TEMPO", "PEDAL_UP", "PEDAL_DOWN")


class Entry(NamedTuple):
    """A model, by what it was called, and the dataset that it is measured on. split: of its training."""

    name: str
    scorer: Scorer
    dataset: Dataset
    split: str


def read_entry(text: str) -> Entry:
    """From `MODEL=DATASET`."""
    model, equals, folder = text.rpartition("=")
    if not equals or not model:
        raise InputError(f"{text!r}: expected MODEL=DATASET, such as hands=data/hands")
    dataset = Dataset(Path(folder))
    scorer: Scorer
    if model.endswith(".pt"):
        saved = read_checkpoint(Path(model))
        family, split = saved["family"], saved.get("split_hash", "")
        scorer = TorchScorer(network_of(saved), torch.device("cpu"))
    else:
        loaded = OnnxModel(resolve(model), "cpu")
        family, split = loaded.contract.family, loaded.contract.split
        scorer = OnnxScorer(loaded)
    if family != dataset.encoding.family:
        raise InputError(f"{model} is of family {family}, {folder} of {dataset.encoding.family}")
    return Entry(Path(model).stem, scorer, dataset, split)


def check_splits(entries: Sequence[Entry]) -> None:
    """InputError for a model that may have learned from its dataset's test pieces."""
    for entry in entries:
        if entry.split != (here := entry.dataset.split_hash()):
            raise InputError(
                f"{entry.name} was trained on the split {entry.split or 'of an unknown hash'}, its dataset has {here}: "
                "it may have learned from these test pieces; --same-rule says that it has not"
            )


def common(entries: Sequence[Entry], count: int | None) -> list[str]:
    """Names of the pieces that all datasets hold out for testing, at most `count`, spread over all sources."""
    shared = set.intersection(*({row.name for row in entry.dataset.split("test")} for entry in entries))
    if not shared:
        raise InputError("the datasets have no test piece in common")
    rows = [row for row in entries[0].dataset.split("test") if row.name in shared]
    return [row.name for row in spread(rows, count)]


def notes_of(dataset: Dataset, piece: PieceRow) -> int:
    """How many notes begin in a piece."""
    starts, tokens = dataset.encoding.starts, dataset.tokens[piece.start : piece.stop]
    return int(((tokens >= starts.start) & (tokens < starts.stop)).sum())


def measure(entry: Entry, names: Sequence[str]) -> dict[str, Any]:
    """One model's figures on the named pieces."""
    dataset, encoding = entry.dataset, entry.dataset.encoding
    by_name = {row.name: row for row in dataset.split("test")}
    pieces = [by_name[name] for name in names]
    scores = score_pieces(entry.scorer, dataset, pieces, commands=False)
    is_expression = np.array([encoding.label(token).partition(" ")[0] in EXPRESSION for token in range(encoding.size)])
    spent = [s.each[is_expression[dataset.tokens[s.piece.start + 1 : s.piece.stop]]].sum() for s in scores]
    notes = np.array([notes_of(dataset, piece) for piece in pieces], dtype=np.float64)
    nats, tokens = (np.array([getattr(s, column) for s in scores], dtype=np.float64) for column in ("nats", "tokens"))
    return {
        "model": entry.name,
        "family": encoding.family,
        "pieces": len(pieces),
        "notes": int(notes.sum()),
        "tokens_per_note": float(tokens.sum() / notes.sum()),
        "nats_per_note": interval(nats, notes)._asdict(),
        "expression": float(np.sum(spent) / notes.sum()),
        "notes_and_time": interval(nats - np.array(spent), notes)._asdict(),
        "same_split": entry.split == dataset.split_hash(),
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown."""
    lines = ["| model | notes | tokens per note | nats per note | expression | notes and time |", "|" + "---|" * 6]
    for row in rows:
        whole, bare = (
            "{value:.3f} [{low:.2f}, {high:.2f}]".format(**row[key]) for key in ("nats_per_note", "notes_and_time")
        )
        cells = [row["model"], f"{row['notes']:,}", f"{row['tokens_per_note']:.2f}", whole, f"{row['expression']:.3f}"]
        lines.append("| " + " | ".join([*cells, bare]) + " |")
    return "\n".join(lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("entries", nargs="+", metavar="MODEL=DATASET", help="a model and a dataset of its family")
    add("--pieces", type=int, metavar="N", help="of the common test pieces only so many, spread over the sources")
    add("--same-rule", action="store_true", help="measure models of other splits, too: no work has changed its side")
    add("--out", type=Path, required=True, help="JSON file to write")


def command(options: argparse.Namespace) -> None:
    entries = [read_entry(text) for text in options.entries]
    if not options.same_rule:
        check_splits(entries)
    names = common(entries, options.pieces)
    rows = [measure(entry, names) for entry in entries]
    with atomic_write(options.out) as file:
        file.write(json.dumps({"pieces": names, "models": rows}, indent=1) + "\n")
    print(f"{len(names)} held-out pieces\n\n{table(rows)}")
