"""People's pieces, their bars shuffled, and what models play: collected and measured, in as many processes as given."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from improv.config import load
from improv.errors import InputError
from improv.files import atomic_write
from improv.model.onnx_model import OnnxModel, resolve
from improv.music.mood import CORNERS
from training.dataset.parallel_map import Mapping, working
from training.evaluation.composition import people, table
from training.evaluation.composition.bigram import ChordBigram
from training.evaluation.composition.chords import harmony
from training.evaluation.composition.music import BarredMusic, shuffled
from training.evaluation.composition.ours import played
from training.evaluation.composition.table import Column

PEOPLE, SHUFFLED = "people", "their bars shuffled"
REFERENCE_PIECES = 200  # of the training split, for the chord bigram
LONG_S, LONG_LEAST_S = 600.0, 240.0  # people's pieces of four minutes and more show a form of minutes
LONG_SEED = 100  # the first of ten minutes
_LEAST_PIECES = 2
Sets = dict[str, Sequence[BarredMusic]]


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


@cache
def _loaded(path: Path) -> OnnxModel:
    """A process of the pool plays many pieces with one model."""
    return OnnxModel(path, "cpu")


def render(task: Task) -> BarredMusic:
    """Play."""
    model = _loaded(task.model)
    return played(model, load(None, list(task.overrides), {}), task.mood, task.seed, task.seconds)


def players(models: Sequence[str], overrides: Sequence[str], further: Sequence[Sequence[str]]) -> dict[str, Player]:
    """Column -> who plays. InputError for a model that is not there or a setting that is none."""
    found: dict[str, Player] = {}
    for word in models:
        path = resolve(word)
        stem = path.stem if path.stem not in found else f"{path.parent.name}/{path.stem}"
        for name, *more in ([stem], *([f"{stem}, {name}", *rest] for name, *rest in further)):
            settings = (*overrides, *more)
            load(None, list(settings), {})
            found[name] = Player(path, settings)
    return found


def people_sets(pieces: Sequence[BarredMusic], seconds: float) -> Sets:
    """Their beginnings, and the bars of these in random order."""
    rng = np.random.default_rng(0)
    start = [one.first(seconds) for one in pieces]
    return {PEOPLE: start, SHUFFLED: [shuffled(one, rng) for one in start]}


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


@dataclass(frozen=True)
class Request:
    """What to compare with whom.

    data: archives or folders of people's MIDI files. pieces: of people and of each player, of all moods together.
    seconds: of each. long: pieces of ten minutes of each mood. jobs: processes.
    """

    data: Sequence[str]
    split: str = "test"
    moods: Sequence[str] = tuple(CORNERS)
    pieces: int = 32
    seconds: float = 120.0
    long: int = 0
    jobs: int = 1


@dataclass(frozen=True)
class Comparison:
    """parts: "pieces" and "long" (empty where none were asked for) -> columns, people's and their bars shuffled first.
    sets: the music of the pieces."""

    parts: dict[str, list[Column]]
    sets: Sets

    def text(self, beside: Sequence[dict[str, list[Column]]] = ()) -> str:
        """The tables as Markdown, with the columns of earlier runs, and what must not be believed."""
        found = [
            table.text([*columns, *(one for earlier in beside for one in earlier[part])])
            for part, columns in self.parts.items()
            if columns
        ]
        if wrong := table.failing(*self.parts["pieces"][:2]):
            found.append("People do not rank above their bars shuffled in: " + "; ".join(wrong))
        return "\n\n".join(found)

    def write(self, path: Path, **told: object) -> None:
        """Every value of every column as JSON. told: what else is to stand there."""
        content = told | {part: {one.name: one.content() for one in columns} for part, columns in self.parts.items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            file.write(json.dumps(content) + "\n")


def compare(chosen: dict[str, Player], request: Request) -> Comparison:
    """Read people's pieces, play, measure all. InputError when there are too few of people's pieces."""
    print(f"reading {', '.join(Path(name).name for name in request.data)} ...", file=sys.stderr)
    found = people.read_all(request.data)
    human = people.choose(found, request.split, request.moods, request.pieces)
    if len(human) < _LEAST_PIECES:
        raise InputError(
            f"the {request.split} split of people's music has {len(human)} pieces, at least {_LEAST_PIECES} are needed"
        )
    each = max(request.pieces // len(request.moods), 1)
    parts: dict[str, list[Column]] = {"pieces": [], "long": []}
    with working(request.jobs) as mapping:
        bigram = ChordBigram(mapping(harmony, people.reference(found, REFERENCE_PIECES)))
        sets = people_sets(human, request.seconds)
        for name, player in chosen.items():
            print(f"{name}: {each * len(request.moods)} pieces ...", file=sys.stderr)
            sets[name] = list(mapping(render, player.tasks(request.moods, each, request.seconds)))
        parts["pieces"] = measure(sets, bigram, mapping)
        if request.long:
            long = people_sets([one for one in human if one.line_s[-1] >= LONG_LEAST_S], LONG_S)
            for name, player in chosen.items():
                print(f"{name}: {request.long * len(request.moods)} pieces of ten minutes ...", file=sys.stderr)
                long[name] = list(mapping(render, player.tasks(request.moods, request.long, LONG_S, LONG_SEED)))
            parts["long"] = measure(long, None, mapping)
    return Comparison(parts, sets)
