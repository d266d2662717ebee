"""What one MIDI message says, under mido's names but read without mido, which would cost the engine's process 4 MiB."""

from __future__ import annotations

from typing import NamedTuple

from improv.midi.messages import AFTERTOUCH, CONTROL_CHANGE, FIRST_SYSTEM, NOTE_OFF, NOTE_ON, PROGRAM_CHANGE, SYSEX

END_OF_SYSEX = 0xF7
_CHANNEL_TYPES = {
    NOTE_OFF: "note_off",
    NOTE_ON: "note_on",
    CONTROL_CHANGE: "control_change",
    PROGRAM_CHANGE: "program_change",
}
# System messages: bytes of data. What is left out is undefined in the specification.
_SYSTEM_DATA = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0, 0xF8: 0, 0xFA: 0, 0xFB: 0, 0xFC: 0, 0xFE: 0, 0xFF: 0}


class ParsedMessage(NamedTuple):
    """type: note_off, note_on, control_change, program_change, or "other". channel: 0..15; for each type its fields are
    0..127, all others 0.
    """

    type: str
    channel: int = 0
    note: int = 0
    velocity: int = 0
    control: int = 0
    value: int = 0
    program: int = 0


_OTHER = ParsedMessage("other")


def parsed(message: bytes) -> ParsedMessage | None:
    """The message; None where the bytes are no whole message of MIDI 1.0."""
    status, data = (message[0], message[1:]) if message else (0, b"")
    if status == SYSEX:
        return _OTHER if data[-1:] == bytes((END_OF_SYSEX,)) and max(data[:-1], default=0) < 0x80 else None
    if max(data, default=0) >= 0x80:
        return None
    if status >= FIRST_SYSTEM:
        return _OTHER if _SYSTEM_DATA.get(status) == len(data) else None
    kind, channel = status & 0xF0, status & 0x0F
    if kind < NOTE_OFF or len(data) != (1 if kind in (PROGRAM_CHANGE, AFTERTOUCH) else 2):
        return None
    name = _CHANNEL_TYPES.get(kind, _OTHER.type)
    if kind in (NOTE_ON, NOTE_OFF):
        return ParsedMessage(name, channel, note=data[0], velocity=data[1])
    if kind == CONTROL_CHANGE:
        return ParsedMessage(name, channel, control=data[0], value=data[1])
    return ParsedMessage(name, channel, program=data[0] if kind == PROGRAM_CHANGE else 0)
