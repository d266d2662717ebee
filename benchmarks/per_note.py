"""CPU time that a note costs: BrainMusic's models beside one event of Notochord, on the same machine in the same run.

    python -m venv ../notochord && ../notochord/bin/pip install torch appdirs pandas
    ../notochord/bin/pip install --no-deps notochord iipyper
    python -m benchmarks.per_note polyphony --notochord ../notochord/bin/python

Ours: every mood is rendered through the daemon's own engine; the processor's time inside the model's steps
(onnxruntime, one thread, two rows for guidance), and of the whole engine, over the number of notes that began.
Notochord (Victor Shepardson et al.; a GRU of 17.7 million parameters that predicts instrument, pitch, time and velocity
of the next MIDI event, a note being two events): one `query` and one `feed` in torch on one thread, random weights,
which take the same time as trained ones. Rounds of both take turns; medians. Processor time does not count what other
programs take.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from improv.config import Config
from improv.config.adapters import render
from improv.model.onnx_model import OnnxModel, State, resolve
from improv.music.mood import CORNERS

ROUNDS = 5
SECONDS = 30.0
EVENTS = 100
RESULT = Path(__file__).with_name("results") / "per_note.json"

# Runs in the other interpreter; answers a line of JSON for every line it is sent.
_NOTOCHORD = f"""
import json, sys, time, torch
torch.set_num_threads(1)
torch.manual_seed(0)
from notochord import Notochord
model = Notochord().eval()
model.reset()
parameters = sum(p.numel() for p in model.parameters())
print(json.dumps(parameters), flush=True)
for line in sys.stdin:
    took = []
    with torch.inference_mode():
        for _ in range({EVENTS}):
            began = time.process_time()
            event = model.query()
            model.feed(event["inst"], event["pitch"], event["time"], event["vel"])
            took.append(time.process_time() - began)
    print(json.dumps(sorted(took)[len(took) // 2] * 1000), flush=True)
"""


@dataclass
class TimedModel:
    """A model that adds up what its steps cost."""

    model: OnnxModel
    cpu_s: float = 0.0
    steps: int = 0

    def __post_init__(self) -> None:
        self.contract, self.encoding = self.model.contract, self.model.encoding

    def initial_state(self, batch: int) -> State:
        return self.model.initial_state(batch)

    def step(self, token_id: int, condition: NDArray[np.float32], state: State) -> tuple[NDArray[np.float32], State]:
        began = time.process_time()
        result = self.model.step(token_id, condition, state)
        self.cpu_s += time.process_time() - began
        self.steps += 1
        return result


def ours(path: Path, seed: int) -> dict[str, dict[str, float]]:
    """Mood -> steps per note, and CPU milliseconds per note in the model and in the whole engine."""
    model, result = OnnxModel(path, "cpu"), {}
    for name, mood in CORNERS.items():
        timed = TimedModel(model)
        began = time.process_time()
        steps = render(timed, Config(), SECONDS, seed, mood)
        engine_s = time.process_time() - began
        notes = max(1, sum(len(step.started) for step in steps))
        result[name] = {
            "steps_per_note": timed.steps / notes,
            "model_ms": timed.cpu_s / notes * 1000,
            "engine_ms": engine_s / notes * 1000,
            "step_ms": timed.cpu_s / timed.steps * 1000,
        }
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=["polyphony"], help="paths, or names of shipped models")
    parser.add_argument("--notochord", required=True, help="the Python that has Notochord installed")
    options = parser.parse_args()
    other = subprocess.Popen(
        [options.notochord, "-c", _NOTOCHORD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with other:
        assert other.stdin is not None
        assert other.stdout is not None
        first = other.stdout.readline()
        if not first:
            print(f"{options.notochord} has no Notochord that works; see --help", file=sys.stderr)
            return 2
        rounds: dict[str, list[dict[str, dict[str, float]]]] = {name: [] for name in options.models}
        events = []
        for seed in range(ROUNDS):
            other.stdin.write("\n")
            other.stdin.flush()
            events.append(float(other.stdout.readline()))
            for name in options.models:
                rounds[name].append(ours(resolve(name), seed))
        other.stdin.close()
    event_ms = statistics.median(events)
    by_model = {}
    print(f"Notochord, one event: {event_ms:.2f} ms ({int(first):,} parameters)")
    for name, per_round in rounds.items():
        rows = {
            mood: {key: round(statistics.median(r[mood][key] for r in per_round), 4) for key in per_round[0][mood]}
            for mood in CORNERS
        }
        by_model[Path(name).stem] = rows
        for mood, row in rows.items():
            share = row["model_ms"] / event_ms
            print(
                f"{Path(name).stem:24} {mood:8} {row['steps_per_note']:6.2f} steps a note of {row['step_ms']:.3f} ms: "
                f"{row['model_ms']:.2f} ms a note, {share:.2f} of an event; whole engine {row['engine_ms']:.2f} ms"
            )
    result = {"notochord_event_ms": round(event_ms, 3), "notochord_parameters": int(first), "models": by_model}
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
