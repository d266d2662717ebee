"""Journeys as YAML files: read with sentences that name line and field."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator, model_validator

from improv.config import faults
from improv.config.sections.limits import DEFAULT_LIMITS, LimitsTable, limits_of
from improv.config.sections.mood import known_mood, point
from improv.config.sections.section import Section, TableError
from improv.config.whole import Config
from improv.config.yaml_tree import Tree, YamlError, fields
from improv.control.journey import (
    FEWEST_STEPS,
    HOLD_S,
    LEAD_S,
    LONGEST_S,
    MATCH_S,
    MOST_STEPS,
    Iso,
    Journey,
    Plan,
    Waypoint,
)
from improv.errors import InputError
from improv.files import read_text
from improv.music.mood import Mood

MOST_POINTS = 1000
LARGEST_FILE = 200_000  # bytes
MOST_FILES = 500  # of a folder
LONGEST_NAME = 60


def _time(value: object) -> float:
    """90, 1:30 or 1:00:00 -> seconds."""
    seconds = _seconds(value) if isinstance(value, str) else value
    if isinstance(seconds, int | float) and 0 <= seconds <= LONGEST_S:
        return float(seconds)
    raise ValueError(f"must be a time from 0:00 to 24:00:00, like 90, 1:30 or 1:00:00 (got {faults.shown(value)})")


def _seconds(text: str) -> float | None:
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        return None
    if len(parts) > 3 or not all(math.isfinite(part) and part >= 0 for part in parts):
        return None
    if any(part >= 60 for part in parts[1:]):
        return None
    total_s = 0.0
    for part in parts:
        total_s = 60 * total_s + part
    return total_s


def _mood(value: object, info: ValidationInfo) -> str | tuple[float, float]:
    return known_mood(point(value), info.context["moods"] if info.context else {})


def _name(value: object) -> str:
    if isinstance(value, str) and 1 <= len(value) <= LONGEST_NAME:
        return value
    raise ValueError(f"must be a text of 1..{LONGEST_NAME} characters (got {faults.shown(value)})")


def _list(value: object) -> tuple[object, ...]:
    if isinstance(value, list) and 1 <= len(value) <= MOST_POINTS:
        return tuple(value)
    raise ValueError(f"must be a list of 1..{MOST_POINTS} points like {{at: 2:00, mood: calm}}")


Time = Annotated[float, BeforeValidator(_time)]
Place = Annotated[str | tuple[float, float], BeforeValidator(_mood)]


class Point(Section):
    """Where the journey is at a time."""

    at: Time
    mood: Place


class IsoTable(Section):
    """The iso principle, with `improv.control.journey.Iso`'s own defaults."""

    origin: Annotated[Place | None, BeforeValidator(lambda value: None if value == "here" else value)] = Field(
        None, alias="from"
    )
    target: Place = Field(alias="to")
    match_s: Time = Field(MATCH_S, alias="match")
    lead_s: Time = Field(LEAD_S, alias="lead")
    hold_s: Time = Field(HOLD_S, alias="hold")
    steps: int = Field(FEWEST_STEPS, ge=FEWEST_STEPS, le=MOST_STEPS)


class JourneyFile(Section):
    """All that a file may hold: points, or the iso principle."""

    name: Annotated[str, BeforeValidator(_name)] | None = None
    points: Annotated[tuple[Point, ...], BeforeValidator(_list)] | None = None
    iso: IsoTable | None = None
    limits: LimitsTable = {}
    end: bool = False

    @field_validator("points")
    @classmethod
    def _forward(cls, points: tuple[Point, ...] | None) -> tuple[Point, ...] | None:
        latest_s = 0.0
        for index, one in enumerate(points or ()):
            if one.at < latest_s:
                raise TableError((index, "at"), f"times must not run backward: {one.at:g} s after {latest_s:g} s")
            latest_s = one.at
        return points

    @model_validator(mode="after")
    def _one_of_both(self) -> JourneyFile:
        if (self.points is None) == (self.iso is None):
            raise ValueError("must hold either `points` or `iso`")
        return self

    def plan(self, moods: Mapping[str, Mood], name: str) -> Plan:
        """As the controls follow it. name: where the file gives none."""

        def mood(place: str | tuple[float, float]) -> Mood:
            return moods[place] if isinstance(place, str) else Mood(*place)

        name, limits = self.name or name, limits_of(self.limits)
        if self.iso is None:
            points = tuple(Waypoint(one.at, mood(one.mood)) for one in self.points or ())
            return Journey(name, points, limits, self.end)
        iso = self.iso
        origin = None if iso.origin is None else mood(iso.origin)
        return Iso(name, origin, mood(iso.target), iso.match_s, iso.lead_s, iso.hold_s, iso.steps, limits, self.end)


def shipped() -> Path:
    """The folder with the journeys that come with BrainMusic: inside the installed package, or in a clone."""
    package = Path(str(resources.files("improv")))
    inside = package / "journeys"
    return inside if inside.is_dir() else package.parent / "examples" / "journeys"


def read(path: Path, moods: Mapping[str, Mood]) -> Plan:
    """A journey from a file. moods: what names mean. InputError lists every fault, one a line."""
    return parse(read_text(path, LARGEST_FILE), moods, str(path), path.stem)


def read_all(config: Config) -> tuple[dict[str, Plan], list[str]]:
    """By their files' names the journeys that come with BrainMusic and those in the configured folder, which go first.

    A file that cannot be used is left out; the second value says so of each.
    """
    found: dict[str, Plan] = {}
    warnings = []
    own = config.mood.moods
    for folder, moods in ((shipped(), {**Config().mood.moods, **own}), (config.journey.path, own)):
        try:
            files = sorted(folder.glob("*.y*ml"))[:MOST_FILES] if folder.is_dir() else []
        except OSError as error:
            warnings.append(f"journeys in {folder} cannot be read: {error.strerror}")
            continue
        for path in files:
            try:
                found[path.stem] = read(path, moods)
            except InputError as error:
                warnings.append(f"a journey was left out: {error}")
    return found, warnings


def parse(text: str, moods: Mapping[str, Mood], source: str = "journey", name: str = "journey") -> Plan:
    """A journey from YAML text. source: what the sentences call it. name: its name where the text gives none."""
    return _file(text, moods, source).plan(moods, name)


def table(text: str, moods: Mapping[str, Mood]) -> dict[str, Any]:
    """What a file says, as a form shows it: times in seconds, moods as they are named or as pairs."""
    file = _file(text, moods, "journey")
    values = file.model_dump(mode="json", by_alias=True, exclude_none=True)
    limits = {name: list(pair) for name, pair in file.limits.items() if pair != DEFAULT_LIMITS[name]}
    return {**values, "limits": limits}


def _file(text: str, moods: Mapping[str, Mood], source: str) -> JourneyFile:
    try:
        tree = Tree(text, JourneyFile)
    except YamlError as error:
        raise InputError(f"{source}:{error.line}: {error}" if error.line else f"{source}: {error}") from None
    found = faults.twice(tree, source)
    if not isinstance(tree.value, dict):
        raise InputError(f"{source}:1: must be {faults.section(list(fields(JourneyFile)))}")
    try:
        file = JourneyFile.model_validate(tree.value, context={"moods": moods})
    except ValidationError as error:
        found += [faults.sentence(detail, JourneyFile, source, tree.lines) for detail in error.errors()]
        raise InputError(faults.listed(found)) from None
    if found:
        raise InputError(faults.listed(found))
    return file
