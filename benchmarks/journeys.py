"""Is a journey heard as it is commanded? Twenty minutes over a real port, and many at the speed of a manual clock.

    python -m benchmarks.journeys [--file examples/journeys/evening.yaml] [--live 1] [--manual 100]

Every recording is heard in windows of 12 s by the listener in four equations (training.evaluation.emotion.listener).
The windows are put together in five parts of equal length; a journey is monotone when the means of valence and of
arousal go the way of the commanded ones from each part to the next, where the command moves by 0.2 or more.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.report import report
from improv.config import Config, journeys
from improv.config.adapters import render
from improv.control.journey import Journey
from improv.model.onnx_model import OnnxModel, resolve
from tools import live
from tools.live import Client
from tools.waiting import CLOCK
from training.evaluation.emotion import listener
from training.evaluation.listen import Sounded

PARTS = 5
MOVES = 0.2
Notes = np.ndarray  # rows of (onset s, end s, pitch, velocity)


def heard(notes: Notes, length_s: float) -> np.ndarray:
    """Rows of (middle of the window s, valence, arousal)."""
    return np.array([(at_s, said.valence, said.arousal) for at_s, said in listener.windows(notes, length_s)])


def verdict(journey: Journey, rows: np.ndarray) -> dict[str, Any]:
    """Means of the parts, correlation with the command, and whether each coordinate goes its way."""
    commanded = np.array([journey.at(at_s) for at_s in rows[:, 0]])
    part = np.minimum((rows[:, 0] / journey.length_s * PARTS).astype(int), PARTS - 1)
    result: dict[str, Any] = {}
    for index, name in enumerate(("valence", "arousal")):
        asked = np.array([commanded[part == k, index].mean() for k in range(PARTS)])
        said = np.array([rows[part == k, index + 1].mean() for k in range(PARTS)])
        moving = np.abs(np.diff(asked)) >= MOVES
        result[name] = {
            "correlation": round(float(np.corrcoef(commanded[:, index], rows[:, index + 1])[0, 1]), 3),
            "parts": [round(float(value), 2) for value in said],
            "monotone": bool(np.all((np.diff(said) * np.diff(asked))[moving] > 0)),
        }
    return result


def recorded(client: Client, start_s: float) -> Notes:
    """What a client heard as notes in seconds from `start_s`."""
    begun: dict[int, tuple[float, int]] = {}
    notes = []
    for at_s, message in client.heard:
        kind, pitch = message[0] & 0xF0, message[1]
        if kind == 0x90 and message[2]:
            begun[pitch] = (at_s - start_s, message[2])
        elif kind in (0x80, 0x90) and pitch in begun:
            on_s, velocity = begun.pop(pitch)
            notes.append((on_s, at_s - start_s, pitch, velocity))
    return np.array(sorted(notes))


def live_journey(journey: Journey, path: Path) -> dict[str, Any]:
    """Once at real speed, over JACK."""
    with live.jack(1024), live.playing(more=("--journey", str(path.resolve()))) as (_, client):
        start_s = CLOCK.now()
        client.listen(start_s + journey.length_s)
        return verdict(journey, heard(recorded(client, start_s), journey.length_s))


def manual_journeys(journey: Journey, times: int) -> Sequence[dict[str, Any]]:
    """As many on a manual clock, seeds 0 and on."""
    model, found = OnnxModel(resolve(""), "cpu"), []
    for seed in range(times):
        notes = Sounded.of(render(model, Config(), journey.length_s, seed, journey=journey)).rows
        rows = heard(notes, journey.length_s)
        found.append(verdict(journey, rows))
    return found


def measure(file: Path, live_times: int, manual: int) -> dict[str, Any]:
    """Both; returns what the table shows."""
    journey = journeys.read(file, Config().mood.moods).begun_from(Config().mood.start_mood)
    result: dict[str, Any] = {"journey": journey.name, "minutes": journey.length_s / 60}
    result["live"] = [live_journey(journey, file) for _ in range(live_times)]
    runs = manual_journeys(journey, manual)
    if runs:
        result["manual"] = {"journeys": len(runs)} | {
            name: {
                "monotone": sum(run[name]["monotone"] for run in runs),
                "least_correlation": min(run[name]["correlation"] for run in runs),
                "mean_correlation": round(float(np.mean([run[name]["correlation"] for run in runs])), 3),
            }
            for name in ("valence", "arousal")
        }
    return result


def options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen on the command line."""
    parser.add_argument("--file", type=Path, default=Path("examples/journeys/evening.yaml"))
    parser.add_argument("--live", dest="live_times", type=int, default=1)
    parser.add_argument("--manual", type=int, default=100)


if __name__ == "__main__":
    report("journeys", __doc__, options, measure)
