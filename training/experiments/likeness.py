"""How alike is what models play to what people wrote and played: overlapped areas, for models of different families.

    python -m training likeness pianist polyphony --dataset data/pianist \\
        --source piano-midi-de.zip --out docs/results
    python -m training likeness hands mine.yaml --source his_other_pieces/ --each 8 --beside my_midis/ --out runs/mine

`evaluate` compares a model with pieces as its own grid can write them. Here all are held against the same human
music: windows of held-out pieces as they sound, through tempo map and pedal. For each window every model improvises
as long, through the daemon's own engine, under the mood that the window has by the rule `attributes`, with --corners
under the four named moods in turn. Of each feature the distances between all pairs of human windows and those between
human and improvised windows become two densities (training.evaluation.overlap); their common area is the likeness (1:
not to be told apart by this feature). The ceiling is one half of the human windows against the other; with --beside,
other music of people, which may be nearer or further.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from improv.config import Config, load
from improv.config.adapters import render
from improv.errors import InputError
from improv.files import atomic_write
from improv.model.onnx_model import OnnxModel, resolve
from improv.music.attributes import Window, measure
from improv.music.mood import CORNERS, NEUTRAL, mood_of
from training.corpus import reading
from training.corpus.notes_in_seconds import play
from training.corpus.score import Rejected
from training.corpus.sources import MUSIC_SUFFIXES
from training.dataset.dataset import Dataset
from training.dataset.splits import spread
from training.evaluation.listen import Sounded
from training.evaluation.overlap import area, distances

FloatArray = NDArray[np.float64]
SECONDS = 30.0
LEAST_NOTES, LEAST_WINDOWS = 20, 4
APART = "distance of the means, deviations"
FEATURES = (
    "notes per second",
    "onsets per second",
    "mean time between onsets",
    "deviation of log time between onsets",
    "mean length",
    "deviation of log length",
    "notes sounding",
    "different pitches",
    "range of pitch",
    "mean leap of the highest notes",
    "pitch classes",
    "pitch-class transitions",
    "deviation of velocity",
    "velocity step between onsets",
)


def features(notes: Sounded, seconds: float) -> dict[str, FloatArray]:
    """Each feature as a vector, often of one number."""
    onsets, first = np.unique(notes.onset_s, return_index=True)
    length = np.maximum(notes.off_s - notes.on_s, 0.01)
    gaps = np.diff(onsets)
    tops = np.maximum.reduceat(notes.pitch, first)
    loud = np.maximum.reduceat(notes.velocity, first)
    classes = notes.pitch.astype(np.int64) % 12
    histogram = np.bincount(classes, weights=length, minlength=12)
    lines = tops.astype(np.int64) % 12
    turns = np.zeros((12, 12))
    np.add.at(turns, (lines[:-1], lines[1:]), 1.0)
    values: dict[str, object] = {
        "notes per second": len(notes.pitch) / seconds,
        "onsets per second": len(onsets) / seconds,
        "mean time between onsets": gaps.mean(),
        "deviation of log time between onsets": np.log(gaps).std(),
        "mean length": length.mean(),
        "deviation of log length": np.log(length).std(),
        "notes sounding": length.sum() / seconds,
        "different pitches": len(np.unique(notes.pitch)),
        "range of pitch": np.ptp(notes.pitch),
        "mean leap of the highest notes": np.abs(np.diff(tops)).mean(),
        "pitch classes": np.sort(histogram / histogram.sum()),  # in no key
        "pitch-class transitions": np.sort((turns / max(turns.sum(), 1)).ravel()),
        "deviation of velocity": notes.velocity.std(),
        "velocity step between onsets": np.abs(np.diff(loud)).mean(),
    }
    return {name: np.atleast_1d(np.asarray(values[name], dtype=np.float64)) for name in FEATURES}


def likeness(human: Sequence[dict[str, FloatArray]], other: Sequence[dict[str, FloatArray]]) -> dict[str, float]:
    """Feature -> overlapped area of the distances among `human` and those from `human` to `other`."""
    found = {}
    for name in FEATURES:
        ours, theirs = (np.stack([one[name] for one in rows]) for rows in (human, other))
        within = distances(ours, ours)[np.triu_indices(len(ours), 1)]
        found[name] = area(within, distances(ours, theirs).ravel())
    return found


def apart(human: Sequence[dict[str, FloatArray]], other: Sequence[dict[str, FloatArray]]) -> float:
    """How far the means of the features of one number are from each other, in deviations of `human`, on average."""
    found = []
    for name in FEATURES:
        ours, theirs = (np.stack([one[name] for one in rows]) for rows in (human, other))
        if ours.shape[1] == 1 and ours.std() > 1e-9:
            found.append(abs(float(theirs.mean() - ours.mean())) / float(ours.std()))
    return float(np.mean(found))


def human_windows(
    sources: Sequence[str], names: Container[str] | None, count: int | None, each: int = 1
) -> Iterator[Sounded]:
    """`each` windows of so many pieces as heard, evenly spread. names: of the pieces; None: all. count: None: all."""
    with reading.scratch_folder() as scratch:
        items = [
            item
            for source in sources
            for item in reading.collect(source, Path(scratch))
            if (names is None or item.name in names) and item.suffix in MUSIC_SUFFIXES and not item.twin
        ]
        for item in spread(items, count):
            try:
                heard = play(reading.load(item.content(), item.suffix, item.source))
            except Rejected:
                continue
            last = heard.seconds - SECONDS
            if last < 0:
                continue
            wanted = min(each, int(heard.seconds // SECONDS))
            for start in [last / 2] if wanted == 1 else np.linspace(0, last, wanted):
                n = heard.notes[(heard.notes["onset_s"] >= start) & (heard.notes["onset_s"] < start + SECONDS)]
                if len(n) > LEAST_NOTES:
                    on = n["onset_s"] - start
                    columns = (on, on + n["duration_s"], n["pitch"].astype(float), n["velocity"].astype(float))
                    yield Sounded(*columns)


def player(word: str) -> tuple[str, OnnxModel, Config]:
    """A model and the settings that it plays with. word: a path, a shipped model's name, or a configuration file."""
    if word.endswith((".yaml", ".yml")):
        config = load(Path(word), [], {})
        return Path(word).stem, OnnxModel(resolve(config.model.path), "cpu"), config
    return word, OnnxModel(resolve(word), "cpu"), load(None, [], {})


