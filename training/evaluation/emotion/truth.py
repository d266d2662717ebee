"""Do the moods sound like what they are called? `training.evaluation.emotion.listener` hears what the daemon's own
engine plays.

    python -m training.evaluation.emotion.truth polyphony --times 25 --out docs/results

Every mood is rendered `times` times, unfiltered, and heard in windows of 12 s. A rendering counts as the mood whose
signs of valence and arousal it shows against the median of all renderings together (the listener is biased toward sad).
Then valence and arousal are swept over nine levels each, and what is heard is regressed on what was commanded.
And all moods once more with one tempo, register, loudness and articulation: then only the notes can carry the mood.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from improv.config import Config
from improv.engine.offline import render
from improv.errors import BrainMusicError
from improv.model.onnx_model import Model, OnnxModel, resolve
from improv.music.mood import CORNERS, Mood, attributes_at
from training.evaluation.emotion import verdict
from training.evaluation.emotion.listener import Impression, heard
from training.evaluation.listen import Sounded

LEVELS = np.linspace(-1, 1, 9)
EQUALISED = ("tempo", "register", "loudness", "articulation")


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


def played(model: Model, config: Config, seconds: float, seed: int, mood: Mood) -> Impression | None:
    """What the listener says of one rendering; None when it could not be judged."""
    return heard(Sounded.of(render(model, config, seconds, seed, mood)).rows, seconds)


def recognised(model: Model, config: Config, times: int, seconds: float) -> dict[str, Any]:
    """Confusion of the four moods and how often valence and arousal are right."""
    rows = [
        (name, played(model, config, seconds, seed, mood))
        for name, mood in tqdm(CORNERS.items(), unit="mood", disable=None)
        for seed in range(times)
    ]
    judged = [(name, said) for name, said in rows if said is not None]
    found = verdict.by_signs(np.array([(said.valence, said.arousal) for _, said in judged]))
    return {"renderings": len(rows), "judged": len(judged)} | verdict.tally([name for name, _ in judged], found)


def fidelity(model: Model, config: Config, seconds: float) -> dict[str, float]:
    """R^2 of heard on commanded, over nine levels of valence and of arousal, 81 renderings."""
    said = []
    plane = [(float(valence), float(arousal)) for valence in LEVELS for arousal in LEVELS]
    for index, (valence, arousal) in enumerate(tqdm(plane, unit="point", disable=None)):
        impression = played(model, config, seconds, 1000 + index, Mood(valence, arousal))
        if impression is not None:
            said.append((valence, arousal, impression.valence, impression.arousal))
    return verdict.r2(np.array(said))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.evaluation.emotion.truth", description=__doc__)
    parser.add_argument("model", help="a path, or the name of a shipped model")
    parser.add_argument("--times", type=int, default=100, help="renderings per mood")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--out", type=Path, help="folder for NAME.truth.json")
    options = parser.parse_args(arguments)
    try:
        model = OnnxModel(resolve(options.model), "cpu")
    except BrainMusicError as error:
        print(f"training.evaluation.emotion.truth: {error}", file=sys.stderr)
        return error.exit_code
    config = Config()
    result = {
        "judge": "listener in four equations (Eerola, Friberg & Bresin 2013)",
        "seconds": options.seconds,
        "as played": recognised(model, config, options.times, options.seconds),
        "tempo, register, loudness, articulation equal": recognised(
            model, equalised(config), options.times, options.seconds
        ),
        "fidelity_r2": fidelity(model, config, options.seconds),
    }
    text = json.dumps(result, indent=1)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / f"{model.contract.name}.truth.json").write_text(text + "\n")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
