"""The report of a listening test: answers joined with the key, counted and drawn; one self-contained page of HTML."""

from __future__ import annotations

import functools
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from improv.app.study import design
from improv.app.study.answers import Answer, read
from improv.app.study.statistics import (
    Floats,
    Reliability,
    Share,
    binomial_p,
    correlation,
    icc,
    interval,
    krippendorff_alpha,
    share,
)
from improv.errors import InputError
from improv.music.mood import CORNERS, nearest_name
from improv.takes.export.template import template
from improv.takes.export.texts import FIRST, Texts, languages, number

Key = dict[str, dict[str, Any]]
AXES = ("valence", "arousal")
QUARTERS = tuple(CORNERS)
CHANCE_QUARTER = 1 / len(CORNERS)


class Axis(NamedTuple):
    """How ratings follow what was meant. r: of all answers, with its interval; r_means: of the stimuli's means."""

    name: str
    r: float
    low: float
    high: float
    r_means: float
    alpha: float
    icc: Reliability

    @property
    def r2(self) -> float:
        return self.r**2


class Rated(NamedTuple):
    """The mood task. right: quarter rated is quarter meant; low, high: its interval over listeners.

    table: meant quarter -> rated quarter -> answers. means: meant and mean rated place, and how many rated it.
    """

    answers: int
    right: Share
    low: float
    high: float
    p: float
    quarters: dict[str, Share]
    table: dict[str, dict[str, int]]
    axes: list[Axis]
    means: list[tuple[str, tuple[float, float], tuple[float, float], int]]


class Judged(NamedTuple):
    """Human or machine. right: of all; humans, machines: how often each was taken for human. p: against guessing."""

    right: Share
    low: float
    high: float
    p: float
    humans: Share
    machines: Share


class Compared(NamedTuple):
    """A against B. preferred: how often `group` was, of all pairs with `other`. p: against no preference."""

    group: str
    other: str
    preferred: Share
    low: float
    high: float
    p: float


class Result(NamedTuple):
    """Everything that was counted.

    practice: listeners by how long they have made music. groups: (name, by people, number of stimuli)
    """

    title: str
    begun: int
    finished: int
    practice: dict[str, int]
    rated: Rated | None
    judged: Judged | None
    compared: list[Compared]
    groups: list[tuple[str, bool, int]]


def result(folder: Path) -> Result:
    """Count a study's answers. InputError where the folder holds no study, or nobody has answered yet."""
    study, key = design.read(folder), design.read_key(folder)
    answers = read(folder / "answers.csv") if (folder / "answers.csv").exists() else []
    asked = [answer for answer in answers if answer.task != "consent"]
    strange = next((one for one in asked if not {one.first, one.second} - {""} <= set(key)), None)
    if strange is not None:
        raise InputError(f"{folder}: an answer of {strange.listener} is about a stimulus that key.json does not know")
    if not asked:
        raise InputError(f"{folder}: there are no answers yet; `improv study serve` asks for them")
    by_task = {task: [one for one in asked if one.task == task] for task in design.TASKS}
    given = _grouped(asked)
    finished = sum(len(rows) == len(study.trials_of(listener)) for listener, rows in given.items())
    consents = [one for one in answers if one.task == "consent"]
    return Result(
        study.title,
        len(consents),
        finished,
        {what: sum(one.answer == what for one in consents) for what in dict.fromkeys(one.answer for one in consents)},
        rated(by_task["rate"], key) if by_task["rate"] else None,
        judged(by_task["human"], key) if by_task["human"] else None,
        compared(by_task["pair"], key),
        _groups(key),
    )


def rated(answers: list[Answer], key: Key) -> Rated:
    """The mood task."""

    def is_right(one: Answer) -> bool:
        return _quarter(_rating(one)) == _quarter(_meant(key[one.first]))

    right = share(sum(map(is_right, answers)), len(answers))
    low, high = interval(list(_grouped(answers).values()), _share_of(is_right))
    table = {meant: dict.fromkeys(QUARTERS, 0) for meant in QUARTERS}
    for one in answers:
        table[_quarter(_meant(key[one.first]))][_quarter(_rating(one))] += 1
    quarters = {meant: share(row[meant], sum(row.values())) for meant, row in table.items() if any(row.values())}
    stimuli = _grouped(answers, lambda one: one.first)
    means = [(name, _meant(key[name]), _mean(map(_rating, rows)), len(rows)) for name, rows in sorted(stimuli.items())]
    axes = [_axis(index, answers, means, key) for index in range(len(AXES))]
    p = binomial_p(right.hits, right.n, CHANCE_QUARTER)
    return Rated(len(answers), right, low, high, p, quarters, table, axes, means)


def judged(answers: list[Answer], key: Key) -> Judged:
    """Human or machine."""

    def is_right(one: Answer) -> bool:
        return (one.answer == "human") == bool(key[one.first]["human"])

    right = share(sum(map(is_right, answers)), len(answers))
    low, high = interval(list(_grouped(answers).values()), _share_of(is_right))
    taken = [[one.answer == "human" for one in answers if key[one.first]["human"] is human] for human in (True, False)]
    humans, machines = (share(sum(side), len(side)) for side in taken)
    return Judged(right, low, high, binomial_p(right.hits, right.n), humans, machines)


