"""`improv config`: the effective configuration, each value from defaults, file, environment and command line; or a file
of one's own.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from improv.app.options import configured
from improv.config import Config, dump, of_the_user, shipped
from improv.errors import InputError
from improv.files import saving, write_whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--init", action="store_true", help="make a configuration file of your own, every key explained"
    )


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


def command(options: argparse.Namespace) -> None:
    if options.init:
        print(f"{initialise()}: your own; it is read where no other file is named")
        return
    effective, path = configured(options)
    print(f"# {path or f'defaults: there is neither ./config.yaml nor {of_the_user()}'}")
    print(dump(effective), end="")
