"""Is the emotion true? Renders through the daemon's own path, and what two judges say of it.

    python -m training emotion render polyphony --out runs/emotion --times 100 --seeds 3
    python -m training emotion judge runs/emotion --corpus shared/data --docs docs

`render` keeps every rendering as notes, so that it can be stopped, gone on with, and judged again: the four moods as
played and with tempo, register, loudness and articulation equalised, 9 x 9 sweeps of the plane likewise, a sweep of
the intensity, and the network alone, without commands and pulls. Nothing is left out or chosen. `judge` writes the
tables (emotion.json) and the pictures.

Judge (a) is the listener in four equations (training.evaluation.emotion.listener). It hears the mode as the steering
does, and the default table of attributes was set by its sweep over other seeds: it tells whether commands arrive,
not what people feel. Judge (b) is training.evaluation.emotion.recogniser: it has learned from the titles that
composers gave to pieces that the model was not trained on. The default table was set with one half of them; a judge
that learned from the other half alone is asked as well; docs/measured/moods.md says what that half took part in.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from improv.config import Config
from improv.config.adapters import render
from improv.errors import InputError
from improv.files import atomic_write
from improv.model.onnx_model import Model, OnnxModel, resolve
from improv.music.mood import CORNERS, Mood, attributes_at
from training.evaluation.emotion import verdict
from training.evaluation.listen import Sounded

INTENSITIES = (0.0, 0.25, 0.5, 0.75, 1.0)  # and the default
LEVELS = np.linspace(-1, 1, 9)  # of valence and of arousal
EQUALISED = ("tempo", "register", "loudness", "articulation")
SWEEPS = 3  # of the plane: one alone tells R^2 to about .01


class Task(NamedTuple):
    """One rendering. kind: played, equalised, sweep, sweep-equalised, intensity or free."""

    kind: str
    mood: Mood
    seed: int
    intensity: float

    @property
    def name(self) -> str:
        v, a = self.mood
        return f"{self.kind}_v{v:+.2f}_a{a:+.2f}_i{self.intensity:.2f}_s{self.seed}"


def tasks(times: int, intensity: float, sweep: int) -> Iterator[Task]:
    """What is to be rendered, so ordered that a part of it is balanced as well."""
    plane = [Mood(float(v), float(a)) for v, a in itertools.product(LEVELS, LEVELS)]
    for index, mood in enumerate(plane * SWEEPS):
        yield Task("sweep", mood, 1000 + index, intensity)
        yield Task("sweep-equalised", mood, 1000 + index, intensity)
    for seed in range(times):
        for index, mood in enumerate(CORNERS.values()):
            yield Task("played", mood, seed, intensity)
            yield Task("equalised", mood, seed, intensity)
            if seed < sweep:
                for level in sorted({*INTENSITIES, intensity}):
                    yield Task("intensity", mood, seed, level)
                # Its mood says only whose music it is compared with, so each needs seeds of its own.
                yield Task("free", mood, 4000 + 100 * index + seed, 0.0)


def equalised(config: Config) -> Config:
    """The configuration with one tempo, register, loudness and articulation for all: those of the plane's middle."""
    middle = attributes_at(Mood(0, 0), config.mood.table)
    table = {
        name: dict.fromkeys(row, middle[name]) if name in EQUALISED else row for name, row in config.mood.table.items()
    }
    return config.model_copy(update={"mood": config.mood.model_copy(update={"table": table})})


def free(config: Config) -> Config:
    """The configuration under which the network plays as it likes: no command, no pull, one table for all moods."""
    middle = attributes_at(Mood(0, 0), config.mood.table)
    table = {name: dict.fromkeys(row, middle[name]) for name, row in config.mood.table.items()}
    pulls = {name: 0.0 for name in type(config.music).model_fields if name.endswith("_pull")}
    mood = config.mood.model_copy(update={"table": table, "intensity": 0.0})
    return config.model_copy(update={"mood": mood, "music": config.music.model_copy(update=pulls)})


def play(model: Model, config: Config, task: Task, seconds: float) -> np.ndarray:
    """Notes of one rendering, rows of (onset s, end s, pitch, velocity)."""
    chosen = free(config) if task.kind == "free" else config
    chosen = equalised(chosen) if task.kind.endswith("equalised") else chosen
    chosen = chosen.model_copy(update={"mood": chosen.mood.model_copy(update={"intensity": task.intensity})})
    return Sounded.of(render(model, chosen, seconds, task.seed, task.mood)).rows


def render_all(model: Model, folder: Path, times: int, sweep: int, seconds: float, share: tuple[int, int]) -> int:
    """Render what is not there yet. share: (which, of how many) processes that divide the work. Returns how many."""
    config, done = Config(), 0
    folder.mkdir(parents=True, exist_ok=True)
    for index, task in enumerate(tasks(times, config.mood.intensity, sweep)):
        path = folder / f"{task.name}.npy"
        if index % share[1] != share[0] or path.is_file():
            continue
        notes = play(model, config, task, seconds).astype(np.float32)
        with atomic_write(path, "wb") as file:
            np.save(file, notes)
        done += 1
    return done


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_subparsers(required=True, dest="part", metavar="render|judge")
    sub = parts.add_parser("render", help="play everything that is to be judged")
    sub.add_argument("model", help="a path, or the name of a shipped model")
    sub.add_argument("--out", type=Path, required=True, help="folder of the renderings")
    sub.add_argument("--times", type=int, default=300, help="renderings of each mood (100 pieces x 3 seeds)")
    sub.add_argument("--sweep", type=int, default=20, help="renderings of each mood and intensity")
    sub.add_argument("--seconds", type=float, default=60.0, help="of each rendering (default: %(default)s)")
    sub.add_argument("--share", default="0/1", help="which part of the work, for several processes: 0/2 and 1/2")
    sub = parts.add_parser("judge", help="ask both judges, write tables and pictures")
    sub.add_argument("folder", type=Path, help="what render wrote")
    sub.add_argument("--corpus", type=Path, help="folder with index.csv and open/*.zip, for judge (b)")
    sub.add_argument("--docs", type=Path, help="folder for results/emotion.json and images/emotion-*.png")


def command(options: argparse.Namespace) -> None:
    if options.part == "judge":
        print(verdict.write(options.folder, options.corpus, options.docs))
        return
    model, share = OnnxModel(resolve(options.model), "cpu"), _share(options.share)
    done = render_all(model, options.out, options.times, options.sweep, options.seconds, share)
    print(f"{options.out}: {done} renderings of {options.seconds:g} s")


def _share(text: str) -> tuple[int, int]:
    """ "1/2" -> (1, 2): the second of two parts."""
    which, _, count = text.partition("/")
    if not (which.isdecimal() and count.isdecimal() and int(which) < int(count)):
        raise InputError(f"--share must be as 0/2 or 1/2 (which part, of how many), got {text!r}")
    return int(which), int(count)