def compared(answers: list[Answer], key: Key) -> list[Compared]:
    """A against B, for every two groups that were set against each other."""
    found = []
    sides = _grouped(answers, lambda one: tuple(sorted(key[name]["group"] for name in (one.first, one.second))))
    for (group, other), rows in sorted(sides.items()):

        def is_for(one: Answer, group: str = group) -> bool:
            return bool(key[one.first if one.answer == "first" else one.second]["group"] == group)

        preferred = share(sum(map(is_for, rows)), len(rows))
        low, high = interval(list(_grouped(rows).values()), _share_of(is_for))
        found.append(Compared(group, other, preferred, low, high, binomial_p(preferred.hits, preferred.n)))
    return found


def html(counted: Result, language: str = FIRST) -> str:
    """The page. language: code of one that `texts` has."""
    words = languages(__package__)[language]
    return template(__package__, "report.html").render(
        result=counted,
        words=words,
        named=lambda quarters: [(words["moods"][name], one) for name, one in quarters.items()],
        quarters=QUARTERS,
        corners={name: tuple(mood) for name, mood in CORNERS.items()},
        percent=_percent,
        number=functools.partial(number, words),
        p=functools.partial(_p, words),
    )


def summary(counted: Result) -> list[str]:
    """The figures in a few lines for the terminal."""
    words = languages(__package__)[FIRST]
    lines = [f"{counted.begun} listeners, of whom {counted.finished} answered every question"]
    if (moods := counted.rated) is not None:
        lines.append(f"mood recognised: {_told(moods.right)}, {_p(words, moods.p)} against one in four")
        for axis in moods.axes:
            r, low, high, r2, alpha = (number(words, x) for x in (axis.r, axis.low, axis.high, axis.r2, axis.alpha))
            lines.append(f"{axis.name}: r {r} ({low} to {high}), R2 {r2}, Krippendorff's alpha {alpha}")
    if (origin := counted.judged) is not None:
        lines.append(f"human or machine: {_told(origin.right)} right, {_p(words, origin.p)} against guessing")
    lines += [
        f"{one.group} preferred to {one.other}: {_told(one.preferred)}, {_p(words, one.p)}" for one in counted.compared
    ]
    return lines


def _told(one: Share) -> str:
    return f"{one.hits} of {one.n} ({_percent(one.share)}; {_percent(one.low)} to {_percent(one.high)})"


def _axis(index: int, answers: list[Answer], means: Sequence[tuple[Any, ...]], key: Key) -> Axis:
    def r(rows: list[Answer]) -> float:
        return correlation([_meant(key[one.first])[index] for one in rows], [_rating(one)[index] for one in rows])

    low, high = interval(list(_grouped(answers).values()), r)
    ratings = _matrix(answers, index)
    of_means = correlation([meant[index] for _, meant, _, _ in means], [place[index] for _, _, place, _ in means])
    return Axis(AXES[index], r(answers), low, high, of_means, krippendorff_alpha(ratings), icc(ratings))


def _matrix(answers: list[Answer], index: int) -> Floats:
    """(listeners, stimuli) of ratings, NaN where nothing was asked."""
    listeners = {name: row for row, name in enumerate(dict.fromkeys(one.listener for one in answers))}
    stimuli = {name: column for column, name in enumerate(dict.fromkeys(one.first for one in answers))}
    found = np.full((len(listeners), len(stimuli)), np.nan)
    for one in answers:
        found[listeners[one.listener], stimuli[one.first]] = _rating(one)[index]
    return found


def _groups(key: Key) -> list[tuple[str, bool, int]]:
    """(group, by people, stimuli)"""
    count = Counter((str(row["group"]), bool(row["human"])) for row in key.values())
    return [(*who, many) for who, many in sorted(count.items())]


def _grouped(
    answers: Iterable[Answer], by: Callable[[Answer], Any] = lambda one: one.listener
) -> dict[Any, list[Answer]]:
    found: dict[Any, list[Answer]] = defaultdict(list)
    for one in answers:
        found[by(one)].append(one)
    return found


def _share_of(holds: Callable[[Answer], bool]) -> Callable[[list[Answer]], float]:
    return lambda rows: sum(map(holds, rows)) / len(rows)


def _rating(one: Answer) -> tuple[float, float]:
    return one.valence or 0.0, one.arousal or 0.0


def _meant(row: dict[str, Any]) -> tuple[float, float]:
    return row["valence"], row["arousal"]


def _mean(places: Iterable[tuple[float, float]]) -> tuple[float, float]:
    valence, arousal = np.mean(list(places), axis=0)
    return float(valence), float(arousal)


def _quarter(place: tuple[float, float]) -> str:
    """The corner of the plane that is nearest."""
    return nearest_name(place)  # type: ignore[arg-type]


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %" if math.isfinite(value) else "–"


def _p(words: Texts, value: float) -> str:
    return f"p < {number(words, 0.001, '.3f')}" if value < 0.001 else f"p = {number(words, value, '.3f')}"
