"""How a change of mood sounds: the 12 ordered pairs of moods, switched live over a real port while a client records.

    python -m benchmarks.moods [--seconds 12] [--rounds 1] [--rolls FOLDER]

Each pair glides into the first mood, then plays so long in it, and as long after the switch. Roughness is how much
harmony (1 minus the cosine of the pitch-class histograms), density (octaves of onsets per second) and loudness
(velocity) differ between two adjacent windows of 4 s: at a switch (the window before the command and the one after)
over its mean inside the moods. `while_gliding` is the same 4, 8 and 12 s later, the largest mean of them.
Measured as well on a manual clock, where there are more of them, with a glide of 0 and with the default one.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.answer import MIDDLE_OF_QUARTER
from benchmarks.journeys import recorded
from benchmarks.report import report
from improv.config import Config, load
from improv.config.adapters import render
from improv.control.commands import SetMood
from improv.model.onnx_model import OnnxModel, resolve
from improv.music.attributes import chord_onsets
from improv.music.mood import CORNERS
from tools import live
from tools.waiting import CLOCK
from training.evaluation.listen import Sounded

WINDOW_S = 4.0
BEFORE_S = 16.0  # of a pair on a manual clock, and as much after the switch
PAIRS = list(itertools.permutations(CORNERS, 2))
KINDS = ("harmony", "density", "loudness")


def differences(notes: np.ndarray, at_s: float) -> np.ndarray | None:
    """Harmony, density and loudness between the windows before and after a moment; None where one is empty."""
    rows = [notes[(notes[:, 0] >= start_s) & (notes[:, 0] < start_s + WINDOW_S)] for start_s in (at_s - WINDOW_S, at_s)]
    if not all(len(row) for row in rows):
        return None
    classes = [
        np.bincount(row[:, 2].astype(int) % 12, weights=np.minimum(row[:, 1] - row[:, 0], WINDOW_S), minlength=12)
        for row in rows
    ]
    lengths = float(np.linalg.norm(classes[0]) * np.linalg.norm(classes[1]))
    cosine = float(classes[0] @ classes[1]) / max(lengths, 1e-9)
    onsets = [len(np.unique(chord_onsets(row[:, 0]))) for row in rows]
    velocity = [row[:, 3].mean() for row in rows]
    return np.array([1 - cosine, abs(np.log2(onsets[1] / onsets[0])), abs(velocity[1] - velocity[0])])


def roughness(recordings: Sequence[tuple[np.ndarray, Sequence[float]]]) -> dict[str, Any]:
    """recordings: (notes, moments of the switches). The ratio of each kind, and their mean."""
    at_switch, inside = [], []
    later: dict[float, list[np.ndarray]] = {WINDOW_S * count: [] for count in (1, 2, 3)}
    for notes, switches in recordings:
        for after_s, rows in later.items():
            rows += [found for at_s in switches if (found := differences(notes, at_s + after_s)) is not None]
        at_switch += [found for at_s in switches if (found := differences(notes, at_s)) is not None]
        # Only what lies before the switch is surely inside a mood; every mood comes first equally often.
        for at_s in np.arange(2 * WINDOW_S, switches[0] - WINDOW_S + 1e-9, WINDOW_S):
            found = differences(notes, float(at_s))
            inside += [found] if found is not None else []
    switch, within = np.mean(at_switch, axis=0), np.mean(inside, axis=0)
    ratios = switch / within
    return {
        "switches": len(at_switch),
        **{kind: round(float(ratio), 2) for kind, ratio in zip(KINDS, ratios, strict=True)},
        "mean": round(float(ratios.mean()), 2),
        "while_gliding": max(round(float((np.mean(rows, axis=0) / within).mean()), 2) for rows in later.values()),
    }


def on_manual_clock(glide_s: float, seeds: int) -> dict[str, Any]:
    """All pairs, with so many seeds each."""
    model, config = OnnxModel(resolve(""), "cpu"), load(None, [f"mood.glide_s={glide_s}"], {})
    recordings = []
    for seed, (one, other) in itertools.product(range(seeds), PAIRS):
        turn = [(BEFORE_S, SetMood(*CORNERS[other]))]
        notes = Sounded.of(render(model, config, 2 * BEFORE_S + glide_s, seed, CORNERS[one], turn)).rows
        recordings.append((notes, [BEFORE_S]))
    return roughness(recordings)


def over_a_port(seconds: float, rounds: int, rolls: Path | None) -> dict[str, Any]:
    """All pairs one after the other, so many times, recorded by a client; drawn as they come first."""
    names, found, numbers = list(CORNERS), [], dict(zip(CORNERS, MIDDLE_OF_QUARTER, strict=True))
    with live.jack(256), live.playing() as (daemon, client):
        begun_s = CLOCK.now()
        turns = []
        for one, other in PAIRS * rounds:
            client.send(0xB0, 22, numbers[one])
            client.listen(CLOCK.now() + Config().mood.glide_s + seconds)
            turns.append((one, other, client.send(0xB0, 22, numbers[other]) - begun_s))
            client.listen(CLOCK.now() + seconds)
        daemon.stop()
        client.listen(CLOCK.now() + 0.3)
        notes, left = recorded(client, begun_s), client.sounding()
        answers = [ms for ms, _ in daemon.answers().values()]
    for one, other, at_s in turns:
        inside = notes[(notes[:, 0] >= at_s - seconds) & (notes[:, 0] < at_s + seconds)].copy()
        inside[:, :2] -= at_s - seconds
        found.append((inside, [seconds]))
        if rolls is not None and len(found) <= len(PAIRS):
            _draw(inside, f"{one} to {other}", seconds, rolls / f"{one}-{other}.png")
    return {
        "moods": names,
        "notes": len(notes),
        "left_sounding": left,
        "answers_ms": {"median": float(np.median(answers)), "max": float(np.max(answers))},
        "roughness": roughness(found),
    }


def _draw(notes: np.ndarray, title: str, turn_s: float, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    path.parent.mkdir(parents=True, exist_ok=True)
    figure, axis = pyplot.subplots(figsize=(12, 3))
    colours: Any = pyplot.get_cmap("viridis")(notes[:, 3] / 110)
    axis.hlines(notes[:, 2], notes[:, 0], notes[:, 1], colors=colours, linewidth=3)
    axis.axvline(turn_s, color="tab:red", linewidth=1)
    axis.set(title=title, xlabel="seconds", ylabel="pitch", ylim=(21, 108))
    figure.tight_layout()
    figure.savefig(path, dpi=70)
    pyplot.close(figure)


def measure(seconds: float, seeds: int, rounds: int, rolls: Path | None) -> dict[str, Any]:
    """What the table shows."""
    default_s = Config().mood.glide_s
    result: dict[str, Any] = {"manual": {f"glide {s:g} s": on_manual_clock(s, seeds) for s in sorted({0.0, default_s})}}
    if seconds > 0:
        result["live"] = over_a_port(seconds, rounds, rolls)
    return result


def options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen on the command line."""
    parser.add_argument("--seconds", type=float, default=12.0, help="0: not over a port")
    parser.add_argument("--seeds", type=int, default=4, help="of each pair on a manual clock")
    parser.add_argument("--rounds", type=int, default=1, help="of each pair over a port; 12 s take 7 minutes")
    parser.add_argument("--rolls", type=Path, help="folder for pictures of the pairs")


if __name__ == "__main__":
    report("moods", __doc__, options, measure)
