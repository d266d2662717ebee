"""The same model in fewer bits: what each costs on disk and in time, and what it loses.

    python -m training variants exported_models/polyphony.onnx --dataset data/polyphony --out runs/variants

fp32   as exported
fp16   weights stored in 16 bits, products of 32
int8   weights and products of 8 bits: one scale for every output, or one for a whole matrix

Time is the processor's, of one step of one thread for two rows (guidance); the loss is that of held-out works.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from improv.files import atomic_write
from improv.model import conditioning
from improv.model.onnx_model import OnnxModel, resolve
from training.dataset.dataset import Dataset, PieceRow
from training.dataset.splits import spread
from training.models.quantise import quantise, store_halves
from training.models.scoring import OnnxScorer, score_pieces, total

STEPS, ROUNDS = 500, 9
PIECES = 25


VARIANTS: dict[str, Callable[[Path, Path], None]] = {
    "fp16": store_halves,
    "int8 per output": lambda source, out: quantise(source, out, per_channel=True),
    "int8 per matrix": lambda source, out: quantise(source, out, per_channel=False),
}


def step_ms(models: dict[str, OnnxModel]) -> dict[str, float]:
    """CPU milliseconds of a step with two rows: the median of rounds in which every model has its turn."""
    rng = np.random.default_rng(0)
    width = conditioning.width(next(iter(models.values())).encoding)
    condition = rng.uniform(-1, 1, (2, width)).astype(np.float32)
    took: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(ROUNDS):
        for name, model in models.items():
            state, tokens = model.initial_state(2), rng.integers(0, model.encoding.size, STEPS)
            began = time.process_time()
            for token in tokens:
                _, state = model.step(int(token), condition, state)
            took[name].append((time.process_time() - began) / STEPS * 1000)
    return {name: float(np.median(values)) for name, values in took.items()}


def measure(models: dict[str, OnnxModel], dataset: Dataset, pieces: list[PieceRow]) -> list[dict[str, Any]]:
    """A row for each model: size, time, held-out nats per token with the commands known and hidden."""
    times = step_ms(models)
    rows: list[dict[str, Any]] = []
    for name, model in models.items():
        losses = {
            key: total(score_pieces(OnnxScorer(model), dataset, pieces, commands=commands)).nats_per_token
            for key, commands in (("known", True), ("hidden", False))
        }
        size = model.path.stat().st_size
        rows.append({"variant": name, "bytes": size, "step_ms": round(times[name], 4), **losses})
    for row in rows:
        row |= {f"{key}_difference": round(row[key] - rows[0][key], 4) for key in ("known", "hidden")}
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """The figures as Markdown."""
    lines = [
        "| variant | MB | step, CPU ms | nats per token, known | difference | hidden | difference |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        known, hidden = (f"{row[key]:.4f} | {row[f'{key}_difference']:+.4f}" for key in ("known", "hidden"))
        lines.append(f"| {row['variant']} | {row['bytes'] / 1e6:.2f} | {row['step_ms']:.3f} | {known} | {hidden} |")
    return "\n".join(lines)


def make(source: Path, out: Path) -> dict[str, OnnxModel]:
    """Write every variant into the folder `out` and open them all, the source first."""
    out.mkdir(parents=True, exist_ok=True)
    models = {"fp32": OnnxModel(source, "cpu")}
    for name, write in VARIANTS.items():
        path = out / f"{source.stem}.{name.replace(' ', '-')}.onnx"
        write(source, path)
        models[name] = OnnxModel(path, "cpu")
    return models


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="a path, or the name of a shipped model")
    parser.add_argument("--dataset", type=Path, required=True, help="whose test pieces are scored")
    parser.add_argument("--out", type=Path, required=True, help="folder for the variants and variants.json")
    parser.add_argument("--pieces", type=int, default=PIECES, help="held-out pieces to score (default: %(default)s)")


def command(options: argparse.Namespace) -> None:
    dataset = Dataset(options.dataset)
    models = make(resolve(options.model), options.out)
    rows = measure(models, dataset, spread(dataset.split("test"), options.pieces))
    with atomic_write(options.out / "variants.json") as file:
        file.write(json.dumps(rows, indent=1) + "\n")
    print(table(rows))
