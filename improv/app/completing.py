"""What the shell offers while a command of `improv` is being typed; argcomplete speaks with the shells.

The shell starts `improv` with `_ARGCOMPLETE` in its environment. Without it nothing here is loaded.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import argcomplete
from argcomplete.completers import BaseCompleter, FilesCompleter
from argcomplete.shell_integration import shellcode

if TYPE_CHECKING:
    from improv.control.command_row import Row

Completer = Callable[[argparse.Namespace], Iterable[str]]


def script(shell: str) -> str:
    """What a shell reads to complete `improv`."""
    return str(shellcode(["improv"], shell=shell))


def typed() -> list[str]:
    """The words of the line so far, without the program and without the one that is being typed."""
    line = os.environ.get("COMP_LINE", "")[: int(os.environ.get("COMP_POINT", "0") or 0)]
    words = line.split()[1:]
    return words if line[-1:].isspace() else words[:-1]


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer the shell and end the process. What cannot be found out is not offered."""
    argcomplete.autocomplete(parser, default_completer=_Offers(), always_complete_options="long")


class _Offers(BaseCompleter):
    """Names that are known for an argument, by where it is kept; files for all others."""

    def __init__(self) -> None:
        self._files = FilesCompleter()

    def __call__(
        self,
        prefix: str,
        action: argparse.Action,
        parser: argparse.ArgumentParser,
        parsed_args: argparse.Namespace,
        **_: Any,
    ) -> Iterable[str]:
        if (find := KNOWN.get(action.dest)) is None:
            return [] if action.type in (int, float) else list(self._files(prefix))
        try:
            return list(find(parsed_args))
        except Exception:  # a half-typed line is no place for complaints
            return []


def _moods(options: argparse.Namespace) -> Iterable[str]:
    from improv.app.options import configured

    return configured(options)[0].mood.moods


def _takes(options: argparse.Namespace) -> Iterable[str]:
    from improv.app.options import configured
    from improv.takes import library

    return ["last", *(path.stem for path in library.paths(configured(options)[0].takes.path))]


def _people(options: argparse.Namespace) -> Iterable[str]:
    from improv.app.options import configured
    from improv.people.folder import People

    return [person.name for person in People(configured(options)[0].takes.path).all()[0]]


def _actions(options: argparse.Namespace) -> Iterable[str]:
    from improv.config.sections.controls import UNBOUND
    from improv.control.midi_map import CONTROL_ACTIONS

    return [*CONTROL_ACTIONS, UNBOUND]


def _keys(options: argparse.Namespace) -> Iterable[str]:
    from improv.config import Config

    return [f"{section}.{key}=" for section, keys in Config().model_dump().items() for key in keys]


def _journeys(options: argparse.Namespace) -> Iterable[str]:
    from improv.app.options import configured
    from improv.config import journey_forms

    return [row["file"] for row in journey_forms.listed(configured(options)[0])]


def _commands(options: argparse.Namespace) -> Iterable[str]:
    words = typed()
    named = {"moods": _moods, "journeys": _journeys}
    return command_words(words[words.index("ctl") + 1 :], lambda kind: named[kind](options) if kind in named else ())


def command_words(before: Sequence[str], named: Callable[[str], Iterable[str]]) -> list[str]:
    """What can follow these words of `improv ctl`: the next word of a command's name, and what it takes.

    named: the names of a kind that an argument chooses among, moods for instance.
    """
    from improv.control.command_table import COMMANDS

    offered: list[str] = []
    for row in COMMANDS.values():
        name, count = row.name.split("_"), len(before)
        if name[:count] == list(before) and count < len(name):
            offered.append(name[count])
        elif name == list(before[: len(name)]):
            offered += _arguments(row, before[len(name) :], named)
    return list(dict.fromkeys(offered))


def _arguments(row: Row, given: Sequence[str], named: Callable[[str], Iterable[str]]) -> list[str]:
    """The values of the argument that is next, and the options that are not given yet."""
    place = len([word for word in given if not word.startswith("--")])
    flags = [f"--{a.name.removesuffix('_s').replace('_', '-')}" for a in row.arguments if a.optional]
    standing = [a for a in row.arguments if not a.optional or a.choices_of]
    words: list[str] = []
    for argument in standing[place : place + 1]:
        words += [*(named(argument.choices_of) if argument.choices_of else argument.choices), *argument.free]
    return [*words, *(flag for flag in flags if flag not in given)]


KNOWN: dict[str, Completer] = {
    "mood": _moods,
    "take": _takes,
    "who": _people,
    "action": _actions,
    "overrides": _keys,
    "set": _keys,
    "words": _commands,
}
"""By the name under which argparse keeps an argument."""
