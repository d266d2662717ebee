"""What comes in by MIDI: commands by the map, chords that are named by keys, and what the person plays."""

from __future__ import annotations

import logging
from collections.abc import Callable

from improv.clock import Clock
from improv.control.chord_keys import ChordKeys
from improv.control.commands import Command
from improv.control.midi_map import MidiMap
from improv.engine.attendance import Attendance
from improv.engine.person import Person
from improv.engine.say_once import SayOnce
from improv.errors import BrainMusicError
from improv.midi.fine_controls import FineControls
from improv.midi.message_fields import parsed

log = logging.getLogger(__name__)


class MidiIn:
    """act: carries a command out, as Engine.act. Whoever plays or turns a knob cannot end the music with it."""

    def __init__(
        self,
        midi_map: MidiMap,
        person: Person,
        attendance: Attendance,
        act: Callable[[Command, float], None],
        said: SayOnce,
        clock: Clock,
    ) -> None:
        self.map = midi_map
        self._person, self._attendance, self._act, self._said, self._clock = person, attendance, act, said, clock
        self._chord_keys, self._fine = ChordKeys(), FineControls()

    def receive(self, message: bytes, received_s: float) -> None:
        """A MIDI message from the input port."""
        if (said := parsed(message)) is None:
            log.debug("a MIDI message that cannot be read was ignored: %s", message.hex(" "))
            return
        try:
            chords = self.map.names_chords(said)
            if chords or self._person.receive(message, received_s):  # our own echo is nobody
                self._attendance.hear(message, received_s)
            command = self._chord_keys.hear(said, received_s) if chords else self.map.command(said, self._fine)
            if command is not None:
                self._act(command, received_s)
        except BrainMusicError as error:
            if self._said.is_new(str(error), self._clock.now()):
                log.warning("MIDI: %s", error)
        except Exception:  # a fault of ours
            if self._said.is_new(said.type, self._clock.now()):
                log.exception("unexpected error with the MIDI message %s; the music goes on", message.hex(" "))

    def lose(self) -> None:
        """The ports were lost: who knows what happened to the keys."""
        self._person.lose()
        self._chord_keys.clear()
        self._fine.clear()
