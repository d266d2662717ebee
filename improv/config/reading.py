"""From files, environment and command line to the configuration, and every fault to its sentence."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import platformdirs
import yaml
from pydantic import ValidationError

from improv.config.faults import listed, sentence, twice
from improv.config.sections.controls import DEFAULT_CONTROLS
from improv.config.sections.mood import DEFAULT_NAMES
from improv.config.sections.section import APP
from improv.config.whole import Config
from improv.config.yaml_tree import LARGEST_FILE, Lines, Tree, YamlError, inside, kind_at, leaves
from improv.errors import ConfigError, InputError
from improv.files import read_text

ENVIRONMENT_PREFIX = "BRAINMUSIC_"
FIRST_OF_A_LIST = ((("midi", "outputs"), "0"),)  # where an override begins a list that the file does not have


def of_the_user() -> Path:
    """Where the user's own configuration file belongs."""
    return platformdirs.user_config_path(APP) / "config.yaml"


def shipped() -> Path:
    """The configuration file with every key explained: inside the installed package, or beside it in a clone."""
    package = Path(str(resources.files("improv")))
    inside = package / "config.yaml"
    return inside if inside.is_file() else package.parent / "config.yaml"


def find() -> Path | None:
    """The file that is used when none is named: ./config.yaml, then the one in the user's configuration folder.

    In a clone ./config.yaml is the one that came with it; there the user's own comes first. ConfigError when a folder
    may not be looked into.
    """
    here, mine = Path("config.yaml"), of_the_user()
    if _is_there(here):
        with contextlib.suppress(OSError):
            return mine if is_shipped(here) and mine.is_file() else here
        return here
    return mine if _is_there(mine) else None


def _is_there(path: Path) -> bool:
    try:
        if path.is_symlink() and not path.exists():
            raise ConfigError(f"{path} is a link that leads to no file; mend it, or name a file with --config")
        return path.is_file()
    except OSError as error:
        raise ConfigError(
            f"{path.parent} cannot be looked into for {path.name}: {error.strerror}; "
            "name a file with --config, or set HOME to a folder of yours"
        ) from None


def is_shipped(path: Path) -> bool:
    """Whether a file is the one that came with BrainMusic, which a new version replaces: nothing of ours goes there."""
    return path.is_file() and shipped().is_file() and path.samefile(shipped())


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
        faults += [sentence(detail, Config, source, lines, origins) for detail in error.errors()]
        raise ConfigError(listed(faults)) from None
    if faults:
        raise ConfigError(listed(faults))
    return config


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
    return {key: {} if value is None else value for key, value in tree.items()}, found.lines, twice(found, str(path))


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
