"""From files, environment and command line to the configuration, and every fault to its sentence."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import platformdirs
import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from improv.config.sections.controls import DEFAULT_CONTROLS
from improv.config.sections.mood import DEFAULT_NAMES
from improv.config.sections.section import APP, did_you_mean
from improv.config.whole import Config
from improv.config.yaml_tree import LARGEST_FILE, Lines, Tree, YamlError, inside, kind_at, leaves
from improv.errors import ConfigError, InputError
from improv.files import read_text

ENVIRONMENT_PREFIX = "BRAINMUSIC_"
MOST_FAULTS, LONGEST_SHOWN = 50, 60
FIRST_OF_A_LIST = ((("midi", "outputs"), "0"),)  # where an override begins a list that the file does not have


def of_the_user() -> Path:
    """Where the user's own configuration file belongs."""
    return platformdirs.user_config_path(APP) / "config.yaml"


def find() -> Path | None:
    """The file that is used when none is named: ./config.yaml, then the one in the user's configuration folder."""
    candidates = (Path("config.yaml"), of_the_user())
    return next((path for path in candidates if path.is_file()), None)


def load(path: Path | None, overrides: Iterable[str] = (), environment: Mapping[str, str] | None = None) -> Config:
    """The effective configuration. ConfigError lists every fault of the file and of the overrides."""
    tree, lines, faults = _read(path) if path else ({}, {}, [])
    source = str(path) if path else "the defaults"
    environment = os.environ if environment is None else environment
    named = {
        name: f"{name.removeprefix(ENVIRONMENT_PREFIX).lower().replace('__', '.')}={value}"
        for name, value in environment.items()
        if name.startswith(ENVIRONMENT_PREFIX) and "__" in name
    }
    origins: dict[tuple[str, ...], str] = {}
    for origin, override in [*named.items(), *(("-o", override) for override in overrides)]:
        if fault := _put(tree, origins, origin, override):
            faults.append(fault)
    try:
        config = Config.model_validate(tree)
    except ValidationError as error:
        faults += [_sentence(detail, source, lines, origins) for detail in error.errors()]
        raise ConfigError(_listed(faults)) from None
    if faults:
        raise ConfigError(_listed(faults))
    return config


def _listed(faults: list[str]) -> str:
    more = [f"and {len(faults) - MOST_FAULTS} more"] if len(faults) > MOST_FAULTS else []
    return "\n".join(faults[:MOST_FAULTS] + more)


def _read(path: Path) -> tuple[dict[str, Any], Lines, list[str]]:
    """Values, the line of each key, and what is wrong with the text itself."""
    try:
        found = Tree(read_text(path, LARGEST_FILE), Config)
    except YamlError as error:
        raise ConfigError(f"{path}:{error.line}: {error}" if error.line else f"{path}: {error}") from None
    except InputError as error:
        raise ConfigError(str(error)) from None
    tree = found.value
    if tree is None:
        return {}, {}, []
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}:1: must be sections with keys, like `midi:` (got {type(tree).__name__})")
    faults = [
        f"{path}:{line}: {'.'.join(place)}: stands twice, first in line {first}; keep one"
        for place, line, first in found.twice
    ]
    return {key: {} if value is None else value for key, value in tree.items()}, found.lines, faults


# One entry that is put in joins these defaults; a file that gives the table gives all of it.
_ADDED_TO: dict[tuple[str, str], Mapping[Any, Any]] = {
    ("controls", "map"): DEFAULT_CONTROLS,
    ("mood", "names"): DEFAULT_NAMES,
}


def _put(tree: dict[Any, Any], origins: dict[tuple[str, ...], str], origin: str, override: str) -> str | None:
    """Put `section.key=value` into the tree; returns a sentence when it cannot be understood."""
    name, equals, text = override.partition("=")
    path = tuple(part.strip() for part in name.split("."))
    if not equals or len(path) < 2:
        return f"{origin} {override!r}: expected section.key=value, for example midi.channel=2"
    try:
        value = _override_value(text, kind_at(Config, path))
    except YamlError:
        return f"{origin} {override!r}: the value is not valid YAML"
    for (section_name, key), entries in _ADDED_TO.items():
        in_it = path[:2] == (section_name, key) and len(path) > 2
        if in_it and isinstance(section := tree.setdefault(section_name, {}), dict):
            section.setdefault(key, dict(entries))
    try:
        _place(tree, path, value)
    except ConfigError as error:
        return f"{origin} {override!r}: {error}"
    origins[path] = origin
    return None


def _override_value(text: str, kind: Any) -> Any:
    """A text needs no quotes on the command line, whatever YAML would make of it. Raises YamlError."""
    text = text.strip()
    if leaves(kind) == {str} and inside(kind, "") is inside(kind, 0) is object and text[:1] not in ("'", '"'):
        return text
    value = Tree(text, kind).value
    return text if value is None else value


