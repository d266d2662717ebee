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
    "Exit codes: 0 done, 2 bad input, 3 bad configuration, 4 bad model, 5 MIDI port, 6 player process, 7 nobody plays."
)
COMMANDS = {
    "run": "Play until Ctrl-C.",
    "ports": "List the MIDI inputs and outputs that are there.",
    "config": "Print the effective configuration.",
    "learn": "Bind the knob, pedal or pad that you move: improv learn tempo.",
    "doctor": "Check model, ports, timing and rights, each with a verdict.",
    "calibrate": "Measure how long a hardware piano needs by velocity, from its own MIDI echo.",
    "render": "Write music to a file (MIDI, score or sound) without waiting for it.",
    "album": "Make many pieces, in whole or anew where it broke off: MIDI, sound, titles, a manifest.",
    "study": "Test by ear, blind: moods rated, human or machine, A against B; served as a page, counted.",
    "takes": "List, export, replay, make again, report and delete what was played.",
    "people": "Keep plans, limits, notes and takes of people and their sessions; delete all of somebody.",
    "journey": "List journeys, draw them, write and delete your own.",
    "tokens": "Print the token ids of a MIDI file as JSON, as training sees it; or the way back.",
    "ctl": "Command a daemon that plays: improv ctl mood calm, improv ctl point -0.4 0.7 --glide 8.",
    "status": "Show what a daemon that plays is doing.",
    "watch": "Print the published state as it changes, and every note, one JSON line each.",
    "install-service": "Let systemd or launchd start the music with the computer, and again when it ends.",
    "link": "Make a way in to the page for another device (QR code), good once and for ten minutes.",
    "devices": "List the devices that are let in to the page, and shut single ones out.",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a port may be called anything, whatever the terminal can show
    debug = "--debug" in (sys.argv[1:] if arguments is None else arguments)

    def parsed_and_carried_out() -> int | None:
        options = _parsed(sys.argv[1:] if arguments is None else arguments)
        set_up_logging(options)
        code: int | None = importlib.import_module(f"improv.app.commands.{_module(options.command)}").command(options)
        return code

    return carried_out(parsed_and_carried_out, debug=debug)


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
        print(f"improv: unexpected trouble: {text} (run again with --debug to see where)", file=sys.stderr)
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
    parser = argparse.ArgumentParser(prog="improv", description="Piano music, improvised with feeling.", epilog=EPILOG)
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
