"""Journeys as YAML files: read with sentences that name line and field."""

from __future__ import annotations

import math
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from improv.config.sections.section import did_you_mean
from improv.config.whole import Config
from improv.config.yaml_tree import YamlError, composed
from improv.control.journey import FEWEST_STEPS, LONGEST_S, MOST_STEPS, Iso, Journey, Plan, Waypoint
from improv.errors import InputError
from improv.files import read_text
from improv.music.limits import LIMITED, Limits, problem
from improv.music.mood import Mood

MOST_POINTS = 1000
LARGEST_FILE = 200_000  # bytes
MOST_FILES = 500  # of a folder
_KEYS = ("name", "points", "iso", "limits", "end")
_POINT_KEYS = ("at", "mood")
_ISO_KEYS = ("from", "to", "match", "lead", "hold", "steps")


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
    try:
        node = composed(text)
    except YamlError as error:
        raise InputError(f"{source}:{error.line}: {error}" if error.line else f"{source}: {error}") from None
    reader = _Reader(source, moods)
    plan = reader.journey(node, name)
    if reader.faults or plan is None:
        raise InputError("\n".join(reader.faults))
    return plan


class _Reader:
    """Walks the nodes, which know their lines, and collects what is wrong."""

    def __init__(self, source: str, moods: Mapping[str, Mood]) -> None:
        self.source, self.moods = source, moods
        self.faults: list[str] = []

    def fault(self, node: yaml.Node | None, field: str, text: str) -> None:
        line = f":{node.start_mark.line + 1}" if node is not None else ""
        self.faults.append(f"{self.source}{line}: {field + ': ' if field else ''}{text}")

    def journey(self, node: yaml.Node | None, name: str) -> Plan | None:
        table = self.table(node, "", _KEYS)
        if table is None:
            return None
        if "name" in table:
            name = self.text(table["name"], "name") or name
        limits = self.limits(table.get("limits"))
        ends = "end" in table and self.flag(table["end"], "end")
        if ("points" in table) == ("iso" in table):
            self.fault(node, "", "must hold either `points` or `iso`")
            return None
        if "iso" in table:
            return self.iso(table["iso"], name, limits, ends)
        points = self.points(table["points"])
        return Journey(name, points, limits, ends) if points and not self.faults else None

    def points(self, node: yaml.Node) -> tuple[Waypoint, ...]:
        if not isinstance(node, yaml.SequenceNode) or not 1 <= len(node.value) <= MOST_POINTS:
            self.fault(node, "points", f"must be a list of 1..{MOST_POINTS} points like {{at: 2:00, mood: calm}}")
            return ()
        points: list[Waypoint] = []
        before_s = 0.0
        for index, row in enumerate(node.value):
            field = f"points.{index}"
            table = self.table(row, field, _POINT_KEYS, required=_POINT_KEYS)
            if table is None:
                continue
            at_s, mood = self.time(table.get("at"), f"{field}.at"), self.mood(table.get("mood"), f"{field}.mood")
            if at_s is not None and at_s < before_s:
                self.fault(table["at"], f"{field}.at", f"times must not run backward: {at_s:g} s after {before_s:g} s")
            if at_s is not None:
                before_s = max(at_s, before_s)
            if at_s is not None and mood is not None:
                points.append(Waypoint(at_s, mood))
        return tuple(points)

    def iso(self, node: yaml.Node, name: str, limits: Limits, ends: bool) -> Iso | None:
        table = self.table(node, "iso", _ISO_KEYS, required=("to",))
        if table is None:
            return None
        start = table.get("from")
        here = start is None or (isinstance(start, yaml.ScalarNode) and start.value == "here")
        origin = None if here else self.mood(start, "iso.from")
        target = self.mood(table.get("to"), "iso.to")
        values: dict[str, Any] = {}
        for key in ("match", "lead", "hold"):
            if key in table and (seconds := self.time(table[key], f"iso.{key}")) is not None:
                values[f"{key}_s"] = seconds
        if "steps" in table:
            steps = self.number(table["steps"], "iso.steps", FEWEST_STEPS, MOST_STEPS, "steps")
            if steps is not None and steps != round(steps):
                self.fault(table["steps"], "iso.steps", f"must be a whole number (got {steps:g})")
            values["steps"] = round(steps or FEWEST_STEPS)
        if self.faults or target is None:
            return None
        return Iso(name, origin, target, limits=limits, ends=ends, **values)

    def limits(self, node: yaml.Node | None) -> Limits:
        table = self.table(node, "limits", tuple(LIMITED)) if node is not None else None
        limits = Limits()
        for name, row in (table or {}).items():
            field = f"limits.{name}"
            if not isinstance(row, yaml.SequenceNode) or len(row.value) != 2:
                self.fault(row, field, "must be a pair [floor, ceiling]")
                continue
            kind = LIMITED[name]
            pair = [self.number(value, field, kind.low, kind.high, kind.unit) for value in row.value]
            low, high = pair
            if low is None or high is None:
                continue
            if text := problem(name, low, high):
                self.fault(row, field, text)
            limits = limits.changed(name, low, high)
        return limits

    # ---------------------------------------------------------------------------------------------- single values

    def table(
        self, node: yaml.Node | None, field: str, keys: tuple[str, ...], required: tuple[str, ...] = ()
    ) -> dict[str, yaml.Node] | None:
        if not isinstance(node, yaml.MappingNode):
            self.fault(node, field, f"must be a table with the keys {', '.join(keys)}")
            return None
        table: dict[str, yaml.Node] = {}
        for key, value in node.value:
            word = str(key.value)
            if word not in keys:
                self.fault(
                    key,
                    f"{field}.{word}".lstrip("."),
                    f"unknown key{did_you_mean(word, keys)}; allowed: {', '.join(keys)}",
                )
            elif word in table:
                self.fault(key, f"{field}.{word}".lstrip("."), "stands twice; keep one")
            else:
                table[word] = value
        for key in required:
            if key not in table:
                self.fault(node, f"{field}.{key}", "is missing")
        return table

    def text(self, node: yaml.Node, field: str) -> str:
        if isinstance(node, yaml.ScalarNode) and 1 <= len(node.value) <= 60:
            return str(node.value)
        self.fault(node, field, "must be a text of 1..60 characters")
        return ""

    def flag(self, node: yaml.Node, field: str) -> bool:
        if isinstance(node, yaml.ScalarNode) and node.value in ("true", "false"):
            return bool(node.value == "true")
        self.fault(node, field, "must be true or false")
        return False

    def number(self, node: yaml.Node, field: str, low: float, high: float, unit: str) -> float | None:
        value = _float(node.value) if isinstance(node, yaml.ScalarNode) else None
        if value is not None and low <= value <= high:
            return value
        self.fault(node, field, f"must be {low:g}..{high:g} {unit} (got {_shown(node)})")
        return None

    def time(self, node: yaml.Node | None, field: str) -> float | None:
        if node is None:
            return None
        seconds = _seconds(node.value) if isinstance(node, yaml.ScalarNode) else None
        if seconds is not None and 0 <= seconds <= LONGEST_S:
            return seconds
        self.fault(node, field, f"must be a time from 0:00 to 24:00:00, like 90, 1:30 or 1:00:00 (got {_shown(node)})")
        return None

    def mood(self, node: yaml.Node | None, field: str) -> Mood | None:
        if node is None:
            return None
        if isinstance(node, yaml.ScalarNode):
            if node.value in self.moods:
                return self.moods[node.value]
            hint = did_you_mean(node.value, self.moods)
            allowed = f"{', '.join(self.moods)} or a point [valence, arousal]"
            self.fault(node, field, f"unknown mood {_shown(node)}{hint}; allowed: {allowed}")
            return None
        if not isinstance(node, yaml.SequenceNode) or len(node.value) != 2:
            self.fault(node, field, "must be a mood's name or a point [valence, arousal]")
            return None
        pair = [self.number(part, field, -1, 1, "in the mood plane") for part in node.value]
        return None if None in pair else Mood(*(part for part in pair if part is not None))


def _float(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _seconds(text: str) -> float | None:
    """90, 1:30 or 1:00:00 -> seconds."""
    parts = [_float(part) for part in text.split(":")]
    if len(parts) > 3 or any(part is None or part < 0 for part in parts):
        return None
    if len(parts) > 1 and any(part is not None and part >= 60 for part in parts[1:]):
        return None
    total = 0.0
    for part in parts:
        total = 60 * total + (part or 0.0)
    return total


def _shown(node: yaml.Node) -> str:
    return repr(node.value[:40]) if isinstance(node, yaml.ScalarNode) else "a list or table"
