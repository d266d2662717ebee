"""`improv run`: play until Ctrl-C."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from improv.app import daemon
from improv.app.options import configured
from improv.config import journeys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--journey", type=Path, metavar="FILE", help="set out on this journey (YAML) at once")


def command(options: argparse.Namespace) -> int:
    effective, path = configured(options)
    if not options.debug:
        logging.getLogger().setLevel(effective.log.level.upper())
    journey = journeys.read(options.journey, effective.mood.moods) if options.journey else None
    try:
        return daemon.run(effective, path, options.overrides, journey, options.terminal.console)
    finally:
        options.terminal.finish()
