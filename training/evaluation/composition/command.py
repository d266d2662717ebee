"""Is it composed? What the daemon plays, measured beside people's music and people's bars in random order.

    python -m training composition polyphony --data piano-midi-de.zip --out composition.json
    python -m training composition polyphony --data A.zip B.zip --with freer music.key_pull=0.5 music.density_pull=0.8
    python -m training composition polyphony pianist --data A.zip --long 8 --rolls rolls --beside previous.json

Every model plays through the daemon's own engine with default settings (and those of -o), unfiltered, equally many
pieces of each mood, seeds 0, 1, ... Each --with plays all models once more under further settings. People's pieces are
of a split that no work crosses; the chords are judged by a bigram of the training split. Prints a table, writes every
piece's value of every row as JSON. --beside shows what an earlier run wrote in further columns: a previous release.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from improv.config import load
from improv.errors import InputError
from improv.files import atomic_write
from improv.model.onnx_model import OnnxModel, resolve
from improv.music.mood import CORNERS
from training.dataset.splits import SPLITS, spread
from training.evaluation.composition import people, table
from training.evaluation.composition.bigram import ChordBigram
from training.evaluation.composition.chords import harmony
from training.evaluation.composition.listing import listing
from training.evaluation.composition.music import BarredMusic, shuffled
from training.evaluation.composition.ours import played
from training.evaluation.composition.rolls import draw
from training.evaluation.composition.table import Column

PEOPLE, SHUFFLED = "people", "their bars shuffled"
REFERENCE_PIECES = 200  # of the training split, for the chord bigram
LONG_S, LONG_LEAST_S = 600.0, 240.0  # people's pieces of four minutes and more show a form of minutes
LONG_SEED = 100  # the first of ten minutes
Sets = dict[str, Sequence[BarredMusic]]
Mapping = Callable[..., Iterator[Any]]


class Task(NamedTuple):
    """One rendering."""

    model: Path
    overrides: tuple[str, ...]
    mood: str
    seed: int
    seconds: float


class Player(NamedTuple):
    """A model under settings: one column."""

    model: Path
    overrides: tuple[str, ...]

    def tasks(self, moods: Sequence[str], count: int, seconds: float, seed: int = 0) -> list[Task]:
        """`count` renderings of each mood."""
        seeds = range(seed, seed + count)
        return [Task(self.model, self.overrides, mood, one, seconds) for mood in moods for one in seeds]


_models: dict[Path, OnnxModel] = {}


def render(task: Task) -> BarredMusic:
    """Play; run in a process of the pool, which keeps its models."""
    model = _models.setdefault(task.model, OnnxModel(task.model, "cpu"))
    return played(model, load(None, list(task.overrides), {}), task.mood, task.seed, task.seconds)


def players(models: Sequence[str], overrides: Sequence[str], further: Sequence[Sequence[str]]) -> dict[str, Player]:
    """Column -> who plays. InputError for a model that is not there or a setting that is none."""
    found = {}
    for word in models:
        path = resolve(word)
        for name, *more in ([path.stem], *([f"{path.stem}, {name}", *rest] for name, *rest in further)):
            settings = (*overrides, *more)
            load(None, list(settings), {})
            found[name] = Player(path, settings)
    return found


def people_sets(pieces: Sequence[BarredMusic], seconds: float) -> Sets:
    """Their beginnings, and the bars of these in random order."""
    rng = np.random.default_rng(0)
    start = [one.first(seconds) for one in pieces]
    return {PEOPLE: start, SHUFFLED: [shuffled(one, rng) for one in start]}


@contextlib.contextmanager
def working(jobs: int) -> Iterator[Mapping]:
    """`map` by so many processes of their own; by this one where it is one."""
    if jobs == 1:
        yield map
        return
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        yield pool.map


def measure(sets: Sets, bigram: ChordBigram | None, mapping: Mapping) -> list[Column]:
    """A column for every set; without a bigram the measures of ten minutes."""
    work = partial(table.measured_long) if bigram is None else partial(table.measured, bigram=bigram)
    return [table.column(name, part, mapping(work, part)) for name, part in sets.items() if part]


def read_columns(path: Path) -> dict[str, list[Column]]:
    """The columns of models that an earlier run wrote, by part. InputError when the file is none."""
    try:
        content = json.loads(path.read_text())
        return {
            part: [
                Column.of_content(f"{name} ({path.stem})", one)
                for name, one in content[part].items()
                if name not in (PEOPLE, SHUFFLED)
            ]
            for part in ("pieces", "long")
        }
    except FileNotFoundError:
        raise InputError(f"--beside: the file {path} is not there") from None
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        raise InputError(f"--beside: {path} is not a result of training composition") from None


def write(path: Path, options: argparse.Namespace, parts: dict[str, list[Column]]) -> None:
    """Every value of every column as JSON."""
    content: dict[str, Any] = {
        "seconds": options.seconds,
        "overrides": options.overrides,
        "with": {name: rest for name, *rest in options.further},
        "data": [Path(name).name for name in options.data],
        "split": options.split,
    }
    content |= {part: {one.name: one.content() for one in columns} for part, columns in parts.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        file.write(json.dumps(content) + "\n")


def pictures(folder: Path, sets: Sets, each: int) -> None:
    """Rolls and listings of the first pieces of each mood, a person's above ours."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in sets.items():
        if name in (PEOPLE, SHUFFLED):
            continue
        for mood in dict.fromkeys(one.mood for one in part):
            ours, theirs = ([one for one in some if one.mood == mood][:each] for some in (part, sets[PEOPLE]))
            for index, music in enumerate(ours):
                shown = [*theirs[index : index + 1], music]
                stem = f"{name.replace(', ', '-')}-{mood}-{index}"
                draw(shown, folder / f"{stem}.png")
                (folder / f"{stem}.txt").write_text("\n\n".join(map(listing, shown)) + "\n")