def _place(tree: dict[Any, Any], path: tuple[str, ...], value: object) -> None:
    """Put a value where the path leads; a number counts the items of a list from 0, the next one makes it longer.

    Raises ConfigError with the half sentence that says why there is no such place.
    """
    branch: Any = tree
    for depth, (part, following) in enumerate(itertools.pairwise((*path, "")), start=1):
        place: Any = int(part) if part.isdigit() else part
        fresh = value if depth == len(path) else [] if (path[:depth], following) in FIRST_OF_A_LIST else {}
        if isinstance(branch, list):
            if not isinstance(place, int) or place > len(branch):
                items = f"0..{len(branch) - 1}, or {len(branch)} to add one" if branch else "0 to begin it"
                raise ConfigError(f"{'.'.join(path[: depth - 1])} is a list; expected a number, {items} (got {part})")
            if place == len(branch):
                branch.append(fresh)
        elif not isinstance(branch, dict):
            raise ConfigError(f"{path[depth - 2]} is not a section")
        if depth == len(path):
            branch[place] = value
        elif isinstance(branch, dict) and place not in branch:
            branch[place] = fresh
        branch = branch[place]


def _sentence(detail: ErrorDetails, source: str, lines: Lines, origins: dict[tuple[str, ...], str]) -> str:
    path = tuple(str(part) for part in detail["loc"] if part != "[key]")
    path += getattr(detail.get("ctx", {}).get("error"), "at", ())
    known = next((path[:end] for end in range(len(path), 0, -1) if path[:end] in lines or path[:end] in origins), ())
    # An override may also have put a whole table where a value belongs.
    inside = next((origin for place, origin in origins.items() if place[: len(path)] == path), "")
    where = origins.get(known) or inside or (f"{source}:{lines[known]}" if known else source)
    return f"{where}: {'.'.join(path)}: {_problem(detail, path)}"


def _problem(detail: ErrorDetails, path: tuple[str, ...]) -> str:
    got = shown(detail["input"])
    kind = detail["type"]
    if kind == "extra_forbidden":
        keys = _keys_at(path[:-1])
        return f"unknown key{did_you_mean(path[-1], keys)}; allowed: {', '.join(keys)}"
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if allowed := _range_at(path):
        return f"must be {allowed} (got {got})"
    if kind == "literal_error":
        return f"must be one of {str(detail['ctx']['expected']).replace(chr(39), '')} (got {got})"
    wanted = {
        "bool": "true or false",
        "string": "a text",
        "int": "a whole number",
        "float": "a number",
        "dict": "a table of keys and values",
        "tuple": "a list of outputs, each with keys",
        "too": "a list of at most 16 outputs",
        "model": "a section with keys",
    }
    return f"must be {wanted.get(kind.split('_')[0], detail['msg'])} (got {got})"


def shown(value: object) -> str:
    """A value as a sentence quotes it, cut off where it is long."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "..."


def _model_at(path: tuple[str, ...]) -> type[BaseModel] | None:
    """The section that stands at a path, also inside a list: midi.outputs.0."""
    model: type[BaseModel] | None = Config
    for part in path:
        if part.isdigit():
            continue
        field = model.model_fields.get(part) if model else None
        found = [field.annotation, *get_args(field.annotation)] if field else []
        model = next((kind for kind in found if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
    return model


def _keys_at(path: tuple[str, ...]) -> list[str]:
    model = _model_at(path)
    return list(model.model_fields) if model else []


def _range_at(path: tuple[str, ...]) -> str:
    """What a number may be, from the field's own bounds, or empty."""
    model = _model_at(path[:-1])
    field = model.model_fields.get(path[-1]) if model else None
    bounds = {
        name: getattr(part, name)
        for part in (field.metadata if field else ())
        for name in ("ge", "gt", "le")
        if getattr(part, name, None) is not None
    }
    if "le" not in bounds:
        return ""
    whole = "a whole number " if field and field.annotation is int else ""
    low = f"more than {bounds['gt']:g}, at most " if "gt" in bounds else f"{bounds['ge']:g}.."
    return f"{whole}{low}{bounds['le']:.10g}"


def dump(config: Config) -> str:
    """The effective values as YAML, in the order of config.yaml."""
    values = config.model_dump()
    for section, key in (("midi", "outputs"), ("web", "names"), ("osc", "allow")):
        values[section][key] = list(values[section][key])  # YAML has no tuples
    if not isinstance(config.mood.start, str):
        values["mood"]["start"] = list(config.mood.start)
    for table in (values["mood"]["names"], values["limits"]):
        table |= {name: list(pair) for name, pair in table.items()}
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, default_flow_style=None)
