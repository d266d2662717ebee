"""MIDI files made by hand, byte by byte, so that a test can hurt them wherever it wants."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from hypothesis import strategies as st

TICKS_PER_BEAT = 96
END_OF_TRACK = b"\xff\x2f\x00"


class Key(NamedTuple):
    """A note in ticks, as a test wants to find it."""

    onset: int
    pitch: int
    end: int
    velocity: int = 80


Event = tuple[int, bytes]
"""A tick and the bytes of what happens there."""


def variable_length(value: int) -> bytes:
    """A number in groups of seven bits, as files write times and lengths."""
    parts = [value & 0x7F]
    while value := value >> 7:
        parts.append(value & 0x7F | 0x80)
    return bytes(reversed(parts))


def meta(kind: int, data: bytes) -> bytes:
    return bytes((0xFF, kind)) + variable_length(len(data)) + data


def on(pitch: int, velocity: int = 80, channel: int = 0) -> bytes:
    return bytes((0x90 | channel, pitch, velocity))


def off(pitch: int, channel: int = 0) -> bytes:
    return bytes((0x80 | channel, pitch, 64))


def control(number: int, value: int, channel: int = 0) -> bytes:
    return bytes((0xB0 | channel, number, value))


def events(notes: Iterable[Key], channel: int = 0) -> list[Event]:
    """Strikes and note-offs in order of time; at one tick note-offs come first."""
    strikes = [(n.onset, 1, on(n.pitch, n.velocity, channel)) for n in notes]
    ends = [(n.end, 0, off(n.pitch, channel)) for n in notes]
    return [(tick, message) for tick, _, message in sorted(strikes + ends, key=lambda event: event[:2])]


def body(happening: Iterable[Event], *, running: bool = False, end: bytes = END_OF_TRACK, end_tick: int = 0) -> bytes:
    """The events of a track chunk. running: status bytes are left out where the one before still holds.

    end_tick: where the end of track stands, if that is later than the last event.
    """
    written, now, status = b"", 0, b""
    for tick, message in sorted(happening, key=lambda event: event[0]):
        written += variable_length(tick - now)
        written += message[1:] if running and message[:1] == status and message[0] < 0xF0 else message
        now, status = tick, message[:1] if message[0] < 0xF0 else status
    return written + (variable_length(max(end_tick - now, 0)) + end if end else b"")


def chunk(name: bytes, data: bytes, length: int | None = None) -> bytes:
    return name + (len(data) if length is None else length).to_bytes(4, "big") + data


def header(kind: int = 1, tracks: int = 1, division: int = TICKS_PER_BEAT, more: bytes = b"") -> bytes:
    numbers = b"".join(number.to_bytes(2, "big") for number in (kind, tracks, division))
    return chunk(b"MThd", numbers + more)


def smf(*tracks: Sequence[Event], kind: int = 1, division: int = TICKS_PER_BEAT, end_tick: int = 0) -> bytes:
    """A whole file."""
    chunks = [chunk(b"MTrk", body(track, end_tick=end_tick)) for track in tracks]
    return header(kind, len(chunks), division) + b"".join(chunks)


@st.composite
def tunes(draw: st.DrawFn, least: int = 1, most: int = 12) -> list[Key]:
    """Notes of some keys, none of which is struck while it sounds, sorted; touching ones are frequent."""
    found = []
    for pitch in draw(st.lists(st.integers(30, 90), min_size=1, max_size=4, unique=True)):
        at = 0
        for gap, length in draw(st.lists(st.tuples(st.sampled_from((0, 0, 24, 96)), st.integers(1, 200)), max_size=5)):
            velocity = draw(st.integers(1, 127))
            found.append(Key(at + gap, pitch, at + gap + length, velocity))
            at += gap + length
    if len(found) < least:
        found.append(Key(0, 100, 96))
    return sorted(found)[:most]