def command(options: argparse.Namespace) -> None:
    chosen = players(options.models, options.overrides, options.further)
    beside = [read_columns(path) for path in options.beside]
    print(f"reading {', '.join(Path(name).name for name in options.data)} ...", file=sys.stderr)
    found = people.read_all(options.data)
    human = people.choose(found, options.split, options.moods, options.pieces)
    if len(human) < 2:
        raise InputError(f"the {options.split} split of --data has {len(human)} pieces, at least 2 are needed")
    each = max(options.pieces // len(options.moods), 1)
    parts: dict[str, list[Column]] = {"pieces": [], "long": []}
    with working(options.jobs) as mapping:
        train = spread([one.music for one in found if one.split == "train"], REFERENCE_PIECES)
        bigram = ChordBigram(mapping(harmony, train))
        sets = people_sets(human, options.seconds)
        for name, player in chosen.items():
            print(f"{name}: {each * len(options.moods)} pieces ...", file=sys.stderr)
            sets[name] = list(mapping(render, player.tasks(options.moods, each, options.seconds)))
        parts["pieces"] = measure(sets, bigram, mapping)
        if options.long:
            long = people_sets([one for one in human if one.line_s[-1] >= LONG_LEAST_S], LONG_S)
            for name, player in chosen.items():
                print(f"{name}: {options.long * len(options.moods)} pieces of ten minutes ...", file=sys.stderr)
                long[name] = list(mapping(render, player.tasks(options.moods, options.long, LONG_S, LONG_SEED)))
            parts["long"] = measure(long, None, mapping)
    if options.out:
        write(options.out, options, parts)
    for part, columns in parts.items():
        if columns:
            print(table.text([*columns, *(one for earlier in beside for one in earlier[part])]), end="\n\n")
    if wrong := table.failing(*parts["pieces"][:2]):
        print("People do not rank above their bars shuffled in: " + "; ".join(wrong))
    if options.rolls:
        pictures(options.rolls, sets, options.rolls_each)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("models", nargs="*", metavar="MODEL", help="a path, or the name of a shipped model; none: people only")
    add("--data", nargs="+", required=True, metavar="ARCHIVE", help="people's music: archives or folders of MIDI files")
    add("--split", choices=SPLITS, default="test", help="which of people's pieces (default: %(default)s)")
    add("--moods", nargs="+", choices=list(CORNERS), default=list(CORNERS))
    add("--pieces", type=_whole, default=32, help="of people and of each model (default: %(default)s)")
    add("--seconds", type=float, default=120.0, help="of each piece (default: %(default)s)")
    add("--long", type=int, default=0, metavar="N", help="N pieces of ten minutes of each mood as well (default: none)")
    add("--jobs", type=_whole, default=1, help="processes (default: %(default)s)")
    add("--out", type=Path, metavar="FILE", help="every value as JSON")
    add("--beside", type=Path, nargs="*", default=[], metavar="FILE", help="what earlier runs wrote: further columns")
    add("--rolls", type=Path, metavar="DIR", help="piano rolls and listings of 16 bars, a person's piece above ours")
    add("--rolls-each", type=_whole, default=1, metavar="N", help="pieces of each mood for --rolls (default: 1)")
    add(
        "--with",
        dest="further",
        action="append",
        nargs="+",
        default=[],
        metavar=("NAME", "SECTION.KEY=VALUE"),
        help="all models once more with these settings, as columns of that name",
    )
    add(
        "-o",
        dest="overrides",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="let all play with this setting, as `improv run -o` does; no config.yaml is read",
    )


def _whole(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 is needed, got {text!r}")
    return int(text)
