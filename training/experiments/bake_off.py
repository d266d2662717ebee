"""Networks at equal time of a processor: held-out nats per note, and what a step costs.

    python -m training bake-off data/polyphony --minutes 10 --out runs/bake-off

Each learns on the same pieces for so many minutes of one core (its own, not the clock's), its learning rate falling to
the end. Then it is measured on the same test pieces, all commands hidden: the sum of a piece's nats over its notes. A
step is one of the exported model in 32 bits, of two rows, as guidance takes it, by onnxruntime on one thread.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from improv.errors import InputError
from improv.files import atomic_write
from improv.model import conditioning
from improv.model.onnx_model import OnnxModel
from training.dataset.dataset import Dataset
from training.dataset.splits import spread
from training.evaluation.figures import interval
from training.experiments.nats_per_note import notes_of
from training.learning.train import Trainer
from training.models.checkpoints import save
from training.models.export import export, network_of
from training.models.scoring import TorchScorer, score_pieces
from training.models.settings import Settings

COMMON = ("dropout=0.1", "batch=32", "warmup=50")
CANDIDATES: dict[str, tuple[str, ...]] = {
    "lstm": ("tied=0", "average=0", "sequence=128", "batch=64"),
    "tied": ("tied=1", "average=0.99", "sequence=256"),
    "transformer": ("window=256", "average=0.99", "sequence=256", "hidden=256", "layers=4", "lr=1e-3"),
}
"""The plain LSTM with the gradients of the earlier preset, the network of all families, and a transformer whose step
has as many products as theirs. A running mean is short, as the runs are."""
TEST_PIECES = 40
TRIED, TIMED = 3, 6  # steps of training before the first that is timed, and how many are
STEPS = 300  # of the exported model


def learnt(dataset: Dataset, settings: Settings, minutes: float, out: Path) -> Trainer:
    """Train until the time is used up."""
    trial = Trainer(dataset, settings, out, torch.device("cpu"))
    for _ in range(TRIED):
        trial.step(trial.stream.next())
    began = time.process_time()
    for _ in range(TIMED):
        trial.step(trial.stream.next())
    per_step = (time.process_time() - began) / TIMED
    settings = replace(settings, iterations=max(math.ceil(minutes * 60 / per_step), 1))
    trainer, began = Trainer(dataset, settings, out, torch.device("cpu")), time.process_time()
    while trainer.iteration < settings.iterations and time.process_time() - began < minutes * 60:
        trainer.step(trainer.stream.next())
    trainer.seconds = time.process_time() - began
    return trainer


def step_ms(path: Path) -> float:
    """Time of the processor for one step of two rows, ms, the median of STEPS."""
    model = OnnxModel(path, "cpu")
    state, took = model.initial_state(2), []
    told = np.zeros((2, conditioning.width(model.encoding)), dtype=np.float32)
    for index in range(STEPS):
        began = time.process_time()
        _, state = model.step(index % model.encoding.size, told, state)
        took.append(time.process_time() - began)
    return float(np.median(took)) * 1000


def measure(name: str, dataset: Dataset, minutes: float, overrides: Sequence[str], out: Path) -> dict[str, Any]:
    """Train one candidate and measure it; writes its checkpoint and its exported model."""
    wanted = [*COMMON, *CANDIDATES[name], *overrides]
    settings = Settings.preset("base", wanted, dataset.encoding.family)
    trainer = learnt(dataset, settings, minutes, out)
    out.mkdir(parents=True, exist_ok=True)
    content = trainer.content()
    save(out / "best.pt", content)
    pieces = spread(dataset.split("test"), TEST_PIECES)
    scores = score_pieces(TorchScorer(network_of(content), torch.device("cpu")), dataset, pieces, commands=False)
    notes = np.array([notes_of(dataset, piece) for piece in pieces], dtype=np.float64)
    nats, tokens = (np.array([getattr(s, column) for s in scores], dtype=np.float64) for column in ("nats", "tokens"))
    export(content, name, float(nats.sum() / tokens.sum()), out / f"{name}.onnx")
    step = step_ms(out / f"{name}.onnx")
    return {
        "network": name,
        "parameters": sum(parameter.numel() for parameter in trainer.network.parameters()),
        "cpu_minutes": round(trainer.seconds / 60, 2),
        "tokens": trainer.iteration * settings.batch * settings.sequence,
        "nats_per_note": interval(nats, notes)._asdict(),
        "nats_per_token": float(nats.sum() / tokens.sum()),
        "ms_per_step": step,
        "ms_per_note": step * float(tokens.sum() / notes.sum()),
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown."""
    lines = [
        "| network | parameters | CPU minutes | tokens learnt | nats per note | per token | ms per step | per note |",
        "|" + "---|" * 8,
    ]
    for row in rows:
        value, low, high = (row["nats_per_note"][end] for end in ("value", "low", "high"))
        cells = [row["network"], f"{row['parameters']:,}", f"{row['cpu_minutes']:.1f}", f"{row['tokens']:,}"]
        cells += [f"{value:.3f} [{low:.2f}, {high:.2f}]", f"{row['nats_per_token']:.4f}"]
        lines.append("| " + " | ".join([*cells, f"{row['ms_per_step']:.2f}", f"{row['ms_per_note']:.2f}"]) + " |")
    return "\n".join(lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("dataset", type=Path, help="folder that `prepare` wrote, of an event family")
    add("--minutes", type=float, default=10.0, help="of one core, for each network (default: %(default)s)")
    add("--networks", nargs="+", choices=tuple(CANDIDATES), default=tuple(CANDIDATES))
    add("--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides", help="change all their settings")
    add("--out", type=Path, required=True, help="folder of the runs and of bake-off.json")


def command(options: argparse.Namespace) -> None:
    if not options.minutes > 0:
        raise InputError(f"--minutes must be more than 0, got {options.minutes}")
    dataset, rows = Dataset(options.dataset), []
    for name in options.networks:
        rows.append(measure(name, dataset, options.minutes, options.overrides, options.out / name))
        print(json.dumps(rows[-1]), flush=True)
    with atomic_write(options.out / "bake-off.json") as file:
        file.write(json.dumps(rows, indent=1) + "\n")
    print(table(rows))
