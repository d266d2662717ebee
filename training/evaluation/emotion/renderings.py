"""Is the emotion true? Renders through the daemon's own path, and what two judges say of it.

    python -m training.evaluation.emotion.renderings render polyphony --out runs/emotion --times 100 --seeds 3
    python -m training.evaluation.emotion.renderings judge runs/emotion --corpus shared/data --docs docs

`render` keeps every rendering as notes, so that it can be stopped, gone on with, and judged again: the four moods as
played and with tempo, register, loudness and articulation equalised, 9 x 9 sweeps of the plane likewise, a sweep of
the intensity, and the network alone, without commands and pulls. Nothing is left out or chosen. `judge` writes the
tables (emotion.json) and the pictures.

Judge (a) is the listener in four equations (training.evaluation.emotion.listener). It hears the mode as the steering
does, and the default table of attributes was set by its sweep over other seeds: it tells whether commands arrive,
not what people feel. Judge (b) is training.evaluation.emotion.recogniser: it has learned from the titles that
composers gave to pieces that the model was not trained on. The default table was set with one half of them; a judge
that learned from the other half alone is asked as well (docs/moods.md says what that half took part in nevertheless).
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from improv.config import Config
from improv.engine.offline import render
from improv.errors import BrainMusicError
from improv.model.onnx_model import Model, OnnxModel, resolve
from improv.music.mood import CORNERS, Mood
from training.evaluation.emotion.truth import LEVELS, equalised, free
from training.evaluation.listen import Sounded

INTENSITIES = (0.0, 0.25, 0.5, 0.75, 1.0)  # and the default
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
        temporary = path.with_suffix(".part")
        with temporary.open("wb") as file:
            np.save(file, play(model, config, task, seconds).astype(np.float32))
        temporary.rename(path)
        done += 1
    return done


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluation.emotion.renderings",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, dest="command")
    sub = commands.add_parser("render", help="play everything that is to be judged")
    sub.add_argument("model", help="a path, or the name of a shipped model")
    sub.add_argument("--out", type=Path, required=True)
    sub.add_argument("--times", type=int, default=300, help="renderings of each mood (100 pieces x 3 seeds)")
    sub.add_argument("--sweep", type=int, default=20, help="renderings of each mood and intensity")
    sub.add_argument("--seconds", type=float, default=60.0)
    sub.add_argument("--share", default="0/1", help="which part of the work, for several processes: 0/2 and 1/2")
    sub = commands.add_parser("judge", help="ask both judges, write tables and pictures")
    sub.add_argument("folder", type=Path, help="what render wrote")
    sub.add_argument("--corpus", type=Path, help="folder with index.csv and open/*.zip, for judge (b)")
    sub.add_argument("--docs", type=Path, help="folder for results/emotion.json and images/emotion-*.png")
    options = parser.parse_args(arguments)
    try:
        if options.command == "render":
            model = OnnxModel(resolve(options.model), "cpu")
            which, count = (int(part) for part in options.share.split("/"))
            done = render_all(model, options.out, options.times, options.sweep, options.seconds, (which, count))
            print(f"{options.out}: {done} renderings of {options.seconds:g} s")
        else:
            from training.evaluation.emotion import verdict

            print(verdict.write(options.folder, options.corpus, options.docs))
    except BrainMusicError as error:
        print(f"training.evaluation.emotion.renderings: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
