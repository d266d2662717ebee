"""What a row of the table of commands is: a command's name, what it takes, and what a MIDI value means to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from improv.control.commands import Command

Kind = Literal["number", "whole", "choice", "text"]
PRESSED = 64  # a button acts from this value on, not when it is let go


class Argument(NamedTuple):
    """What a command takes.

    low, high: allowed numbers, inclusive. choices: allowed words, or of a text those that are offered; choices_of: a
    field of Names that holds them. optional: may be left out (None is then what the command gets). nullable: null is a
    value with a meaning; free: words for it. ranges: allowed numbers by the value of the argument that stands before
    this one. read: from a text to what the command gets; ValueError or InputError says what is allowed.
    """

    name: str
    kind: Kind
    text: str
    low: float | None = None
    high: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    choices_of: str = ""
    optional: bool = False
    nullable: bool = False
    ranges: Mapping[str, tuple[float, float]] = MappingProxyType({})
    free: tuple[str, ...] = ()
    read: Callable[[str], object] | None = None

    def as_json(self) -> dict[str, Any]:
        """For frontends that build themselves from the table."""
        values = self._asdict() | {
            "choices": list(self.choices),
            "ranges": {k: list(v) for k, v in self.ranges.items()},
            "free": list(self.free),
        }
        del values["read"]
        return {key: value for key, value in values.items() if value or (value == 0.0 and value is not False)}


class MidiAction(NamedTuple):
    """What a control change can be mapped to: its meaning in words, and 0..127 -> arguments (None: does nothing).

    fine: it takes fractions of 0..127 as well, as controls of 14 bits give them.
    """

    text: str
    arguments: Callable[[Any], Mapping[str, object] | None]
    fine: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One command. make: from checked arguments to the command; moods: the argument that names one is looked up."""

    name: str
    text: str
    make: Callable[..., Command]
    arguments: tuple[Argument, ...] = ()
    midi: Mapping[str, MidiAction] = field(default_factory=lambda: MappingProxyType({}))

    def as_json(self) -> dict[str, Any]:
        """For frontends that build themselves from the table."""
        return {
            "name": self.name,
            "text": self.text,
            "arguments": [argument.as_json() for argument in self.arguments],
            "midi": list(self.midi),
        }


def button(name: str) -> Mapping[str, MidiAction]:
    """An action that acts when it is pressed, not when it is let go."""
    return {name: MidiAction(f"{PRESSED}..127: acts", pressed)}


def pressed(value: int) -> dict[str, object] | None:
    """No arguments, where a button is down."""
    return {} if value >= PRESSED else None
