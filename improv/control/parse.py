"""From a message of a frontend to a command, or to the sentence that says what is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from improv.control.command_row import Argument
from improv.control.command_table import COMMANDS
from improv.control.commands import Command
from improv.control.journey import Plan
from improv.errors import CommandError, InputError
from improv.music.mood import CORNERS, Mood

ENVELOPE = frozenset({"command", "id", "from", "kind", "visitor"})
"""Keys of a message that are no arguments."""
LONGEST_TEXT = 1000
LARGEST = 1e12  # beyond this a number is none that music needs, and some whole ones are no floats


class Names(NamedTuple):
    """What can be named in a command and is known only while the program runs."""

    moods: Mapping[str, Mood] = MappingProxyType(CORNERS)
    models: tuple[str, ...] = ()
    journeys: Mapping[str, Plan] = MappingProxyType({})
    scenes: tuple[str, ...] = ()


def parse(message: Mapping[str, object], names: Names | None = None) -> Command:
    """{"command": "point", "valence": -0.4, "arousal": 0.7} -> a command. CommandError says what is wrong."""
    names = names or Names()
    word = message.get("command")
    if not isinstance(word, str) or word not in COMMANDS:
        raise CommandError(f"unknown command {_shown(word)}; allowed: {', '.join(COMMANDS)}")
    row = COMMANDS[word]
    known = [argument.name for argument in row.arguments]
    for key in message:
        if key not in ENVELOPE and key not in known:
            raise CommandError(f"{word} takes {', '.join(known) or 'no arguments'}, not {_shown(key)}")
    values: dict[str, Any] = {}
    before: object = None
    for argument in row.arguments:
        values[argument.name] = before = _checked(word, argument, message, names, before)
    if (named := next((a for a in row.arguments if a.choices_of == "moods"), None)) is not None:
        mood = names.moods[values.pop(named.name)]
        return row.make(**mood._asdict(), **values)
    if (named := next((a for a in row.arguments if a.choices_of == "journeys"), None)) is not None:
        values[named.name] = names.journeys.get(values[named.name])
    return row.make(**values)


def _checked(word: str, argument: Argument, message: Mapping[str, object], names: Names, before: object) -> object:
    name = f"{word}: {argument.name}"
    if argument.name not in message:
        if argument.optional:
            return None
        raise CommandError(f"{name} is missing; {_allowed(argument, names, before)}")
    value: Any = message[argument.name]
    if value is None and (argument.nullable or argument.optional):
        return None
    if argument.kind == "text":
        return _read(name, argument, value)
    if isinstance(value, str) and value in argument.free:
        return None
    if not _fits(argument, value, names, before):
        raise CommandError(f"{name} must be {_allowed(argument, names, before)} (got {_shown(value)})")
    if argument.kind == "whole":
        return int(value)
    return float(value) if argument.kind == "number" else value


def _read(name: str, argument: Argument, value: object) -> object:
    """What a text says. Whoever empties a field gives it back."""
    assert argument.read is not None
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise CommandError(f"{name} must be {_allowed(argument, Names(), None)} (got {_shown(value)})")
    text = value.strip()
    if argument.nullable and (not text or text.lower() in argument.free):
        return None
    try:
        return argument.read(text)
    except (ValueError, InputError) as error:
        raise CommandError(str(error)) from None


def _fits(argument: Argument, value: object, names: Names, before: object) -> bool:
    if argument.kind == "choice":
        return isinstance(value, str) and value in _choices(argument, names)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if argument.kind == "whole" and value != value // 1:
        return False
    low, high = _range(argument, before)
    return low <= value <= high and -LARGEST <= value <= LARGEST  # NaN is in no range


def _range(argument: Argument, before: object) -> tuple[float, float]:
    if argument.ranges:
        return argument.ranges[str(before)]
    return (
        -math.inf if argument.low is None else argument.low,
        math.inf if argument.high is None else argument.high,
    )


def _choices(argument: Argument, names: Names) -> Sequence[str]:
    return tuple(getattr(names, argument.choices_of)) if argument.choices_of else argument.choices


def _allowed(argument: Argument, names: Names, before: object) -> str:
    null = f" or {', '.join((*argument.free, 'null'))}" if argument.nullable else ""
    if argument.kind == "text":
        return f"a text of at most {LONGEST_TEXT} signs, {argument.text}"
    if argument.kind == "choice":
        return f"one of {', '.join(_choices(argument, names)) or 'nothing here'}{null}"
    low, high = _range(argument, before)
    kind = "a whole number" if argument.kind == "whole" else "a number"
    if math.isinf(low) and math.isinf(high):
        return f"{kind}{null}"
    unit = f" {argument.unit}" if argument.unit else ""
    return f"{kind} {low:g}..{high:g}{unit}{null}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
