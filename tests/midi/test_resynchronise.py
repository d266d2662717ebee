"""A byte too many or too few in a track without statuses costs a few notes, not all that follow; nothing is made up."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from improv.midi.reading import read_music
from improv.midi.resynchronise import is_shifted, resynchronised
from tests.midi.smf import chunk, header

SCALE = (60, 64, 67, 72, 76, 79, 84, 55, 59, 62)
MANY = 60
END = bytes((0, 0xFF, 0x2F, 0))


def running(notes: int = MANY) -> bytes:
    """Notes one after the other; the status stands at the first alone, as most programs write it."""
    found = bytearray((0, 0x90))
    for index in range(notes):
        pitch, velocity = SCALE[index % len(SCALE)], 50 + index % 40
        found += (
            bytes((pitch, velocity, 90, pitch, 0, 30)) if index < notes - 1 else bytes((pitch, velocity, 90, pitch, 0))
        )
    return bytes(found)


def struck(track: bytes) -> Counter[tuple[int, int]]:
    content = header() + chunk(b"MTrk", track + END)
    return Counter((note.pitch, note.velocity) for note in read_music(content).notes)


WHOLE = struck(running())


@settings(deadline=None, max_examples=60)
@given(st.integers(40, 250), st.sampled_from(("left out", "put in")), st.integers(0, 0xEF))
def test_a_byte_that_shifts_the_rest_costs_a_few_notes(place: int, way: str, byte: int) -> None:
    track = running()
    track = track[:place] + (b"" if way == "left out" else bytes((byte,))) + track[place + (way == "left out") :]
    read = struck(track)
    assert (WHOLE - read).total() <= MANY // 5
    assert (read - WHOLE).total() <= MANY // 5


def test_it_is_said() -> None:
    track = running()
    content = header() + chunk(b"MTrk", track[:50] + track[51:] + END)
    assert "a byte too many or too few is left out with what it hit" in read_music(content).notices


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sampled_from((0x80, 0x90, 0xB0)), st.integers(0, 127), st.integers(0, 127)), max_size=80))
def test_only_bytes_are_left_out(messages: list[tuple[int, int, int]]) -> None:
    """Whatever stands there, sound or not: what is read afterwards is what stands in the file."""
    track = b"".join(bytes((0, *message)) for message in messages)
    mended, times = resynchronised(track)
    rest = iter(track)
    assert all(byte in rest for byte in mended)  # in this order
    assert len(track) - len(mended) <= 8 * times


def test_what_is_strange_and_whole_stays() -> None:
    all_let_go = running() + b"".join(bytes((0, 0x80, pitch, 64)) for pitch in range(128))
    ends_elsewhere = b"".join(bytes((10, 0x90, SCALE[index % 10], 80)) for index in range(60))
    pedal = b"".join(bytes((10, 0xB0, 64, value)) for value in range(128))
    bends = b"".join(bytes((10, 0xE0, value, value)) for value in range(128))
    for track in (all_let_go, ends_elsewhere, pedal, bends, running()):
        assert resynchronised(track) == (track, 0)
    assert not is_shifted([(0, 0x80, pitch, 64) for pitch in range(128)])


def test_a_header_with_one_byte_too_many_or_too_few_is_known() -> None:
    content = header() + chunk(b"MTrk", running() + END)
    for place in range(16):
        if place not in (12, 13):  # the time division is known by nothing
            read = read_music(content[:place] + content[place + 1 :])
            assert Counter((note.pitch, note.velocity) for note in read.notes) == WHOLE, place
        for byte in (0, 7, 77, 255):
            read = read_music(content[:place] + bytes((byte,)) + content[place:])
            assert Counter((note.pitch, note.velocity) for note in read.notes) == WHOLE, (place, byte)
