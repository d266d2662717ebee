"""The command `improv`. Errors are one sentence and an exit code; a traceback only with --debug."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

from improv import __version__
from improv.app.commands import takes as takes_command
from improv.errors import BrainMusicError, InputError
from improv.music.mood import parse_mood

EPILOG = (
    "Exit codes: 0 done, 2 bad input, 3 bad configuration, 4 bad model, 5 MIDI port, 6 player process, 7 nobody plays."
)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parsed(arguments)
    _set_up_logging(options)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        code = command(options)
        sys.stdout.flush()
        return code
    except BrainMusicError as error:
        if options.debug:
            raise
        print(f"improv: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader of our output went away: nothing to tell anybody
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the flush at the exit fails again
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if options.debug:
            raise
        text = str(error) or type(error).__name__
        print(f"improv: unexpected trouble: {text} (run again with --debug to see where)", file=sys.stderr)
        return 1


def _parsed(arguments: list[str] | None) -> argparse.Namespace:
    """argparse takes a file that may be left out only right behind the words before it; here it may stand last as well:
    `improv takes render last --mood sad out.mid`.
    """
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if len(rest) == 1 and not rest[0].startswith("-") and getattr(options, "out", rest) is None:
        options.out = Path(rest[0])
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="improv", description="Piano music, improvised with feeling.", epilog=EPILOG)
    parser.add_argument("--version", action="version", version=f"improv {__version__}")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "-c", "--config", type=Path, help="configuration file (default: ./config.yaml, then the user's)"
    )
    common.add_argument("-o", dest="overrides", action="append", default=[], metavar="SECTION.KEY=VALUE")
    common.add_argument("--debug", action="store_true", help="traceback and debug log")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = subparsers.add_parser(name, help=text, description=text, parents=[common])
        sub.set_defaults(command=command)
        return sub

    sub = add("run", _run, "Play until Ctrl-C.")
    sub.add_argument("--journey", type=Path, metavar="FILE", help="set out on this journey (YAML) at once")
    add("ports", _ports, "List the MIDI inputs and outputs that are there.")
    add("config", _config, "Print the effective configuration.")
    add("doctor", _doctor, "Check model, ports, timing and rights, each with a verdict.")
    sub = add("calibrate", _calibrate, "Measure how long a hardware piano needs by velocity, from its own MIDI echo.")
    sub.add_argument("--output", type=int, default=1, metavar="N", help="which of midi.outputs, from 1 (default 1)")
    sub.add_argument("--repeats", type=int, default=3, help="notes of each velocity (default 3)")
    sub.add_argument("--pitch", type=int, default=60, help="the key that is played (default 60)")
    sub.add_argument("--write", action="store_true", help="put the result into the configuration file")
    sub = add("render", _render, "Write music to a MIDI file without waiting for it.")
    sub.add_argument("out", type=Path, help="the MIDI file to write")
    sub.add_argument("--mood", help="a mood's name, or valence,arousal (-1..1): --mood=-0.5,1")
    sub.add_argument("--journey", type=Path, metavar="FILE", help="set out on this journey (YAML)")
    sub.add_argument("--seconds", type=float, help="length (default 60, or as long as the journey)")
    sub.add_argument("--seed", type=int, help="0..2147483647 (default: music.seed of the configuration, or 0)")
    takes = subparsers.add_parser("takes", help="List, export, replay, make again, report and delete what was played.")
    takes_command.add_to(takes, common)
    sub = add("journey", _journey, "Draw a journey, as commanded and as a recording measures.")
    sub.add_argument("action", choices=["draw"], help="draw: a picture of the path")
    sub.add_argument("file", type=Path, help="the journey (YAML)")
    sub.add_argument("out", type=Path, help="the picture to write (PNG)")
    sub.add_argument("--take", type=Path, metavar="FILE.mid", help="measure this recording of it as well")
    sub = add("tokens", _tokens, "Print the token ids of a MIDI file as JSON, from time zero; or the way back.")
    sub.add_argument("file", type=Path, help="a MIDI file; with --decode: a JSON list of token ids, or - for input")
    sub.add_argument("--family", default="polyphony", help="the vocabulary (default polyphony)")
    sub.add_argument("--decode", type=Path, metavar="OUT.mid", help="turn token ids into this MIDI file")
    sub.add_argument("--names", action="store_true", help="print the tokens' names instead of their ids")
    from improv.app.commands import ctl

    ctl.add_to(add)
    return parser


def _set_up_logging(options: argparse.Namespace) -> None:
    handler: logging.Handler
    if sys.stdout.isatty() and options.command is _run:
        from rich.logging import RichHandler

        handler = RichHandler(show_path=False, omit_repeated_times=False)  # leaves the panel in its place
        handler.setFormatter(logging.Formatter("%(message)s"))
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.DEBUG if options.debug else logging.INFO, handlers=[handler])


def _run(options: argparse.Namespace) -> int:
    from improv import config
    from improv.app import daemon
    from improv.config import journeys

    path = options.config or config.find()
    effective = config.load(path, options.overrides)
    if not options.debug:
        logging.getLogger().setLevel(effective.log.level.upper())
    journey = journeys.read(options.journey, effective.mood.moods) if options.journey else None
    return daemon.run(effective, path, options.overrides, journey)


def _config(options: argparse.Namespace) -> int:
    from improv import config

    path = options.config or config.find()
    effective = config.load(path, options.overrides)
    print(f"# {path or f'defaults: there is neither ./config.yaml nor {config.of_the_user()}'}")
    print(config.dump(effective), end="")
    return 0


def _ports(options: argparse.Namespace) -> int:
    from improv import config
    from improv.player.drivers.probe import list_ports

    effective = config.load(options.config or config.find(), options.overrides)
    inputs, outputs = list_ports(effective.midi.driver)
    for title, names in (("inputs", inputs), ("outputs", outputs)):
        print(f"{title}:")
        print("\n".join(f"  {name}" for name in names) or "  none")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from improv import config
    from improv.app.commands import doctor

    return doctor.run(config.load(options.config or config.find(), options.overrides))


def _calibrate(options: argparse.Namespace) -> int:
    from improv import config
    from improv.app.commands import calibrate

    path = options.config or config.find()
    effective = config.load(path, options.overrides)
    return calibrate.run(effective, path, options.output, options.repeats, options.pitch, write=options.write)


def _render(options: argparse.Namespace) -> int:
    from improv import config
    from improv.config import journeys
    from improv.config.adapters import render
    from improv.midi import file as midi_file
    from improv.model.onnx_model import OnnxModel, resolve
    from improv.takes.export.planned import music_file

    effective = config.load(options.config or config.find(), options.overrides)
    seed = options.seed if options.seed is not None else max(effective.music.seed, 0)
    if not 0 <= seed < 2**31:
        raise InputError(f"--seed must be in 0..2147483647, got {seed}")
    if not options.out.parent.is_dir():
        raise InputError(f"the folder {options.out.parent} for {options.out.name} is not there")
    if options.mood and options.journey:
        raise InputError("--mood and --journey exclude each other: a journey brings its moods")
    mood = parse_mood(options.mood, effective.mood.moods) if options.mood else None
    journey = journeys.read(options.journey, effective.mood.moods) if options.journey else None
    length_s = options.seconds if options.seconds is not None else journey.length_s if journey else 60.0
    if not 0 < length_s <= 24 * 3600:
        raise InputError(f"--seconds must be more than 0, at most 86400, got {length_s:g}")
    model = OnnxModel(resolve(effective.model.path), effective.model.provider)
    steps = render(model, effective, length_s, seed, mood, journey=journey)
    program = effective.midi.program if effective.midi.program >= 0 else None
    midi_file.save(music_file(steps, effective.midi.channel - 1, program), options.out)
    notes = sum(len(step.started) for step in steps)
    print(
        f"{options.out}: {length_s:g} s, {notes} notes, "
        f"{f'journey {journey.name}' if journey else f'mood {options.mood or effective.mood.start}'}, seed {seed}"
    )
    return 0


def _journey(options: argparse.Namespace) -> int:
    from improv import config
    from improv.app.commands import journey_drawing
    from improv.config import journeys
    from improv.midi import file as midi_file

    effective = config.load(options.config or config.find(), options.overrides)
    if options.out.suffix.lower() != ".png":
        raise InputError(f"the picture must be a .png file, got {options.out.name}")
    plan = journeys.read(options.file, effective.mood.moods)
    journey = plan.begun_from(effective.mood.start_mood)
    measured = journey_drawing.measured(midi_file.timed_notes(options.take)) if options.take else ()
    journey_drawing.draw(journey, measured, effective.mood.moods, options.out)
    print(f"{options.out}: {journey.name}, {journey.length_s / 60:.3g} minutes, {len(journey.points)} points")
    return 0


def _tokens(options: argparse.Namespace) -> int:
    from improv.midi import file as midi_file
    from improv.model.vocabulary import encoding_for

    encoding = encoding_for(options.family)
    if options.decode is None:
        music = midi_file.read_file(options.file)
        for notice in music.notices:
            print(f"{options.file}: {notice}", file=sys.stderr)
        ids = encoding.encode(midi_file.grid_notes(music, encoding.ticks_per_beat, encoding.tempo_bpm))
        print(json.dumps([encoding.label(token_id) for token_id in ids] if options.names else ids))
        return 0
    notes = encoding.decode(_read_ids(options.file, encoding.size))
    midi_file.write_notes(options.decode, notes, encoding.ticks_per_beat, encoding.tempo_bpm or 120.0)
    print(f"{options.decode}: {len(notes)} notes")
    return 0


def _read_ids(path: Path, size: int) -> list[int]:
    try:
        values = json.loads(sys.stdin.read() if str(path) == "-" else path.read_text())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise InputError(f"{path} is not JSON; expected a list of token ids, as `improv tokens` prints it") from None
    if not isinstance(values, list):
        wrong = [values]
    else:
        wrong = [value for value in values if type(value) is not int or not 0 <= value < size]
    if wrong:
        raise InputError(f"{path}: expected a list of token ids in 0..{size - 1}, got {json.dumps(wrong[0])[:60]}")
    return [int(value) for value in values]


if __name__ == "__main__":
    sys.exit(main())
