"""`improv run`: play until Ctrl-C."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from improv.app.options import configured

if TYPE_CHECKING:
    from improv.app.daemon import Supervised


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--journey", type=Path, metavar="FILE", help="start this journey (YAML) at once")
    parser.add_argument(
        "--begin-from", type=Path, metavar="FILE", help="continue from the first bars of this MIDI file"
    )
    parser.add_argument("--once", action="store_true", help="end if the music engine fails, instead of restarting it")


def command(options: argparse.Namespace) -> int:
    if options.once:
        return play(options)
    from improv.app.supervision.supervisor import supervise

    try:
        return supervise(options)
    finally:
        options.terminal.finish()


def play(options: argparse.Namespace, supervised: Supervised | None = None) -> int:
    """Play in this process. supervised: None where nobody starts another one when it fails."""
    from improv.app import daemon
    from improv.config import journeys
    from improv.takes.beginning_sources import of_file

    effective, path = configured(options)
    if not options.debug:
        logging.getLogger().setLevel(effective.log.level.upper())
    primer = of_file(options.begin_from) if options.begin_from else None
    journey = journeys.read(options.journey, effective.mood.moods) if options.journey else None
    try:
        return daemon.run(effective, path, options.overrides, journey, options.terminal.console, supervised, primer)
    finally:
        options.terminal.finish()
