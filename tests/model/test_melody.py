"""The melody vocabulary and its two other schemes against the published facts, and against any input at all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.model.vocabulary import Constraints, MelodyEncoding
from improv.model.vocabulary.melody import (
    DECODED_VELOCITY,
    END,
    NO_EVENT,
    NOTE_OFF,
    PUBLISHED_CLASSES,
    START,
    top_line,
)
from improv.music.note import Note

ENCODING = MelodyEncoding()
lines = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 6), st.integers(48, 83)), max_size=20)


def line(rows: list[tuple[int, int, int]]) -> list[Note]:
    """(rest before it, duration, pitch) one after the other."""
    notes, tick = [], 0
    for gap, duration, pitch in rows:
        notes.append(Note(tick + gap, pitch, duration, DECODED_VELOCITY))
        tick += gap + duration
    return notes


def test_the_published_classes() -> None:
    assert PUBLISHED_CLASSES == 38
    assert [ENCODING.label(i) for i in (0, 1, 2, 37, 38, 39)] == [
        *("NO_EVENT", "NOTE_OFF", "NOTE_ON 48", "NOTE_ON 83", "START", "END")
    ]
    assert ENCODING.fingerprint == "5312796959b77cee"  # models in the world carry it


def test_a_melody_by_hand() -> None:
    notes = [Note(0, 60, 4), Note(4, 62, 2), Note(8, 64, 2)]
    events = [14, 0, 0, 0, 16, 0, 1, 0, 18, 0]
    assert ENCODING.encode(notes) == [START, *events, END]
    assert ENCODING.encode(notes, steps=12) == [START, *events, 1, 0, END]


@given(lines)
def test_decoding_gives_back_what_was_encoded(rows: list[tuple[int, int, int]]) -> None:
    notes = line(rows)
    ids = ENCODING.encode(notes)
    assert ENCODING.decode(ids) == notes
    assert ENCODING.ticks(np.array(ids)).tolist() == [0, *range(len(ids) - 1)]


@given(st.lists(st.integers(0, 39), max_size=100))
def test_anything_can_be_decoded_and_nothing_hangs(ids: list[int]) -> None:
    length = sum(token < START for token in ids)
    end = 0
    for note in ENCODING.decode(ids):
        assert end <= note.onset < note.end <= length
        end = note.end
    decoder = ENCODING.decoder()
    for token in ids:
        assert decoder.legal().any()
        decoder.feed(token)


@pytest.mark.parametrize("token", [-1, 40])
def test_a_token_out_of_range_is_named(token: int) -> None:
    with pytest.raises(ValueError, match=rf"0\.\.39, got {token}"):
        ENCODING.decode([token])
    with pytest.raises(ValueError, match=str(token)):
        ENCODING.label(token)


def test_what_the_moment_asks_for() -> None:
    decoder = ENCODING.decoder()
    decoder.feed(START)
    assert not decoder.legal()[NOTE_OFF]
    assert not decoder.legal(Constraints(must_start=True))[[NO_EVENT, NOTE_OFF, END]].any()
    decoder.feed(ENCODING.begins(60))
    assert not decoder.legal(Constraints(too_long=(60,)))[NO_EVENT]
    assert np.flatnonzero(decoder.legal(Constraints(hold=True))).tolist() == [NO_EVENT]
    final = np.flatnonzero(decoder.legal(Constraints(final_chord=(2, 5, 9))))
    assert {ENCODING.start_pitches[i - ENCODING.starts.start] % 12 for i in final} == {2}


def test_the_highest_voice_is_the_melody() -> None:
    chord = [Note(0, 72, 4), Note(0, 60, 8), Note(2, 55, 2), Note(4, 71, 2), Note(5, 76, 4)]
    assert top_line(chord) == [Note(0, 72, 4), Note(4, 71, 1), Note(5, 76, 4)]


def test_the_range_is_three_octaves() -> None:
    assert [n.pitch for n in ENCODING.decode(ENCODING.encode([Note(0, 30, 1), Note(1, 100, 1)]))] == [54, 76]
    with pytest.raises(ValueError, match=r"48\.\.83, got 84"):
        ENCODING.begins(84)


@given(lines, st.integers(-6, 5))
def test_transposing_keeps_the_range(rows: list[tuple[int, int, int]], semitones: int) -> None:
    ids = np.array(ENCODING.encode(line(rows)))
    for before, after in zip(ENCODING.decode(ids), ENCODING.decode(ENCODING.transpose(ids, semitones)), strict=True):
        assert (after.onset, after.duration) == (before.onset, before.duration)
        assert (after.pitch - before.pitch - semitones) % 12 == 0
