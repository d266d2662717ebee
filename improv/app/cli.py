"""The command `improv`. Errors are one sentence and an exit code; a traceback only with --debug.

A command is a module of `improv.app.commands` with two functions: `add_arguments(parser)` says what it is given,
`command(options)` does it and returns an exit code (None: 0). It is imported only when it is the one that was asked
for, so that `improv --version` and the list of commands come at once.
"""

from __future__ import annotations

import argparse
import importlib
import io
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

from improv import __version__
from improv.app.options import common
from improv.errors import BrainMusicError

EPILOG = (
    "`improv COMMAND --help` explains a command. Exit codes: 0 done, 2 bad input, 3 bad settings, 4 bad model, "
    "5 MIDI port, 6 player process, 7 BrainMusic is not running."
)
COMMANDS = {
    "run": "Play to a MIDI port until Ctrl-C.",
    "ports": "List the MIDI inputs and outputs of this computer.",
    "config": "Show all settings; make or change a settings file of your own.",
    "learn": "MIDI learn: assign the knob, pedal or pad that you move (improv learn tempo).",
    "doctor": "Check model, MIDI ports, timing and permissions, and say what to do.",
    "calibrate": "Measure the delay of a player piano for soft and loud notes, from its MIDI output.",
    "render": "Write music to a file (MIDI, score or audio), faster than it would be played.",
    "album": "Write many pieces: MIDI, audio, titles, a list of all. Resumes where it was interrupted.",
    "study": "Run a blind listening test in the browser and evaluate its answers.",
    "takes": "What was played and recorded: list, export, replay, vary, report, delete.",
    "people": "People you play for: their sessions, plans, limits, notes and takes; delete all of it.",
    "journey": "Journeys from mood to mood: list, draw, write and delete them.",
    "tokens": "For training: turn a MIDI file into token ids (JSON), or back.",
    "ctl": "Control the music while it plays: improv ctl mood calm, improv ctl tempo 96.",
    "status": "Show what is playing now.",
    "watch": "Follow every note and every change while it plays, one JSON line each.",
    "install-service": "Start BrainMusic with the computer, and restart it if it fails (systemd, launchd).",
    "link": "Let another device open the page: an address and QR code, valid once, for ten minutes.",
    "completion": "Let bash, zsh or fish complete commands, moods, takes and options with the Tab key.",
    "devices": "List the devices that may open the page, and remove them.",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a port may be called anything, whatever the terminal can show
    if "_ARGCOMPLETE" in os.environ:  # the shell asks what could follow; this ends the process
        from improv.app import completing

        completing.complete(_parser(completing.typed()))
    debug = "--debug" in (sys.argv[1:] if arguments is None else arguments)

    def parsed_and_carried_out() -> int | None:
        options = _parsed(sys.argv[1:] if arguments is None else arguments)
        set_up_logging(options)
        code: int | None = importlib.import_module(f"improv.app.commands.{_module(options.command)}").command(options)
        return code

    return carried_out(parsed_and_carried_out, debug=debug)


def open_closed_streams() -> None:
    """Who starts a program may have closed its input, output or errors. What it opens next would get their numbers, and
    then the log lines: there is nothing to read there now, and nobody who reads.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one
            os.set_inheritable(nowhere, True)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 (for the life of the program)


def carried_out(command: Callable[[], int | None], *, debug: bool) -> int:
    """Do something for a person; returns the exit code. What goes wrong is a sentence; debug: it is raised."""
    try:
        code = command()
        sys.stdout.flush()
        return int(code or 0)
    except BrainMusicError as error:
        if debug:
            raise
        print(f"improv: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader of our output went away: nothing to tell anybody
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the flush at the exit fails again
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if debug:
            raise
        text = str(error) or type(error).__name__
        print(f"improv: unexpected error: {text} (run again with --debug to see where)", file=sys.stderr)
        return 1


def _module(command: str) -> str:
    return command.replace("-", "_")


def _parsed(arguments: list[str]) -> argparse.Namespace:
    """argparse takes a file that may be left out only right behind the words before it; here it may stand last as well:
    `improv takes render last --mood sad out.mid`.
    """
    parser = _parser(arguments)
    options, rest = parser.parse_known_args(arguments)
    if len(rest) == 1 and not rest[0].startswith("-") and getattr(options, "out", rest) is None:
        options.out = Path(rest[0])
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return options


def _parser(arguments: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="improv", description="Piano music, improvised live with the mood that you choose.", epilog=EPILOG
    )
    parser.add_argument("--version", action="version", version=f"improv {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        parents = [] if name in ("takes", "people", "study", "journey") else [common()]  # each action of these has them
        sub = subparsers.add_parser(name, help=text, description=text, parents=parents)
        if name in arguments[:1]:
            importlib.import_module(f"improv.app.commands.{_module(name)}").add_arguments(sub)
    return parser


def set_up_logging(options: argparse.Namespace) -> None:
    """Log lines go to the terminal. The engine, which must not wait for it, gets `options.terminal`."""
    handler: logging.Handler
    if options.command == "run":  # the music waits for nobody who reads
        from improv.app.terminal import Terminal

        options.terminal = Terminal()
        handler = options.terminal.log_handler()
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.DEBUG if options.debug else logging.INFO, handlers=[handler])


if __name__ == "__main__":
    sys.exit(main())
