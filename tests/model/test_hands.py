"""The vocabulary of two hands: what is written is what is read, and no legal stream asks more than two hands can do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from improv.model.vocabulary import Extras, HandsEncoding
from improv.model.vocabulary.hands import (
    FINGERS,
    HAND_SPAN,
    LEFT,
    LENGTH_KINDS,
    LENGTHS,
    NOTE_KINDS,
    RIGHT,
    TABLE,
    contexts,
    length_index,
    split_hands,
)
from improv.music.note import Note

ENCODING = HandsEncoding()
tokens = st.lists(st.integers(0, ENCODING.size - 1), max_size=200)


@st.composite
def played(draw: st.DrawFn) -> tuple[list[Note], tuple[int, ...]]:
    """Notes of both hands, no key struck while it is down, lengths that the vocabulary has."""
    notes, free = [], {}
    for _ in range(draw(st.integers(1, 40))):
        pitch, length = draw(st.integers(21, 108)), draw(st.sampled_from(LENGTHS))
        onset = free.get(pitch, 0) + draw(st.integers(0, 60))
        free[pitch] = onset + length
        notes.append(Note(onset, pitch, length, 72))
    notes.sort()
    return notes, tuple(draw(st.sampled_from((LEFT, RIGHT))) for _ in notes)


@given(played())
def test_what_is_written_is_read(music: tuple[list[Note], tuple[int, ...]]) -> None:
    notes, hands = music
    assert ENCODING.decode(ENCODING.encode(notes, extras=Extras(hands=hands))) == notes


@given(tokens)
def test_any_tokens_are_music(ids: list[int]) -> None:
    for note in ENCODING.decode(ids):
        assert note.duration > 0
        assert 21 <= note.pitch <= 108


@given(tokens)
def test_the_context_is_what_the_stream_said(ids: list[int]) -> None:
    decoder, rows = ENCODING.decoder(), contexts(np.array(ids, dtype=np.int64))
    for token, row in zip(ids, rows, strict=True):
        assert (*decoder.context.last, *decoder.context.lengths) == tuple(row)
        decoder.feed(token)


@settings(max_examples=30)
@given(st.integers(0, 2**32))
def test_a_legal_stream_is_playable(seed: int) -> None:
    rng, decoder = np.random.default_rng(seed), ENCODING.decoder()
    down: dict[int, tuple[int, int]] = {}  # pitch -> (hand, end)
    for _ in range(400):
        step = decoder.feed(int(rng.choice(np.flatnonzero(decoder.legal()))))
        if step is None:
            continue
        down = {} if step.last else {pitch: held for pitch, held in down.items() if held[1] > step.tick}
        for pitch, hand, ticks in zip(step.started, step.hands, step.durations, strict=True):
            down[pitch] = (hand, step.tick + ticks)
        for hand in (LEFT, RIGHT):
            keys = [pitch for pitch, held in down.items() if held[0] == hand]
            assert len(keys) <= FINGERS
            assert not keys or max(keys) - min(keys) <= HAND_SPAN


def test_lengths_are_said_where_they_change() -> None:
    notes = [Note(6 * index, 48 + index % 3, 6, 72) for index in range(8)]
    labels = [ENCODING.label(token) for token in ENCODING.encode(notes, extras=Extras(hands=(LEFT,) * 8))]
    assert not any("LENGTH" in label for label in labels)
    assert labels.count("TIME_SHIFT 6") == 8


@pytest.mark.parametrize(("ticks", "length"), [(1, 1), (5, 6), (7, 8), (10, 9), (11, 12), (30, 36), (500, 96)])
def test_the_nearest_length_by_ratio(ticks: int, length: int) -> None:
    assert LENGTHS[length_index(ticks)] == length


def test_hands_that_nobody_names_are_split_by_reach() -> None:
    chord = [Note(0, pitch, 12, 72) for pitch in (36, 43, 48, 64, 67, 72)]
    assert split_hands(chord) == [LEFT] * 3 + [RIGHT] * 3


@given(played(), st.integers(-12, 12))
def test_transposed_tokens_are_transposed_music(music: tuple[list[Note], tuple[int, ...]], semitones: int) -> None:
    notes, hands = music
    ids = np.array(ENCODING.encode(notes, extras=Extras(hands=hands)))
    low, high = ENCODING.pitch_range(ids)
    if not low + semitones >= 21 or not high + semitones <= 108:
        return
    moved = [Note(note.onset, note.pitch + semitones, note.duration, note.velocity) for note in notes]
    assert ENCODING.decode(ENCODING.transpose(ids, semitones).tolist()) == moved


def test_a_key_that_somebody_holds_is_told_once_and_again_when_it_is_struck_anew() -> None:
    decoder, held, told = ENCODING.decoder(), frozenset({64}), []
    decoder.feed(ENCODING.start_id)
    a_beat = ENCODING.shifts.start + 11
    for step in range(30):  # longer than the note is told to be
        gone = held if step == 20 else frozenset[int]()
        while (token := decoder.required_before(a_beat, held, gone)) != a_beat:
            told.append(step)
            decoder.feed(token)
        decoder.feed(a_beat)
    assert told == [0, 20]


@given(st.sampled_from((LEFT, RIGHT)), st.integers(0, 2**32 - 1))
def test_beside_a_person_one_hand_is_left(person: int, seed: int) -> None:
    rng, decoder = np.random.default_rng(seed), ENCODING.decoder()
    decoder.person_hand = person
    theirs = [TABLE.slice_of(kind) for kind in (NOTE_KINDS[person], LENGTH_KINDS[person])]
    for _ in range(60):
        legal = np.flatnonzero(decoder.legal())
        assert not any(part.start <= token < part.stop for token in legal for part in theirs)
        decoder.feed(int(rng.choice(legal)))


@pytest.mark.parametrize("person", [LEFT, RIGHT])
@pytest.mark.parametrize("key", [30, 60, 90])
def test_a_person_s_key_is_told_as_of_their_hand(person: int, key: int) -> None:
    decoder = ENCODING.decoder()
    decoder.feed(ENCODING.start_id)
    decoder.person_hand = person
    said = decoder.required_before(ENCODING.shifts.start, frozenset({key}), frozenset())
    assert ENCODING.label(said) == f"{NOTE_KINDS[person]} {key}"
