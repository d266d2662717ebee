"""`improv config`: the effective configuration, each value from defaults, file, environment and command line; or a file
of one's own.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from improv.app.options import configured
from improv.config import Config, dump, is_shipped, load, of_the_user, shipped
from improv.config.edit import flow, write_value
from improv.errors import InputError
from improv.files import saving, write_whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--init", action="store_true", help="make a settings file of your own, every setting explained")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="change a setting in your own file, which is made if there is none; comments stay",
    )
    parser.add_argument("--json", action="store_true", help="all settings and their file, as JSON")


def initialise() -> Path:
    """Make the user's own file, a copy of the one that comes with BrainMusic. InputError where one is there already."""
    path = of_the_user()
    if path.exists():
        raise InputError(f"{path} is there already")
    with saving(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    text = shipped().read_text(encoding="utf-8") if shipped().is_file() else dump(Config())
    write_whole(path, text)
    return path


def own_file(path: Path | None) -> Path:
    """A file that may be written: the one in force; where that came with BrainMusic, the user's own, made here."""
    if path is not None and not is_shipped(path):
        return path
    made = initialise()
    print(f"{made}: your own configuration, made from the one that came with BrainMusic")
    return made


def command(options: argparse.Namespace) -> None:
    if options.init:
        print(f"{initialise()}: your own; it is read where no other file is named")
        return
    effective, path = configured(options)
    if options.set:
        _set(options.set, path)
        return
    if options.json:
        own = path is not None and not is_shipped(path)
        told = {"file": str(path or ""), "own": own, "values": effective.model_dump(mode="json")}
        print(json.dumps(told))
        return
    print(f"# {path or f'defaults: there is neither ./config.yaml nor {of_the_user()}'}")
    print(dump(effective), end="")


def _set(values: list[str], path: Path | None) -> None:
    """All of them are tried before the first is written."""
    for value in values:
        if "=" not in value:
            raise InputError(f"--set {value!r}: expected section.key=value, for example midi.channel=2")
        load(path, (value,), {})
    file = own_file(path)
    for value in values:
        key, _, text = value.partition("=")
        print(f"{key.strip()} is {flow(write_value(file, key.strip(), text))} now; kept in {file}")