def answers(model: OnnxModel, config: Config, windows: Sequence[Sounded], *, corners: bool) -> Iterator[Sounded]:
    """What a model improvises under each window's mood; with `corners` under the four named moods in turn."""
    for seed, window in enumerate(windows):
        length = window.off_s - window.on_s
        values = measure(Window(SECONDS, window.onset_s, length, window.pitch, window.velocity, None))
        mood = list(CORNERS.values())[seed % len(CORNERS)] if corners else mood_of(values) or NEUTRAL
        yield Sounded.heard(render(model, config, SECONDS, seed, mood))


def compare(
    models: Sequence[str], windows: Sequence[Sounded], beside: Sequence[Sounded] = (), *, corners: bool = False
) -> dict[str, dict[str, float]]:
    """Who -> feature -> likeness, the ceiling first; last of each the distance of the means (see `apart`)."""
    players = [player(word) for word in models]
    human = [features(window, SECONDS) for window in windows]
    halves = human[::2], human[1::2]
    found = {"half of the human windows": likeness(*halves) | {APART: apart(*halves)}}
    sets = {"other pieces": list(beside)} if beside else {}
    for name, model, config in players:
        sets[name] = list(answers(model, config, windows, corners=corners))
    for name, played in sets.items():
        other = [features(one, SECONDS) for one in played if len(one.pitch) > LEAST_NOTES]
        found[name] = likeness(human, other) | {APART: apart(human, other)}
    return found


def table(found: Mapping[str, Mapping[str, float]]) -> str:
    """Markdown, the mean last."""
    lines = [f"| feature | {' | '.join(found)} |", "|---" * (len(found) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(f'{one[name]:.2f}' for one in found.values())} |" for name in FEATURES]
    means = (float(np.mean([one[name] for name in FEATURES])) for one in found.values())
    lines.append(f"| **mean** | {' | '.join(f'{mean:.3f}' for mean in means)} |")
    return "\n".join([*lines, f"| {APART} | {' | '.join(f'{one[APART]:.2f}' for one in found.values())} |"])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("models", nargs="+", help="paths, names of shipped models, or configuration files (.yaml), which name theirs")
    add("--dataset", type=Path, help="whose test split is the human music (default: all of SOURCE)")
    add("--source", nargs="+", required=True, help="where its files are")
    add("--times", type=int, default=40, help="pieces of human music (default: %(default)s)")
    add("--each", type=int, default=1, help="windows of each piece (default: its middle)")
    add("--beside", nargs="+", default=[], metavar="SOURCE", help="other music of people, measured like a model")
    add("--corners", action="store_true", help="play the four named moods in turn (default: those of the windows)")
    add("--out", type=Path, required=True, help="folder for likeness.json")


def command(options: argparse.Namespace) -> None:
    held_out = {piece.name for piece in Dataset(options.dataset).split("test")} if options.dataset else None
    windows = list(human_windows(options.source, held_out, options.times, options.each))
    if len(windows) < LEAST_WINDOWS:
        raise InputError(
            f"only {len(windows)} windows of {SECONDS:.0f} s are there; at least {LEAST_WINDOWS} are needed"
        )
    beside = list(human_windows(options.beside, None, None, options.each))
    found = compare(options.models, windows, beside, corners=options.corners)
    options.out.mkdir(parents=True, exist_ok=True)
    with atomic_write(options.out / "likeness.json") as file:
        file.write(json.dumps({"windows": len(windows), "areas": found}, indent=1) + "\n")
    print(f"{len(windows)} windows of {SECONDS:.0f} s\n\n{table(found)}")
