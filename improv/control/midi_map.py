"""What MIDI messages of the input mean: control and program changes to commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import mido

from improv.control.commands import Command
from improv.control.journey import Plan
from improv.control.parse import Names, parse
from improv.control.table import COMMANDS, MidiAction, Row
from improv.music.mood import CORNERS, Mood

_ACTIONS: dict[str, tuple[Row, MidiAction]] = {
    name: (row, action) for row in COMMANDS.values() for name, action in row.midi.items()
}
CONTROL_ACTIONS: tuple[str, ...] = tuple(_ACTIONS)
"""What a control change can be mapped to."""


@dataclass(frozen=True, slots=True)
class MidiMap:
    """controls: number 0..127 -> action. programs: program 0..127 -> mood name. channel: 1..16, or 0 for all.
    chord_channel: 1..16, where held keys name the chord, or 0 for none.
    """

    controls: Mapping[int, str]
    programs: Mapping[int, str]
    channel: int = 0
    chord_channel: int = 0
    moods: Mapping[str, Mood] = field(default_factory=lambda: MappingProxyType(CORNERS))
    journeys: Mapping[str, Plan] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def names(self) -> Names:
        """What can be named in a command."""
        return Names(self.moods, journeys=self.journeys)

    def names_chords(self, message: mido.Message) -> bool:
        """Whether a message is of the keys that name the chord."""
        kinds = ("note_on", "note_off", "control_change")
        return bool(self.chord_channel) and message.type in kinds and message.channel == self.chord_channel - 1

    def command(self, message: mido.Message) -> Command | None:
        """The command behind a message, or None when it means nothing here."""
        if message.type not in ("control_change", "program_change"):
            return None
        if self.channel and message.channel != self.channel - 1:
            return None
        names = self.names
        if message.type == "program_change":
            name = self.programs.get(message.program)
            return parse({"command": "mood", "name": name}, names) if name is not None else None
        action = self.controls.get(message.control)
        return None if action is None else _of_control(action, message.value, names)


def _of_control(action: str, value: int, names: Names) -> Command | None:
    """value: 0..127."""
    if action not in _ACTIONS:
        raise ValueError(f"unknown control action {action!r}; allowed: {', '.join(CONTROL_ACTIONS)}")
    row, meaning = _ACTIONS[action]
    arguments = meaning.arguments(value)
    return None if arguments is None else parse({"command": row.name, **arguments}, names)
