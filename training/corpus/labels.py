"""Moods of windows: by the rule `mode_tempo`, by the rule `attributes` with a neutral zone, or by a user's own table.

`mode_tempo` (the experiment of 2019): major and fast is happy, minor and fast nervous, minor and slow sad, major and
slow calm; fast is at least 2.97 onsets a second, the geometric mean of what listeners call slow (2.0) and fast (4.4).
`attributes`: valence and arousal by `improv.music.mood.mood_of`; a point near an axis belongs to no corner.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from improv.errors import InputError
from improv.music.mood import CORNERS, NEUTRAL, Mood, mode_tempo_mood, nearest_name

NEUTRAL_NAME = "neutral"
NEUTRAL_VALENCE, NEUTRAL_AROUSAL = 0.3, 0.4
"""Half widths of the neutral zone along each axis. Chosen with `python -m training check-labels`: of 200 stimuli that
listeners rated, the rule then names a corner for 99 and agrees with 69 % of them; without a zone it agrees with 58 % of
all.
"""
COLUMNS = ("file", "start", "end", "valence", "arousal", "name")


def corner_of(mood: Mood, neutral_valence: float = NEUTRAL_VALENCE, neutral_arousal: float = NEUTRAL_AROUSAL) -> str:
    """The named corner that a point belongs to, or `neutral` within the zone around the two axes."""
    if abs(mood.valence) < neutral_valence or abs(mood.arousal) < neutral_arousal:
        return NEUTRAL_NAME
    return nearest_name(mood)


def mode_tempo(values: Mapping[str, float]) -> str:
    """The corner by `mode_tempo` from measured attributes; neutral where no mode could be measured."""
    if "mode" not in values:
        return NEUTRAL_NAME
    return mode_tempo_mood(values["mode"], values["onset_density"])


@dataclass(frozen=True)
class Label:
    """A stretch of a file, in seconds, with the mood that a person gave it."""

    start_s: float
    end_s: float
    mood: Mood


Labels = Mapping[str, tuple[Label, ...]]


def read_labels(path: Path) -> dict[str, tuple[Label, ...]]:
    """A table with file, start and end (seconds; empty: from the beginning, to the end) and either valence and arousal
    (-1..1) or the name of a mood. InputError names the line that is wrong.
    """
    if not path.is_file():
        raise InputError(f"--labels: the file {path} is not there")
    found: dict[str, list[Label]] = {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        table = csv.DictReader(file)
        there = set(table.fieldnames or ())
        if "file" not in there or not ({"valence", "arousal"} <= there or "name" in there):
            raise InputError(f"--labels: {path} needs the columns file, start, end and valence, arousal or name")
        for row in table:
            try:
                found.setdefault(row["file"].strip(), []).append(_label(row))
            except ValueError as error:
                raise InputError(f"--labels: {path}, line {table.line_num}: {error}") from None
    return {name: tuple(labels) for name, labels in found.items()}


def _label(row: Mapping[str, str | None]) -> Label:
    if not (row.get("file") or "").strip():
        raise ValueError("no file is named")
    start = _number(row, "start", 0.0)
    end = _number(row, "end", math.inf)
    if not 0 <= start < end:
        raise ValueError(f"start {start:g} and end {end:g}: expected 0 <= start < end, in seconds")
    name = (row.get("name") or "").strip().lower()
    if name:
        if name not in CORNERS and name != NEUTRAL_NAME:
            raise ValueError(f"unknown mood {name!r}; there are: {', '.join([*CORNERS, NEUTRAL_NAME])}")
        return Label(start, end, CORNERS.get(name, NEUTRAL))
    mood = Mood(_number(row, "valence", math.nan), _number(row, "arousal", math.nan))
    if not all(-1 <= value <= 1 for value in mood):
        raise ValueError("valence and arousal must both be there, each in -1..1, or a name")
    return Label(start, end, mood)


def _number(row: Mapping[str, str | None], column: str, default: float) -> float:
    text = (row.get(column) or "").strip()
    try:
        return float(text) if text else default
    except ValueError:
        raise ValueError(f"{column} {text!r} is not a number") from None


def labels_for(labels: Labels, name: str) -> tuple[Label, ...]:
    """The labels of a file, named with its folders or without."""
    return labels.get(name) or labels.get(PurePosixPath(name).name, ())


def label_at(labels: tuple[Label, ...], start_s: float, end_s: float) -> Mood | None:
    """The mood of the first label that covers the middle of a stretch, or None."""
    middle = (start_s + end_s) / 2
    return next((label.mood for label in labels if label.start_s <= middle < label.end_s), None)
