"""One MIDI message, read as mido reads it."""

from __future__ import annotations

import mido
from hypothesis import example, given
from hypothesis import strategies as st

from improv.midi.message_fields import parsed

STATUS = st.integers(0x80, 0xFF)
DATA = st.lists(st.integers(0, 0x7F), max_size=4)
LIKELY = st.builds(lambda status, data, end: bytes([status, *data, *end]), STATUS, DATA, st.sampled_from([[], [0xF7]]))


@given(st.one_of(st.binary(max_size=5), LIKELY))
@example(b"")
@example(b"\xf0\xf7")
@example(b"\xf0")
@example(b"\x90\x3c\x00")
def test_a_message_is_read_as_mido_reads_it(message: bytes) -> None:
    try:
        theirs = mido.Message.from_bytes(list(message))
    except (ValueError, IndexError):
        assert parsed(message) is None
        return
    ours = parsed(message)
    if len(theirs.bytes()) != len(message):  # mido takes a pitch wheel however long it is
        assert ours is None
        return
    assert ours is not None
    if ours.type == "other":
        assert theirs.type not in ("note_on", "note_off", "control_change", "program_change")
        return
    for name, value in theirs.dict().items():
        if name != "time":
            assert getattr(ours, name) == value
