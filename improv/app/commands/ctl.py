"""`improv ctl`: command a daemon that plays."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from improv.control.command_row import Argument, Row
from improv.control.command_table import COMMANDS
from improv.errors import CommandError, InputError
from improv.frontends.ctl.client import Client, choose


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_choice(parser)
    parser.add_argument(
        "words", nargs=argparse.REMAINDER, metavar="COMMAND [ARGUMENTS]", help="without any: list all commands"
    )


def add_choice(parser: argparse.ArgumentParser) -> None:
    """--to, where several daemons play."""
    parser.add_argument(
        "--to", default="", metavar="NAME", help="which BrainMusic, if several play: its midi.name or process id"
    )


def command(options: argparse.Namespace) -> int:
    """Carry out one command; its refusal is the error."""
    if not options.words:
        print("\n".join(usages()))
        return 0
    message = message_of(options.words)
    with Client(choose(options.to)) as client:
        answer = client.ask(message)
    if not answer.get("ok"):
        raise CommandError(str(answer.get("error")))
    if (told := answer.get("text")) is not None:
        print(told)
    return 0


# ------------------------------------------------------------------------------------------- from words to a message


def usages() -> list[str]:
    """One line for every command: how it is written here, and what it does."""
    written = {row.name: _usage(row) for row in COMMANDS.values()}
    width = max(map(len, written.values()))
    return [f"{written[row.name]:<{width}}  {row.text}" for row in COMMANDS.values()]


def _usage(row: Row) -> str:
    parts = [
        f"[{a.name.upper()}]"
        if _may_stand_alone(row, a)
        else f"[--{_flag(a)} {a.name.upper()}]"
        if a.optional
        else a.name.upper()
        for a in row.arguments
    ]
    return " ".join([row.name.replace("_", " "), *parts])


def _may_stand_alone(row: Row, argument: Argument) -> bool:
    """A name that may be left out is given without its flag as well: `journey start evening`."""
    return argument.optional and argument is row.arguments[0] and argument.kind == "choice"


def _flag(argument: Argument) -> str:
    """glide_s -> glide: the unit is told in the help."""
    return argument.name.removesuffix("_s").replace("_", "-")


def message_of(words: Sequence[str]) -> dict[str, Any]:
    """`point -0.4 0.7 --glide 8` -> {"command": "point", ...}. InputError names what does not fit."""
    row, rest = _row_of(words)
    parser = _Parser(prog=f"improv ctl {row.name.replace('_', ' ')}", description=row.text)
    for argument in row.arguments:
        names = [f"--{_flag(argument)}", f"--{argument.name}"] if argument.optional else [argument.name]
        unit = f", {argument.unit}" if argument.unit else ""
        only: dict[str, Any] = {"dest": argument.name} if argument.optional else {}
        if argument.kind == "text":
            only["nargs"] = "+"  # as many words as it has: chords Am F C G
        parser.add_argument(*dict.fromkeys(names), help=f"{argument.text}{unit}", **only)
        if _may_stand_alone(row, argument):
            parser.add_argument(argument.name, nargs="?", default=argparse.SUPPRESS)
    given = vars(parser.parse_args(_without_false_flags(rest)))
    said = {name: " ".join(words) if isinstance(words, list) else str(words) for name, words in given.items()}
    values = {a.name: _value(a, said[a.name]) for a in row.arguments if given[a.name] is not None}
    return {"command": row.name, **values}


def _row_of(words: Sequence[str]) -> tuple[Row, Sequence[str]]:
    """`journey start` and `journey_start` are the same command."""
    for count in range(min(len(words), 3), 0, -1):
        name = "_".join(words[:count]).replace("-", "_")
        if name in COMMANDS:
            return COMMANDS[name], words[count:]
    raise InputError(f"unknown command {words[0]!r}; allowed: {', '.join(COMMANDS)}")


def _without_false_flags(words: Sequence[str]) -> list[str]:
    """argparse takes -.5 and -1e-3 for options; -0.5 it knows."""
    result = []
    for word in words:
        try:
            result.append(f"{float(word):.10f}" if word.startswith("-") else word)
        except ValueError:
            result.append(word)
    return result


def _value(argument: Argument, text: str) -> object:
    if argument.nullable and text in ("null", "none", "-"):
        return None
    if argument.kind in ("number", "whole"):
        try:
            return float(text)
        except ValueError:
            return text  # the engine's sentence says what is allowed
    if argument.choices_of == "journeys":
        return text.removesuffix(".yaml")  # journeys are called by the names of their files
    if argument.name == "file" and (path := Path(text).expanduser()).is_file():
        return str(path.absolute())  # the daemon may run in another folder
    return text


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise InputError(f"{self.prog}: {message}; {self.format_usage().strip()}")
