"""`improv journey`: the journeys that can be started, their paths, and those that are one's own."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from improv.app.commands import journey_drawing
from improv.app.options import common, configured
from improv.config import Config, journey_forms, journeys
from improv.errors import InputError
from improv.files import read_text
from improv.midi import grid_file as midi_file
from improv.music.mood import Mood, parse_mood

LONGEST_PATH = 200  # characters


def add_arguments(parser: argparse.ArgumentParser) -> None:
    subparsers = parser.add_subparsers(required=True, metavar="ACTION")

    def add(name: str, action: Callable[[argparse.Namespace, Config], None], text: str) -> argparse.ArgumentParser:
        sub = subparsers.add_parser(name, help=text, description=text, parents=[common()])
        sub.set_defaults(action=action)
        if name in ("list", "preview"):
            sub.add_argument("--here", metavar="MOOD", help="the mood to start from: a name, or valence,arousal")
        return sub

    sub = add("list", _list, "List the journeys that can be started by name, with their lengths.")
    sub.add_argument("--json", action="store_true", help="with all their points, as JSON")
    sub = add("draw", _draw, "Draw a journey: moods and times, and what a recording of it measures.")
    sub.add_argument("file", type=Path, help="the journey (YAML)")
    sub.add_argument("out", type=Path, help="the picture to write (PNG)")
    sub.add_argument("--take", type=Path, metavar="FILE.mid", help="also measure this recording (MIDI)")
    sub = add("preview", _preview, "Check a journey, and print its length and path as JSON.")
    sub.add_argument("text", help="the journey (YAML or JSON), its file, or @FILE")
    sub = add("keep", _keep, "Check a journey and keep it among your own.")
    sub.add_argument("name", help="the name of its file, by which it is started")
    sub.add_argument("text", help="the journey (YAML or JSON), its file, or @FILE")
    sub = add("delete", _delete, "Delete a journey of your own.")
    sub.add_argument("name", help="the name of its file")


def command(options: argparse.Namespace) -> None:
    effective, _ = configured(options)
    options.action(options, effective)


def _list(options: argparse.Namespace, config: Config) -> None:
    found = journey_forms.listed(config, _here(options, config))
    if options.json:
        print(json.dumps(found))
        return
    for row in found:
        minutes, seconds = divmod(round(row["length_s"]), 60)
        print(f"{row['file']:20}  {minutes:4}:{seconds:02}  {'yours   ' if row['own'] else 'included'}  {row['name']}")


def _draw(options: argparse.Namespace, config: Config) -> None:
    if options.out.suffix.lower() != ".png":
        raise InputError(f"the picture must be a .png file, got {options.out.name}")
    plan = journeys.read(options.file, config.mood.moods)
    journey = plan.begun_from(config.mood.start_mood)
    measured = journey_drawing.measured(midi_file.timed_notes(options.take)) if options.take else ()
    journey_drawing.draw(journey, measured, config.mood.moods, options.out)
    print(f"{options.out}: {journey.name}, {journey.length_s / 60:.3g} minutes, {len(journey.points)} points")


def _preview(options: argparse.Namespace, config: Config) -> None:
    print(json.dumps(journey_forms.preview(_text(options.text), config, here=_here(options, config))))


def _keep(options: argparse.Namespace, config: Config) -> None:
    print(f"kept in {journey_forms.keep(config, options.name, _text(options.text))}")


def _delete(options: argparse.Namespace, config: Config) -> None:
    print(f"deleted {journey_forms.delete(config, options.name)}")


def _here(options: argparse.Namespace, config: Config) -> Mood | None:
    return parse_mood(options.here, config.mood.moods) if options.here else None


def _text(words: str) -> str:
    """The journey itself. No journey is one short line that happens to be a file's name."""
    named = words.removeprefix("@")
    is_file = "\n" not in words and len(words) < LONGEST_PATH and Path(words).is_file()
    return read_text(Path(named), journeys.LARGEST_FILE) if is_file or words.startswith("@") else words
