"""What MIDI messages of the input mean: control and program changes to commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from improv.control.command_row import PRESSED, MidiAction, Row
from improv.control.command_table import COMMANDS
from improv.control.commands import Command, RecallPlace, RecallScene
from improv.control.journey import Plan
from improv.control.parse import Names, parse
from improv.midi.fine_controls import ControlKey, FineControls, Turned
from improv.midi.message_fields import ParsedMessage
from improv.music.mood import CORNERS, Mood

_ACTIONS: dict[str, tuple[Row, MidiAction]] = {
    name: (row, action) for row in COMMANDS.values() for name, action in row.midi.items()
}
CONTROL_ACTIONS: tuple[str, ...] = tuple(_ACTIONS)
"""What a control change can be mapped to."""
PROGRAM_ACTIONS: tuple[str, ...] = tuple(name for name, (row, _) in _ACTIONS.items() if not row.arguments)
"""What a program can be mapped to, beside a mood and a scene: what a button does."""
SCENE = "scene "
"""Stands before the name of a scene."""


@dataclass(frozen=True, slots=True)
class MidiMap:
    """controls: number 0..127, pair or parameter (ControlKey) -> action. programs: program 0..127 -> mood, SCENE and
    the name of a scene, or action. set_list_program: 0..127, the program of the set list's first scene, those after it
    of the next ones; -1: none. channel: 1..16, or 0 for all. chord_channel: 1..16, where held keys name the chord, or 0
    for none.
    """

    controls: Mapping[ControlKey, str]
    programs: Mapping[int, str]
    channel: int = 0
    chord_channel: int = 0
    moods: Mapping[str, Mood] = field(default_factory=lambda: MappingProxyType(CORNERS))
    journeys: Mapping[str, Plan] = field(default_factory=lambda: MappingProxyType({}))
    set_list_program: int = -1

    @property
    def names(self) -> Names:
        """What can be named in a command."""
        return Names(self.moods, journeys=self.journeys)

    def names_chords(self, message: ParsedMessage) -> bool:
        """Whether a message is of the keys that name the chord."""
        kinds = ("note_on", "note_off", "control_change")
        return bool(self.chord_channel) and message.type in kinds and message.channel == self.chord_channel - 1

    def command(self, message: ParsedMessage, fine: FineControls | None = None) -> Command | None:
        """The command behind a message, or None when it means nothing here. fine: what came of 14-bit controls before;
        None: nothing.
        """
        if message.type not in ("control_change", "program_change"):
            return None
        if self.channel and message.channel != self.channel - 1:
            return None
        names = self.names
        if message.type == "program_change":
            return self._of_program(message.program, names)
        for turned in (fine or FineControls()).hear(message.channel, message.control, message.value):
            if (action := self.controls.get(turned.control)) is not None:
                return _of_control(action, turned, names)
        return None

    def _of_program(self, program: int, names: Names) -> Command | None:
        if (name := self.programs.get(program)) is not None:
            if name.startswith(SCENE):
                return RecallScene(name.removeprefix(SCENE))
            if name in names.moods:
                return parse({"command": "mood", "name": name}, names)
            return _of_control(name, Turned(program, PRESSED, PRESSED), names)
        place = program - self.set_list_program + 1
        return RecallPlace(place) if self.set_list_program >= 0 and place >= 1 else None


def _of_control(action: str, turned: Turned, names: Names) -> Command | None:
    """A fine action waits for the finer half, any other acts on the upper bits alone: a button is pressed once."""
    if action not in _ACTIONS:
        raise ValueError(f"unknown control action {action!r}; allowed: {', '.join(CONTROL_ACTIONS)}")
    row, meaning = _ACTIONS[action]
    if not (turned.last if meaning.fine else turned.first):
        return None
    arguments = meaning.arguments(turned.value if meaning.fine else turned.coarse)
    return None if arguments is None else parse({"command": row.name, **arguments}, names)
