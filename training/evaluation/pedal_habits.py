"""What people's feet do: the curves that `improv.improviser.pedalling` draws from, of pieces with a sustain pedal.

    python -m training pedal-habits piano-midi-de.zip --out improv/improviser/habits.json

Only the training split is seen, as `composition` splits the same archives. Prints how often the pedal is lifted and
pressed again by the strength of the beat and by whether a chord changes there.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from improv.errors import InputError
from improv.files import atomic_write
from improv.improviser.pedalling import FEATURES, FORMAT, features
from training.analysis import analyse, of_score
from training.analysis.music import BoolArray, FloatArray, IntArray
from training.analysis.pedalling import Decision, decisions, offset
from training.evaluation.composition.people import Found, found_in, read_all

LEAST_MOMENTS, LEAST_SPANS = 64, 16
"""A piece with fewer says nothing about its player's foot."""
AGAIN_WITHIN_S = 0.35
"""A pedal that goes down so soon after it rose was changed, not left."""
QUANTILES = np.linspace(0.05, 0.95, 10)
LONGEST_QUANTILE = 0.998
_RIDGE, _STEPS = 1.0, 40
STRENGTHS = ("half beat", "beat", "middle of the bar", "bar line")


def fitted(told: FloatArray, done: BoolArray) -> FloatArray:
    """Weights of a logistic regression, (features,), by Newton's method with a faint ridge on standardised columns."""
    mean, spread = told.mean(axis=0), told.std(axis=0)
    mean[0], spread[0] = 0.0, 1.0
    spread[spread < 1e-9] = 1.0
    scaled = (told - mean) / spread
    weights = np.zeros(told.shape[1])
    for _ in range(_STEPS):
        share = 1 / (1 + np.exp(-scaled @ weights))
        slope = scaled.T @ (done - share) - _RIDGE * weights
        bend = (scaled * (share * (1 - share))[:, None]).T @ scaled + _RIDGE * np.eye(len(weights))
        step = np.linalg.solve(bend, slope)
        weights += step
        if np.abs(step).max() < 1e-8:
            break
    weights /= spread
    weights[0] -= float(weights @ mean)
    return weights


def spread_of_pieces(told: FloatArray, done: BoolArray, piece: IntArray, weights: FloatArray) -> float:
    """Standard deviation of what each piece adds to the logit, each drawn towards 0 as if it were 1 in the mean."""
    found = []
    for number in np.unique(piece):
        here = piece == number
        if here.sum() < LEAST_MOMENTS:
            continue
        found.append(offset(told[here] @ weights, done[here]))
    return float(np.std(found)) if len(found) > 1 else 0.0


def habits(pieces: Sequence[Sequence[Decision]]) -> dict[str, Any]:
    """The file's content but for its sources. pieces: the decisions of each."""
    every = [one for piece in pieces for one in piece]
    number = np.repeat(np.arange(len(pieces)), [len(piece) for piece in pieces])
    told = np.array([features(one.moment) for one in every])
    down, lifted, ends_down = (np.array([one[field] for one in every]) for field in (1, 2, 3))
    curves = {}
    for name, where, done in (("lift", down, lifted), ("again", down & lifted, ends_down), ("press", ~down, ends_down)):
        weights = fitted(told[where], done[where])
        spread = spread_of_pieces(told[where], done[where], number[where], weights)
        curves[name] = {"weights": [round(w, 4) for w in weights.tolist()], "spread": round(spread, 3)}
    gaps = [one.down_s - one.up_s for one in every if one.down and one.lifted and one.down_s > one.up_s]
    late = [max(one.down_s, 0.0) for one in every if not one.down and one.down_s == one.down_s]
    lifts = [one.up_s for one in every if one.down and one.lifted and one.up_s == one.up_s]
    return {
        "format": FORMAT,
        "pieces": len(pieces),
        "moments": len(every),
        "features": list(FEATURES),
        **curves,
        "again_s": _quantiles([gap for gap in gaps if gap <= AGAIN_WITHIN_S]),
        "late_s": _quantiles(late),
        "lift_s": round(float(np.median(lifts)), 4),
    }


def _quantiles(values: Sequence[float]) -> list[float]:
    return [round(float(value), 4) for value in np.quantile(values, QUANTILES)]


def table(pieces: Sequence[Sequence[Decision]]) -> str:
    """How often a pedal that is down is lifted, and pressed again at once, as Markdown."""
    counts: dict[tuple[int, bool], list[int]] = defaultdict(lambda: [0, 0, 0])
    for one in (one for piece in pieces for one in piece if one.down):
        row = counts[one.moment.strength, one.moment.change]
        row[0] += 1
        row[1] += one.lifted
        row[2] += one.lifted and one.ends_down
    lines = ["| on | chord changes | moments | lifted | of these pressed again |", "|---" * 5 + "|"]
    for (strength, change), (times, lifts, again) in sorted(counts.items()):
        shares = f"{lifts / times:.2f} | {again / lifts:.2f}" if lifts else "0 | "
        lines.append(f"| {STRENGTHS[strength]} | {'yes' if change else 'no'} | {times} | {shares} |")
    return "\n".join(lines)


def _read(found: Found) -> list[Decision]:
    music = of_score(found.score)
    return list(decisions(found.score, music, analyse(music)))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("sources", nargs="+", metavar="SOURCE", help="archives or folders of MIDI files with pedal")
    add("--out", type=Path, required=True, metavar="FILE")


def command(options: argparse.Namespace) -> None:
    chosen = [one for one in found_in(read_all(options.sources), "train") if len(one.score.pedals) >= LEAST_SPANS]
    if not chosen:
        raise InputError("none of the training pieces of these sources has a sustain pedal")
    spans = [one.score.seconds(np.array(span)) for one in chosen for span in one.score.pedals]
    content = habits(pieces := [_read(one) for one in chosen])
    content["longest_s"] = round(float(np.quantile([up - down for down, up in spans], LONGEST_QUANTILE)), 1)
    content = {"sources": [Path(source).name for source in options.sources]} | content
    with atomic_write(options.out) as file:
        file.write(json.dumps(content, indent=1) + "\n")
    print(table(pieces))
    print(f"{options.out}: {content['pieces']} pieces, {content['moments']} moments")
