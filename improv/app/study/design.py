"""A study's folder: what is heard, what is asked of whom, and, apart from it, where each stimulus comes from.

`study.json` and the folder `stimuli` are all that the page needs, and neither tells what a stimulus is: its name is
drawn by lot. `key.json` holds the truth; only the report reads it.
"""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from improv.errors import InputError
from improv.files import read_text, write_whole

TASKS = ("rate", "human", "pair")
"""rate: valence and arousal on the plane; human: human or machine; pair: A against B."""
T = TypeVar("T")
LARGEST_BYTES = 20_000_000
NAME = re.compile(r"[0-9a-f]{12}")


class Stimulus(NamedTuple):
    """An excerpt and its truth. group: the album or folder it comes from. human: not made by BrainMusic.

    mood, valence, arousal: what was meant, None where nothing was. file, from_s: the excerpt's place. notes: (pitch,
    velocity, on, off), seconds from the excerpt's beginning, pedal included. gain_db: what makes all equally loud.
    """

    name: str
    group: str
    human: bool
    mood: str | None
    valence: float | None
    arousal: float | None
    file: str
    from_s: float
    seconds: float
    gain_db: float
    notes: list[tuple[int, int, float, float]]

    @property
    def heard(self) -> dict[str, Any]:
        """All that the page is told."""
        return {"seconds": self.seconds, "gain_db": self.gain_db, "notes": self.notes}

    @property
    def truth(self) -> dict[str, Any]:
        """All that it is not."""
        return {name: value for name, value in self._asdict().items() if name != "notes"}


class Trial(NamedTuple):
    """One question. second: the other stimulus of a pair, else empty."""

    task: str
    first: str
    second: str = ""


class Study(NamedTuple):
    """What the server knows. rate: the stimuli to be placed on the plane. human: those by people, and those not.

    pairs: who is set against whom. trials: how many of each task a listener is asked at most. consent: what a listener
    agrees to, empty for the page's own text. seed: of every draw.
    """

    title: str
    consent: str
    seed: int
    trials: int
    rate: tuple[str, ...]
    human: tuple[tuple[str, ...], tuple[str, ...]]
    pairs: tuple[tuple[str, str], ...]

    def trials_of(self, listener: str) -> list[Trial]:
        """What a listener is asked, in order: task after task, all else by a lot that hangs on the listener's code."""
        lot = random.Random(f"{self.seed}/{listener}")
        rated = [Trial("rate", name) for name in _some(lot, self.rate, self.trials)]
        half = self.trials // 2
        judged = [Trial("human", name) for side in self.human for name in _some(lot, side, max(half, 1))]
        lot.shuffle(judged)
        pairs = _some(lot, self.pairs, self.trials)
        compared = [Trial("pair", *(pair if lot.random() < 0.5 else pair[::-1])) for pair in pairs]
        return [*rated, *judged, *compared]


def _some(lot: random.Random, of: tuple[T, ...], most: int) -> list[T]:
    return lot.sample(of, min(most, len(of)))


def write(folder: Path, study: Study, stimuli: list[Stimulus]) -> None:
    """The study's files; study.json last, so that a folder with one is whole."""
    (folder / "stimuli").mkdir(parents=True, exist_ok=True)
    for stimulus in stimuli:
        write_whole(folder / "stimuli" / f"{stimulus.name}.json", json.dumps(stimulus.heard))
    write_whole(folder / "key.json", json.dumps([stimulus.truth for stimulus in stimuli], indent=1) + "\n")
    write_whole(folder / "study.json", json.dumps(study._asdict(), indent=1) + "\n")


def read(folder: Path) -> Study:
    """The study of a folder. InputError where there is none."""
    try:
        table = json.loads(read_text(folder / "study.json", LARGEST_BYTES))
        table["rate"] = tuple(table["rate"])
        table["human"] = (tuple(table["human"][0]), tuple(table["human"][1]))
        table["pairs"] = tuple((first, second) for first, second in table["pairs"])
        return Study(**table)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        raise InputError(f"{folder / 'study.json'} is damaged; `improv study make` writes it") from None


def read_key(folder: Path) -> dict[str, dict[str, Any]]:
    """Name of a stimulus -> where it comes from."""
    try:
        return {row["name"]: row for row in json.loads(read_text(folder / "key.json", LARGEST_BYTES))}
    except (ValueError, TypeError, KeyError):
        raise InputError(f"{folder / 'key.json'} is damaged; `improv study make` writes it") from None


def heard(folder: Path, name: str) -> bytes | None:
    """What the page is told of a stimulus; None where there is no such one."""
    if not NAME.fullmatch(name):
        return None
    try:
        return (folder / "stimuli" / f"{name}.json").read_bytes()
    except OSError:
        return None
