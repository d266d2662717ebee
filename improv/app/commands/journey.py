"""`improv journey draw`: a journey as commanded, and as a recording of it measures."""

from __future__ import annotations

import argparse
from pathlib import Path

from improv.app.commands import journey_drawing
from improv.app.options import configured
from improv.config import journeys
from improv.errors import InputError
from improv.midi import file as midi_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["draw"], help="draw: a picture of the path")
    parser.add_argument("file", type=Path, help="the journey (YAML)")
    parser.add_argument("out", type=Path, help="the picture to write (PNG)")
    parser.add_argument("--take", type=Path, metavar="FILE.mid", help="measure this recording of it as well")


def command(options: argparse.Namespace) -> None:
    effective, _ = configured(options)
    if options.out.suffix.lower() != ".png":
        raise InputError(f"the picture must be a .png file, got {options.out.name}")
    plan = journeys.read(options.file, effective.mood.moods)
    journey = plan.begun_from(effective.mood.start_mood)
    measured = journey_drawing.measured(midi_file.timed_notes(options.take)) if options.take else ()
    journey_drawing.draw(journey, measured, effective.mood.moods, options.out)
    print(f"{options.out}: {journey.name}, {journey.length_s / 60:.3g} minutes, {len(journey.points)} points")
