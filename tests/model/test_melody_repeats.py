"""The vocabularies that name what comes again: the way there and back, and what is legal where."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.model.vocabulary import Constraints, MelodyEncoding, RepeatingMelodyEncoding, encoding_for
from improv.model.vocabulary.melody import END as MELODY_END
from improv.model.vocabulary.melody import NO_EVENT, NOTE_OFF
from improv.model.vocabulary.melody import START as MELODY_START
from improv.model.vocabulary.melody_repeats import END, SIZE, START
from improv.model.vocabulary.melody_schemes import LOOK_BACKS
from improv.music.note import Note
from tests.model import melody_oracles as oracles

MELODY = MelodyEncoding()
LOOKBACK, ATTENTION = RepeatingMelodyEncoding.lookback(), RepeatingMelodyEncoding.attention()
BOTH = pytest.mark.parametrize("encoding", [LOOKBACK, ATTENTION], ids=lambda encoding: encoding.family)
AS_1, AS_2 = 38, 39
C4 = MELODY.begins(60)

# Few pitches and copied bars, so that much comes again.
bars = st.lists(st.sampled_from([NO_EVENT, NO_EVENT, NOTE_OFF, C4, C4 + 2, C4 + 7]), min_size=1, max_size=24)
melodies = st.tuples(bars, st.integers(1, 4)).map(lambda drawn: drawn[0] * drawn[1])
constraint_sets = st.builds(
    Constraints,
    must_start=st.booleans(),
    too_long=st.sampled_from([(), (60,), (62,)]),
    may_end=st.booleans(),
    final_chord=st.sampled_from([None, (0, 4, 7)]),
    hold=st.booleans(),
)


def test_the_ids_are_the_published_labels() -> None:
    assert (SIZE, START, END) == (42, 40, 41)
    assert [LOOKBACK.label(i) for i in (0, 1, 2, 38, 39, 40, 41)] == [
        *("NO_EVENT", "NOTE_OFF", "NOTE_ON 48", "AS 1 BAR AGO", "AS 2 BARS AGO", "START", "END")
    ]
    assert [ATTENTION.label(i) for i in (0, 35, 36, 37, 38, 41)] == [
        *("NOTE_ON 48", "NOTE_ON 83", "NO_EVENT", "NOTE_OFF", "AS 1 BAR AGO", "END")
    ]
    assert (LOOKBACK.starts, ATTENTION.starts) == (slice(2, 38), slice(0, 36))
    assert len({encoding.fingerprint for encoding in (MELODY, LOOKBACK, ATTENTION)}) == 3
    assert encoding_for("melody_lookback").fingerprint == LOOKBACK.fingerprint


def test_a_melody_by_hand() -> None:
    bar = [Note(0, 60, 8, 100), Note(8, 62, 8, 100)]
    notes = bar + [Note(16, 60, 8, 100), Note(24, 64, 8, 100)] + [replace(n, onset=n.onset + 32) for n in bar]
    ids = LOOKBACK.encode(notes)
    rests = [0] * 7
    assert ids[:17] == [START, 14, *rests, 16, *rests]
    assert ids[17:33] == [*[AS_1] * 8, 18, *[AS_1] * 7], "as a bar ago, but for one note"
    assert ids[33:] == [*[AS_2] * 16, END], "as two bars ago goes first"
    assert LOOKBACK.decode(ids) == notes == ATTENTION.decode(ATTENTION.encode(notes))


@BOTH
@given(melodies)
def test_the_way_there_and_back(encoding: RepeatingMelodyEncoding, events: list[int]) -> None:
    ids = encoding.labels([MELODY_START, *events, MELODY_END, MELODY_START, *events])
    assert encoding.events(ids) == [MELODY_START, *events, MELODY_END, MELODY_START, *events]
    assert ids[len(events) + 2 :] == ids[: len(events) + 1], "a new beginning has no history"
    label_of = oracles.lookback_label if encoding is LOOKBACK else oracles.attention_label
    for position, (own, event) in enumerate(zip(ids[1:], events, strict=False)):
        published = label_of(events, position)
        silence_before = event == NO_EVENT and position < LOOK_BACKS[-1]
        assert own == published or silence_before, "the published labels but for silence at the very beginning"
    notes = MELODY.decode([MELODY_START, *events])
    assert encoding.decode(ids[: len(events) + 1]) == notes
    assert encoding.decode(encoding.encode(notes, len(events))) == notes


@BOTH
@given(melodies)
def test_whatever_is_encoded_is_legal(encoding: RepeatingMelodyEncoding, events: list[int]) -> None:
    notes = MELODY.decode([MELODY_START, *events])
    decoder = encoding.decoder()
    for token_id in encoding.encode(notes, len(events)):
        assert decoder.legal()[token_id]
        decoder.feed(token_id)


@BOTH
@given(st.lists(st.integers(0, SIZE - 1), max_size=120), constraint_sets, constraint_sets)
def test_a_repeat_is_legal_where_its_event_is(
    encoding: RepeatingMelodyEncoding, ids: list[int], first: Constraints, second: Constraints
) -> None:
    """Over any tokens at all, and beside a plain decoder that is fed the events."""
    decoder, plain, history = encoding.decoder(), MELODY.decoder(), list[int]()
    for place, token_id in enumerate(ids):
        constraints = second if place % 2 else first
        legal, expected = decoder.legal(constraints), plain.legal(constraints)
        assert legal.any()
        for own, event in enumerate(encoding.meaning):
            if event >= 0:
                assert legal[own] == expected[event]
        for repeat, steps in ((AS_1, 16), (AS_2, 32)):
            assert legal[repeat] == (len(history) >= steps and bool(expected[history[-steps]]))
        event = int(encoding.meaning[token_id])
        if event < 0:
            steps = 16 if token_id == AS_1 else 32
            event = history[-steps] if len(history) >= steps else NO_EVENT
        history = [] if event == MELODY_START else history if event == MELODY_END else [*history, event]
        twin = decoder.copy()
        assert decoder.feed(token_id) == plain.feed(event) == twin.feed(int(token_id))
        assert (decoder.tick, decoder.sounding) == (plain.tick, plain.sounding)


@BOTH
@given(melodies, st.integers(0, 1000))
def test_the_share_of_a_repeat_goes_to_its_event(
    encoding: RepeatingMelodyEncoding, events: list[int], seed: int
) -> None:
    decoder = encoding.decoder()
    for token_id in encoding.labels([MELODY_START, *events]):
        decoder.feed(token_id)
    logits = np.random.default_rng(seed).normal(0, 2, (2, SIZE)).astype(np.float32)
    before, after = np.exp(logits), np.exp(decoder.merge_synonyms(logits))
    expected = before.copy()
    for repeat, steps in ((AS_1, 16), (AS_2, 32)):
        if len(events) >= steps:
            own = int(np.flatnonzero(encoding.meaning == events[-steps])[0])
            expected[:, own] += before[:, repeat]
            expected[:, repeat] = 0
    assert np.allclose(after, expected, rtol=1e-4)


@BOTH
@given(melodies, st.integers(-6, 5))
def test_transposed_it_is_the_same_melody_higher(
    encoding: RepeatingMelodyEncoding, events: list[int], semitones: int
) -> None:
    plain = np.array([MELODY_START, *events, MELODY_END])
    ids = np.array(encoding.labels(plain), dtype=np.uint16)
    moved = encoding.transpose(ids, semitones)
    assert encoding.events(moved) == MELODY.transpose(plain, semitones).tolist()
    assert moved.dtype == ids.dtype
    assert encoding.ticks(ids).tolist() == MELODY.ticks(plain).tolist()
    assert encoding.pitch_range(ids) == MELODY.pitch_range(plain)


@BOTH
@pytest.mark.parametrize("token", [-1, SIZE])
def test_a_token_out_of_range_is_named(encoding: RepeatingMelodyEncoding, token: int) -> None:
    with pytest.raises(ValueError, match=rf"{encoding.family} token must be in 0\.\.41, got {token}"):
        encoding.decode([token])
    with pytest.raises(ValueError, match=str(token)):
        encoding.label(token)
