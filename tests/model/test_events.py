"""The event vocabularies, `performance` and `pianist`, against the published facts and against any input at all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.model.vocabulary import Constraints, Encoding, Extras, PerformanceEncoding, PianistEncoding
from improv.model.vocabulary.event_decoder import MAX_KEYS_DOWN
from improv.model.vocabulary.performance import PUBLISHED_CLASSES
from improv.music.note import HIGHEST_PIANO_PITCH, LOWEST_PIANO_PITCH, Note

PERFORMANCE, PIANIST = PerformanceEncoding(), PianistEncoding()
BOTH = pytest.mark.parametrize("encoding", [PERFORMANCE, PIANIST], ids=["performance", "pianist"])
C_MAJOR = (0, 4, 7)


@st.composite
def tunes(draw: st.DrawFn) -> list[Note]:
    """Notes of which no two on one key overlap; they may touch."""
    notes = []
    for pitch in draw(st.sets(st.integers(21, 108), max_size=6)):
        tick = 0
        for gap, duration in draw(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 150)), max_size=5)):
            notes.append(Note(tick + gap, pitch, duration, draw(st.integers(1, 127))))
            tick += gap + duration
    return sorted(notes)


def names(encoding: Encoding, ids: list[int]) -> list[str]:
    return [encoding.label(token_id) for token_id in ids]


def test_the_published_classes_of_performance() -> None:
    labels = [PERFORMANCE.label(i) for i in (0, 127, 128, 255, 256, 355, 356, 387)]
    assert labels == [
        *("NOTE_ON 0", "NOTE_ON 127", "NOTE_OFF 0", "NOTE_OFF 127"),
        *("TIME_SHIFT 1", "TIME_SHIFT 100", "VELOCITY 1", "VELOCITY 32"),
    ]
    assert PUBLISHED_CLASSES == 388
    assert [PERFORMANCE.label(i) for i in range(PUBLISHED_CLASSES, PERFORMANCE.size)] == ["START", "END"]
    assert PERFORMANCE.fingerprint == "e6c9f6676b6bb654"  # models in the world carry it: a change makes them useless


def test_a_performance_by_hand() -> None:
    notes = [Note(0, 60, 50, 100), Note(0, 64, 250, 100), Note(50, 60, 200, 33)]
    # bin of 100 is 99 // 4 + 1 = 25, of 33 it is 9; ends come before beginnings, in the order of their beginnings.
    assert PERFORMANCE.encode(notes) == [
        *(388, 355 + 25, 60, 64, 255 + 50),
        *(128 + 60, 355 + 9, 60, 255 + 100, 255 + 100),
        *(128 + 64, 128 + 60, 389),
    ]


def test_what_performance_does_with_odd_streams() -> None:
    assert PERFORMANCE.decode([388, 128 + 60, 256, 389]) == [], "an end without a beginning"
    assert PERFORMANCE.decode([388, 60, 128 + 60, 256]) == [], "a note of no length"
    assert PERFORMANCE.decode([388, 60, 256 + 9]) == [Note(0, 60, 10, 100)], "one that is left open ends at the end"
    assert PERFORMANCE.decode([388, 60, *[355] * 8]) == [Note(0, 60, 500, 100)], "nothing lasts longer than 5 s"


def test_the_classes_of_pianist() -> None:
    assert PIANIST.size == 2 + 24 + 2 * 88 + 16 + 25 + 2
    ids = (0, 1, 2, 25, 26, 113, 114, 202, 218, 230, 243, 244)
    assert names(PIANIST, list(ids)) == [
        *("START", "END", "TIME_SHIFT 1", "TIME_SHIFT 24", "NOTE_ON 21", "NOTE_ON 108", "NOTE_OFF 21"),
        *("VELOCITY 1", "TEMPO -12", "TEMPO 0", "PEDAL_UP", "PEDAL_DOWN"),
    ]
    assert PIANIST.fingerprint == "22a1992a257d2583"  # models in the world carry it


def test_a_bar_of_the_pianist_by_hand() -> None:
    notes = [Note(0, 48, 24, 50), Note(0, 72, 12, 90), Note(12, 72, 36, 90)]
    extras = Extras(pedals=((2, 24),), tempi=((0, 1.0), (24, 2 ** (-3 / 16)), (48, 0.1)))
    assert names(PIANIST, PIANIST.encode(notes, 72, extras)) == [
        *("START", "VELOCITY 7", "NOTE_ON 48", "VELOCITY 12", "NOTE_ON 72", "TIME_SHIFT 2", "PEDAL_DOWN"),
        *("TIME_SHIFT 10", "NOTE_OFF 72", "NOTE_ON 72", "TIME_SHIFT 12"),
        *("PEDAL_UP", "TEMPO -3", "NOTE_OFF 48", "TIME_SHIFT 24"),
        *("TEMPO -12", "NOTE_OFF 72", "TIME_SHIFT 24", "END"),
    ]


def test_the_pedal_lets_notes_sound_on() -> None:
    notes = [Note(0, 60, 6, 61), Note(6, 64, 6, 61), Note(30, 60, 6, 61)]
    ids = PIANIST.encode(notes, 60, Extras(pedals=((3, 24), (28, 48))))
    assert PIANIST.decode(ids) == [Note(0, 60, 24, 61), Note(6, 64, 18, 61), Note(30, 60, 18, 61)]
    again = PIANIST.encode([Note(0, 60, 6, 61), Note(12, 60, 6, 61)], 30, Extras(pedals=((0, 24),)))
    assert PIANIST.decode(again) == [Note(0, 60, 12, 61), Note(12, 60, 12, 61)], "a new stroke ends the old one"


def test_the_stream_tells_velocities_lengths_and_tempo() -> None:
    decoder = PIANIST.decoder()
    ids = PIANIST.encode([Note(0, 60, 30, 20), Note(0, 67, 30, 99)], 48, Extras(tempi=((24, 2.0**-0.25),)))
    first, second, _, last = (step for token_id in ids if (step := decoder.feed(token_id)))
    assert (first.started, first.velocities, first.ticks, first.tempo) == ((67, 60), (101, 21), 24, 1.0)
    assert (second.tick, second.started, second.ticks) == (24, (), 6)
    assert second.tempo == pytest.approx(2**-0.25)
    assert last.last


@BOTH
@given(notes=tunes())
def test_decoding_gives_back_what_was_encoded(encoding: Encoding, notes: list[Note]) -> None:
    def as_coded(velocity: int) -> int:
        if encoding is PERFORMANCE:
            return 1 + 4 * ((velocity - 1) // 4)
        return 5 + 8 * ((velocity - 1) // 8)

    ids = encoding.encode(notes)
    assert all(0 <= i < encoding.size for i in ids)
    assert encoding.decode(ids) == [Note(n.onset, n.pitch, n.duration, as_coded(n.velocity)) for n in notes]
    ticks = encoding.ticks(np.array(ids))
    assert ticks[-1] == max((note.end for note in notes), default=0)
    assert {int(t) for i, t in zip(ids, ticks, strict=True) if encoding.starts_note(i)} == {n.onset for n in notes}


@BOTH
@given(data=st.data())
def test_anything_can_be_decoded_and_nothing_hangs(encoding: Encoding, data: st.DataObject) -> None:
    ids = data.draw(st.lists(st.integers(0, encoding.size - 1), max_size=150))
    end = int(encoding.ticks(np.array([*ids, encoding.end_id]))[-1])
    for note in encoding.decode(ids):
        assert 0 <= note.onset < note.end <= end
    decoder, sounding = encoding.decoder(), []
    for token in [*ids, encoding.end_id]:
        assert decoder.legal().any()
        if (step := decoder.feed(token)) is None:
            continue
        assert len(step.velocities) == len(step.started)
        assert all(1 <= velocity <= 127 for velocity in step.velocities)
        for pitch in step.ended:
            sounding.remove(pitch)  # ValueError: ended what did not sound
        sounding += step.started
        assert tuple(sorted(sounding, reverse=True)) == decoder.sounding
    assert sounding == []


@BOTH
def test_a_key_that_is_struck_twice_in_a_tick_and_let_go_once_sounds_once(encoding: Encoding) -> None:
    labels = [encoding.label(token) for token in range(encoding.size)]
    ids = [labels.index(name) for name in ("NOTE_ON 60", "NOTE_ON 60", "NOTE_OFF 60", "TIME_SHIFT 1")]
    assert [note.pitch for note in encoding.decode(ids)] == [60]


@BOTH
@pytest.mark.parametrize("token", [-1, 1000])
def test_a_token_out_of_range_is_named(encoding: Encoding, token: int) -> None:
    with pytest.raises(ValueError, match=rf"0\.\.{encoding.size - 1}, got {token}"):
        encoding.decode([token])
    with pytest.raises(ValueError, match=str(token)):
        encoding.label(token)


constraint_sets = st.sampled_from(
    [
        Constraints(),
        Constraints(must_start=True),
        Constraints(may_end=False),
        Constraints(final_chord=C_MAJOR, may_end=False),
        Constraints(hold=True),
    ]
)


@BOTH
@given(choices=st.lists(st.tuples(st.floats(0, 1), constraint_sets), max_size=250))
def test_the_grammar_never_leads_into_a_dead_end(encoding: Encoding, choices: list[tuple[float, Constraints]]) -> None:
    decoder, down, here = encoding.decoder(), set[int](), list[int]()
    for choice, constraints in choices:
        legal = np.flatnonzero(decoder.legal(constraints))
        assert legal.size
        token = int(legal[min(int(choice * legal.size), legal.size - 1)])
        kind, _, value = encoding.label(token).partition(" ")
        if kind == "NOTE_ON":
            assert int(value) not in down, "a key that is down cannot be struck"
            assert here == [] or int(value) > here[-1], "upward within a tick"
            assert LOWEST_PIANO_PITCH <= int(value) <= HIGHEST_PIANO_PITCH
            down.add(int(value))
            here.append(int(value))
        elif kind == "NOTE_OFF":
            down.remove(int(value))
        elif kind in ("TIME_SHIFT", "END"):
            here = []
            down = set() if kind == "END" else down
        assert len(down) <= MAX_KEYS_DOWN
        decoder.feed(token)


@BOTH
def test_what_the_moment_asks_for(encoding: Encoding) -> None:
    decoder = encoding.decoder()
    decoder.feed(encoding.start_id)
    assert not decoder.legal(Constraints(must_start=True))[encoding.shifts].any()
    decoder.feed(encoding.begins(61))
    assert decoder.legal(Constraints(must_start=True))[encoding.shifts].all()
    decoder.feed(encoding.shifts.start)
    assert np.flatnonzero(decoder.legal(Constraints(too_long=(61,)))).size == 1, "what is too long ends first"
    assert not decoder.legal(Constraints(may_end=False))[encoding.end_id]
    assert decoder.legal()[encoding.end_id]
    assert set(np.flatnonzero(decoder.legal(Constraints(hold=True)))) == set(
        range(encoding.shifts.start, encoding.shifts.stop)
    )


@BOTH
@given(seed=st.integers(0, 10**6))
def test_the_last_chord_is_the_tonic_triad_over_its_tonic(encoding: Encoding, seed: int) -> None:
    rng = np.random.default_rng(seed)
    decoder = encoding.decoder()
    for token_id in (encoding.start_id, encoding.begins(61), encoding.begins(66), encoding.shifts.start):
        decoder.feed(token_id)
    while True:
        token_id = int(rng.choice(np.flatnonzero(decoder.legal(Constraints(final_chord=C_MAJOR, may_end=False)))))
        if step := decoder.feed(token_id):
            break
    assert set(step.ended) == {61, 66}
    assert len(step.started) >= 3
    assert step.started[-1] % 12 == 0
    assert {pitch % 12 for pitch in step.started} <= set(C_MAJOR)


@BOTH
@given(notes=tunes(), semitones=st.integers(-6, 5))
def test_transposing(encoding: Encoding, notes: list[Note], semitones: int) -> None:
    ids = np.array(encoding.encode(notes))
    low, high = encoding.pitch_range(ids)
    assert (low, high) == (min((n.pitch for n in notes), default=127), max((n.pitch for n in notes), default=0))
    if notes and low + semitones >= 21 and high + semitones <= 108:
        moved = [Note(n.onset, n.pitch + semitones, n.duration, n.velocity) for n in notes]
        assert encoding.transpose(ids, semitones).tolist() == encoding.encode(moved)


def test_keys_beyond_the_piano_come_back_by_octaves() -> None:
    assert [n.pitch for n in PIANIST.decode(PIANIST.encode([Note(0, 12, 5), Note(0, 127, 5)]))] == [24, 103]
    with pytest.raises(ValueError, match=r"pianist: NOTE_ON must be in 21\.\.108, got 20"):
        PIANIST.begins(20)


@BOTH
@given(data=st.data())
def test_a_copy_goes_its_own_way(encoding: Encoding, data: st.DataObject) -> None:
    tokens = st.lists(st.integers(0, encoding.size - 1), max_size=30)
    decoder = encoding.decoder()
    for token in data.draw(tokens):
        decoder.feed(token)
    before, rest = decoder.copy(), data.draw(tokens)
    for token in rest:
        decoder.feed(token)
    after = [before.feed(token) for token in rest]
    assert before.sounding == decoder.sounding
    assert len(after) == len(rest)
