"""The bytes of MIDI messages: THE table of statuses and controls, what a message is, and the messages that are sent.

Pure and light: the player's process imports it. Channels are 0..15, pitches, values and programs 0..127. After the
"MIDI 1.0 Detailed Specification" (MMA 1996), tables 1 to 5.
"""

from __future__ import annotations

from collections.abc import Iterable

# Channel messages: the upper half of the first byte; the lower half is the channel.
NOTE_OFF, NOTE_ON, POLYTOUCH, CONTROL_CHANGE, PROGRAM_CHANGE, AFTERTOUCH, PITCHWHEEL = range(0x80, 0xF0, 0x10)
# System messages: the whole first byte.
SYSEX, SONG_POSITION = 0xF0, 0xF2
CLOCK, START, CONTINUE, STOP, ACTIVE_SENSING = 0xF8, 0xFA, 0xFB, 0xFC, 0xFE
FIRST_STATUS, FIRST_SYSTEM, FIRST_REAL_TIME = 0x80, 0xF0, 0xF8
CLOCK_MESSAGES = frozenset((CLOCK, START, CONTINUE, STOP, SONG_POSITION))
CLOCKS_PER_BEAT, CLOCKS_PER_SIXTEENTH = 24, 6

# Numbers of controls.
BANK_SELECT, BANK_SELECT_FINE = 0, 32
SUSTAIN_PEDAL, SOSTENUTO_PEDAL = 64, 66
ALL_SOUND_OFF, RESET_CONTROLLERS, LOCAL_CONTROL, ALL_NOTES_OFF = 120, 121, 122, 123
OMNI_OFF, OMNI_ON, MONO, POLY = 124, 125, 126, 127
CHANNEL_MODE = range(ALL_SOUND_OFF, POLY + 1)
"""Controls that speak of the notes of the one who sends them: all off, reset, and the modes of a channel."""
LETS_GO = frozenset((ALL_SOUND_OFF, ALL_NOTES_OFF, OMNI_OFF, OMNI_ON, MONO, POLY))
"""Channel mode messages that end every note of their channel; the last four do so as well as change the mode."""

PEDAL_KEY = 128
"""In the place of a pitch: the sustain pedal, which has a beginning, an end and an owner as a key has."""
DEEPEST_PEDAL = 127  # value of the control: all the way down
RELEASE_VELOCITY = 64  # what MIDI says for keyboards that do not measure the release


def kind_of(message: bytes) -> int:
    """A status of the table above; 0 for bytes that begin with none (or for no bytes)."""
    first = message[0] if message else 0
    return first if first >= FIRST_SYSTEM else first & 0xF0 if first >= FIRST_STATUS else 0


def is_channel_message(message: bytes) -> bool:
    """Whether it speaks to one channel: neither a system message nor a piece of a long one."""
    return FIRST_STATUS <= kind_of(message) < FIRST_SYSTEM


def channel_of(message: bytes) -> int:
    """Channel 0..15 of a channel message."""
    return message[0] & 0x0F


def key_of(message: bytes) -> tuple[int, int, int] | None:
    """(channel, pitch, velocity) of a key that goes down, velocity 0 where it comes up; None for anything else."""
    kind = kind_of(message)
    if len(message) != 3 or kind not in (NOTE_ON, NOTE_OFF):
        return None
    return channel_of(message), message[1], message[2] if kind == NOTE_ON else 0


def control_of(message: bytes) -> tuple[int, int, int] | None:
    """(channel, control, value) of a control change; None for anything else."""
    if len(message) != 3 or kind_of(message) != CONTROL_CHANGE:
        return None
    return channel_of(message), message[1], message[2]


def note_on(channel: int, pitch: int, velocity: int) -> bytes:
    """velocity: 1..127."""
    return bytes((NOTE_ON | channel, pitch, velocity))


def note_off(channel: int, pitch: int) -> bytes:
    return bytes((NOTE_OFF | channel, pitch, RELEASE_VELOCITY))


def control_change(channel: int, control: int, value: int) -> bytes:
    return bytes((CONTROL_CHANGE | channel, control, value))


def pressed(channel: int, key: int, velocity: int) -> bytes:
    """What begins: a key goes down, or the sustain pedal where it is PEDAL_KEY. velocity: 1..127, or its depth."""
    return control_change(channel, SUSTAIN_PEDAL, velocity) if key == PEDAL_KEY else note_on(channel, key, velocity)


def released(channel: int, key: int) -> bytes:
    """What ends: a key comes up, or the sustain pedal where it is PEDAL_KEY."""
    return control_change(channel, SUSTAIN_PEDAL, 0) if key == PEDAL_KEY else note_off(channel, key)


def program_change(channel: int, program: int) -> bytes:
    return bytes((PROGRAM_CHANGE | channel, program))


def all_off(channels: Iterable[int]) -> list[bytes]:
    """All notes off and pedal up, for each channel."""
    return [control_change(channel, control, 0) for channel in channels for control in (ALL_NOTES_OFF, SUSTAIN_PEDAL)]


def song_position(sixteenth: int) -> bytes:
    """Place in the song, sixteenths from its beginning, 0..16383."""
    return bytes((SONG_POSITION, sixteenth & 0x7F, sixteenth >> 7))


def on_channel(message: bytes, channel: int) -> bytes:
    """A channel message on another channel."""
    return bytes((message[0] & 0xF0 | channel,)) + message[1:]


def number_at(data: bytes, at: int) -> tuple[int, int]:
    """A number of variable length, as files have them, and where it ends. IndexError: it breaks off."""
    value = 0
    while True:
        part = data[at]
        at += 1
        value = value << 7 | part & 0x7F
        if part < FIRST_STATUS:
            return value, at
