"""What every command of `improv` is given, and the configuration that follows from it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from improv.config import Config


def common() -> argparse.ArgumentParser:
    """The parent of all commands' parsers."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("-c", "--config", type=Path, help="settings file (default: ./config.yaml, then your own)")
    parser.add_argument(
        "-o",
        dest="overrides",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="change a setting for this time, as in -o midi.channel=2; may be repeated",
    )
    parser.add_argument(
        "--debug", action="store_true", help="log every detail, and show where in the program an error arose"
    )
    return parser


def add_language(parser: argparse.ArgumentParser, package: str) -> None:
    """Let the language of a report be chosen among those that its package has texts of."""
    from improv.takes.export.texts import FIRST, languages

    parser.add_argument(
        "--language", choices=list(languages(package)), default=FIRST, help="of the report (%(default)s)"
    )


def add_stems(parser: argparse.ArgumentParser) -> None:
    """Let a piece be written in two parts."""
    parser.add_argument(
        "--stems",
        choices=["hands", "melody"],
        help="write two files, out-right and out-left, or out-melody and out-rest",
    )


def configured(options: argparse.Namespace) -> tuple[Config, Path | None]:
    """The effective configuration and the file that it comes from, None where there is none. ConfigError."""
    from improv import config

    path = options.config or config.find()
    return config.load(path, options.overrides), path
