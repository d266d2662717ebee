"""The polyphony vocabulary against the published facts, and against any input at all."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.errors import InputError
from improv.model.vocabulary import PolyphonyEncoding, encoding_for
from improv.model.vocabulary.base import FINAL_CHORD_NOTES, Constraints
from improv.model.vocabulary.polyphony import DECODED_VELOCITY, MAX_NOTES_PER_STEP, PolyphonyDecoder, new_note
from improv.music.note import HIGHEST_PIANO_PITCH, LOWEST_PIANO_PITCH, Note

ENCODING = PolyphonyEncoding()
START, END, STEP_END = 0, 1, 2
token_ids = st.lists(st.integers(0, 258), max_size=200)


@st.composite
def tunes(draw: st.DrawFn) -> list[Note]:
    """Notes of which no two on one key overlap; they may touch."""
    notes = []
    for pitch in draw(st.sets(st.integers(0, 127), max_size=6)):
        tick = 0
        for gap, duration in draw(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 6)), max_size=5)):
            notes.append(Note(tick + gap, pitch, duration, draw(st.integers(1, 127))))
            tick += gap + duration
    return sorted(notes)


def test_the_published_example() -> None:
    chord = [Note(0, pitch, 4) for pitch in (60, 64, 67)]
    new, continued = [3 + 67, 3 + 64, 3 + 60, STEP_END], [131 + 67, 131 + 64, 131 + 60, STEP_END]
    assert ENCODING.encode(chord) == [START, *new, *continued, *continued, *continued, END]
    assert ENCODING.encode(chord) == [0, 70, 67, 63, 2, *[198, 195, 191, 2] * 3, 1]


def test_the_classes() -> None:
    assert ENCODING.size == 259
    assert [ENCODING.label(i) for i in (0, 1, 2, 3, 130, 131, 258)] == [
        "START",
        "END",
        "STEP_END",
        "NEW_NOTE 0",
        "NEW_NOTE 127",
        "CONTINUED_NOTE 0",
        "CONTINUED_NOTE 127",
    ]
    assert (ENCODING.begins(60), ENCODING.continues(60)) == (63, 191)
    assert [ENCODING.starts_note(i) for i in (2, 3, 130, 131)] == [False, True, True, False]
    assert ENCODING.fingerprint == "a604e5f382cd5b39"  # models in the world carry it: a change makes them useless


def test_at_equal_pitch_continued_precedes_new() -> None:
    assert ENCODING.encode([Note(0, 60, 2), Note(1, 60, 1)]) == [START, 63, STEP_END, 191, 63, STEP_END, END]


def test_rests_and_a_given_length() -> None:
    assert ENCODING.encode([Note(2, 60, 1)]) == [START, STEP_END, STEP_END, 63, STEP_END, END]
    assert ENCODING.encode([Note(0, 60, 1)], steps=3) == [START, 63, STEP_END, STEP_END, STEP_END, END]
    assert ENCODING.encode([]) == [START, END]


@given(tunes())
def test_decoding_gives_back_what_was_encoded(notes: list[Note]) -> None:
    ids = ENCODING.encode(notes)
    assert all(0 <= i < ENCODING.size for i in ids)
    assert ENCODING.decode(ids) == sorted(Note(n.onset, n.pitch, n.duration, DECODED_VELOCITY) for n in notes)


@given(token_ids)
def test_anything_can_be_decoded_and_nothing_hangs(ids: list[int]) -> None:
    steps = ids.count(STEP_END)
    for note in ENCODING.decode(ids):
        assert 0 <= note.onset < note.end <= steps


@given(token_ids)
def test_every_started_note_ends_in_the_stream(ids: list[int]) -> None:
    decoder, sounding = ENCODING.decoder(), []
    for token in [*ids, END]:
        if (step := decoder.feed(token)) is None:
            continue
        for pitch in step.ended:
            sounding.remove(pitch)  # ValueError: ended what did not sound
        sounding += step.started
        assert tuple(sorted(sounding, reverse=True)) == decoder.sounding
    assert sounding == []


@pytest.mark.parametrize("token", [-1, 259])
def test_a_token_out_of_range_is_named(token: int) -> None:
    with pytest.raises(ValueError, match=rf"0\.\.258, got {token}"):
        ENCODING.decode([token])
    with pytest.raises(ValueError, match=str(token)):
        ENCODING.label(token)


def test_continuing_what_does_not_sound_is_ignored() -> None:
    assert ENCODING.decode([START, 191, STEP_END, END]) == []
    assert ENCODING.decode([START, 63, STEP_END, 191, 191, STEP_END, END]) == [Note(0, 60, 2, 100)]


def walk(choices: list[float]) -> list[list[int]]:
    """Draw tokens as the improviser does: each from those that are legal. Returns the tokens of each step."""
    decoder, steps, step = ENCODING.decoder(), [], []
    for choice in choices:
        legal = np.flatnonzero(decoder.legal())
        assert legal.size, "the grammar never leads into a dead end"
        token = int(legal[min(int(choice * legal.size), legal.size - 1)])
        decoder.feed(token)
        step.append(token)
        if token in (STEP_END, END):
            steps.append(step)
            step = []
    return steps


def assert_playable(steps: list[list[int]]) -> None:
    sounding: set[int] = set()
    assert steps == [] or steps[0][0] == START
    for step in steps:
        notes = [token for token in step if token > STEP_END]
        pitches = [(token - 3) % 128 for token in notes]
        assert pitches == sorted(set(pitches), reverse=True), "strictly downward"
        assert len(pitches) <= MAX_NOTES_PER_STEP
        assert all(LOWEST_PIANO_PITCH <= pitch <= HIGHEST_PIANO_PITCH for pitch in pitches)
        assert {token - 131 for token in notes if token >= 131} <= sounding, "only what sounds goes on"
        assert END not in step or not notes, "END only at the beginning of a step"
        sounding = set(pitches) if step[-1] == STEP_END else set()


@given(st.lists(st.floats(0, 1), max_size=150))
def test_what_is_legal_is_playable(choices: list[float]) -> None:
    assert_playable(walk(choices))


@given(st.lists(st.sampled_from([1.0, 0.99, 0.4, 0.3, 0.0]), min_size=60, max_size=150))
def test_what_is_legal_is_playable_even_for_a_model_that_wants_many_notes(choices: list[float]) -> None:
    assert_playable(walk(choices))


def test_ten_fingers_hold_and_strike_no_more_than_ten_keys() -> None:
    decoder = ENCODING.decoder()
    for token in [START, *(ENCODING.begins(p) for p in range(39, 29, -1)), STEP_END]:
        assert decoder.legal()[token]
        decoder.feed(token)
    for pitch in range(89, 79, -1):
        decoder.feed(ENCODING.begins(pitch))
    assert np.flatnonzero(decoder.legal()).tolist() == [STEP_END]


def test_a_copy_goes_its_own_way() -> None:
    decoder = ENCODING.decoder()
    for token in (START, 63, STEP_END, 191, 60):
        decoder.feed(token)
    before = (decoder.tick, decoder.sounding, decoder.chord, decoder.legal().tolist())
    twin = decoder.copy()
    for token in (50, STEP_END, END):
        twin.feed(token)
    assert (decoder.tick, decoder.sounding, decoder.chord, decoder.legal().tolist()) == before
    again = decoder.copy()
    assert (again.tick, again.sounding, again.chord, again.legal().tolist()) == before


def test_a_copy_at_the_beginning_still_wants_start() -> None:
    assert np.flatnonzero(PolyphonyDecoder().copy().legal()).tolist() == [START]


@given(tunes(), st.integers(-12, 12))
def test_transposition(notes: list[Note], semitones: int) -> None:
    ids = np.array(ENCODING.encode(notes), dtype=np.int16)
    low, high = ENCODING.pitch_range(ids)
    assert (low, high) == (min((n.pitch for n in notes), default=127), max((n.pitch for n in notes), default=0))
    if notes and low + semitones >= 0 and high + semitones <= 127:
        moved = [Note(n.onset, n.pitch + semitones, n.duration) for n in notes]
        assert ENCODING.transpose(ids, semitones).tolist() == ENCODING.encode(moved)
        assert ENCODING.transpose(ids, semitones).dtype == ids.dtype


def test_an_unknown_family_is_told_which_there_are() -> None:
    assert encoding_for("polyphony").fingerprint == ENCODING.fingerprint
    with pytest.raises(InputError, match="'trumpet'; there are: polyphony, pianist"):
        encoding_for("trumpet")


@given(st.integers(0, 11), st.booleans(), st.randoms(use_true_random=False))
def test_the_last_chord_stands_on_its_tonic(tonic: int, major: bool, chance: random.Random) -> None:
    triad = (tonic, (tonic + (4 if major else 3)) % 12, (tonic + 7) % 12)
    decoder = ENCODING.decoder()
    for token in (START, new_note(chance.randint(21, 108)), STEP_END):
        decoder.feed(token)
    step = None
    while step is None:
        allowed = np.flatnonzero(decoder.legal(Constraints(final_chord=triad, may_end=False)))
        step = decoder.feed(chance.choice([*allowed[:3], *allowed[-3:]]))  # often as low or as high as may be
    assert {pitch % 12 for pitch in step.started} <= set(triad)
    assert min(decoder.sounding) % 12 == tonic, "no third or fifth below it, also at the lowest keys"
    assert len(step.started) >= FINAL_CHORD_NOTES
