"""What an evaluation found: figures with their intervals, as a table and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from improv.files import atomic_write

SAMPLES = 2000  # bootstrap samples; the interval's ends then move by about 1 % of its width from seed to seed
OVERALL = "overall"
FloatArray = NDArray[np.float64]


class Estimate(NamedTuple):
    """A mean and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class SourceReport:
    """One source's figures. hidden, known, markov: nats per token. gain: markov less hidden. accuracies: 0..1."""

    source: str
    pieces: int
    tokens: int
    hidden: Estimate
    known: Estimate
    markov: Estimate
    gain: Estimate
    hidden_accuracy: Estimate
    known_accuracy: Estimate


@dataclass(frozen=True)
class Report:
    """Everything that was measured of one model. splits: name -> one report per source, the last one overall."""

    model: str
    backend: str
    family: str
    fingerprint: str
    split_hash: str
    split: str
    pieces: dict[str, dict[str, int]]
    splits: dict[str, list[SourceReport]]


def interval(sums: FloatArray, weights: FloatArray, seed: int = 0) -> Estimate:
    """sum(sums) / sum(weights) with its interval from bootstrap samples of whole pieces. Arrays of shape (pieces,)."""
    rng = np.random.default_rng(seed)
    means = np.empty(SAMPLES)
    for sample in range(SAMPLES):  # one at a time: of 17,000 pieces all of them together would take a gigabyte
        drawn = rng.integers(0, len(sums), len(sums))
        means[sample] = sums[drawn].sum() / weights[drawn].sum()
    low, high = np.quantile(means, [0.025, 0.975])
    return Estimate(float(sums.sum() / weights.sum()), float(low), float(high))


def table(report: Report) -> str:
    """The figures as text for a terminal."""
    head = f"{'nats per token':24}{'pieces':>7}{'tokens':>9}  {'hidden':^22}{'known':^22}{'Markov':^22}{'accuracy':>9}"
    lines = []
    for split, rows in report.splits.items():
        lines += [f"{split} split", head]
        for row in rows:
            figures = "".join(
                f"{e.value:7.4f} [{e.low:.3f}, {e.high:.3f}]" for e in (row.hidden, row.known, row.markov)
            )
            lines.append(f"{row.source:24}{row.pieces:7}{row.tokens:9}{figures}{row.hidden_accuracy.value:9.1%}")
        lines.append("")
    return "\n".join(lines)


def write_report(report: Report, folder: Path) -> Path:
    """Write NAME.SPLIT.json, whole; every estimate becomes value, low, high."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{report.model}.{report.split}.json"
    content: dict[str, Any] = asdict(report)
    for rows in content["splits"].values():
        for row in rows:
            row |= {key: value._asdict() for key, value in row.items() if isinstance(value, Estimate)}
    with atomic_write(path) as file:
        file.write(json.dumps(content, indent=1) + "\n")
    return path
