"""From music that was played or written to the bars that music begins from."""

from __future__ import annotations

import io

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.errors import InputError
from improv.listening.keyboard import PersonNote
from improv.listening.primer_analysis import BeatNote, of_midi, of_person, primer_of
from improv.midi.reading import MidiMusic, read_music
from improv.music.chord import chord_named, key_named
from improv.music.primer import MOST_BARS, TICKS_PER_BEAT

CHORDS = ("F", "Bb", "C", "F")


def midi(
    bars: int = 8, numerator: int = 4, bpm: float = 90.0, push: float = 0.0, empty: int = 0, changes: bool = False
) -> MidiMusic:
    """F major: bass and chord on the bar line, the scale above. push: beats by which every second note is late, more
    and more. empty: bars before. changes: 3/4 from the fifth bar on.
    """
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm))])
    track.append(mido.MetaMessage("time_signature", numerator=numerator, denominator=4))
    events: list[tuple[int, mido.Message | mido.MetaMessage]] = []
    at = empty * numerator
    for bar in range(bars):
        beats = 3 if changes and bar >= 4 else numerator
        if changes and bar == 4:
            events.append((480 * at, mido.MetaMessage("time_signature", numerator=3, denominator=4)))
        classes = chord_named(CHORDS[bar % 4]).classes
        struck = [(0, 36 + classes[0], beats), *((0, 48 + c % 12, beats) for c in classes)]
        struck += [(beat, 65 + (0, 2, 4, 5, 7, 9, 11)[(bar + beat) % 7], 1) for beat in range(beats)]
        for beat, pitch, length in struck:
            tick = round(480 * (at + beat + push * (bar * numerator + beat) % 1))
            events.append((tick, mido.Message("note_on", note=pitch, velocity=70)))
            events.append((tick + 480 * length - 10, mido.Message("note_off", note=pitch)))
        at += beats
    last = 0
    for tick, message in sorted(events, key=lambda event: (event[0], event[1].type != "note_off")):
        track.append(message.copy(time=tick - last))
        last = tick
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(track)
    written = io.BytesIO()
    file.save(file=written)
    return read_music(written.getvalue())


def test_a_file_s_first_phrase_has_its_key_chords_tempo_metre_and_hands() -> None:
    primer = of_midi("one.mid", midi())
    assert (primer.bars, primer.beats_per_bar, round(primer.tempo_bpm)) == (8, 4.0, 90)
    assert primer.key == key_named("F major")
    lines = [one.chord.name for one in primer.chords if one.tick % primer.bar_ticks == 0]
    assert lines == list(CHORDS) * 2
    assert {note.hand for note in primer.notes if note.pitch < 48} == {0}
    assert {note.hand for note in primer.notes if note.pitch > 64} == {1}


@pytest.mark.parametrize(("bars", "from_bar", "expected"), [(2, 1, 2), (4, 5, 4), (8, 7, 2)])
def test_bars_are_chosen(bars: int, from_bar: int, expected: int) -> None:
    primer = of_midi("one.mid", midi(), bars, from_bar)
    assert primer.bars == expected
    assert primer.chords[0].chord.name == CHORDS[(from_bar - 1) % 4]


def test_empty_bars_before_the_first_note_are_no_beginning() -> None:
    primer = of_midi("one.mid", midi(empty=3))
    assert primer.bars == 8
    assert primer.notes[0].tick == 0


def test_bars_of_another_length_are_left_out() -> None:
    primer = of_midi("one.mid", midi(changes=True))
    assert (primer.bars, primer.beats_per_bar) == (4, 4.0)
    primer = of_midi("one.mid", midi(changes=True), from_bar=5)
    assert (primer.bars, primer.beats_per_bar) == (4, 3.0)


def test_a_performance_off_the_file_s_beats_is_heard_by_ear() -> None:
    steady = midi(bpm=120)
    off = [note._replace(onset=round(note.onset * 0.77), end=round(note.end * 0.77)) for note in steady.notes]
    primer = of_midi("free.mid", MidiMusic(**{**steady.__dict__, "notes": tuple(off)}))
    tempi = [120 / 0.77 * times for times in (0.5, 1, 2)]
    assert min(abs(np.log(primer.tempo_bpm / bpm)) for bpm in tempi) < 0.03
    assert primer.key == key_named("F major")


@pytest.mark.parametrize(
    ("from_bar", "sentence"),
    [(9, "one.mid has 8 bars, there is no bar 9"), (100_000, "there is no bar 100000")],
)
def test_a_bar_that_is_not_there_is_named(from_bar: int, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        of_midi("one.mid", midi(), 8, from_bar)


def person(bars: int, beat_s: float = 0.6, jitter_s: float = 0.012, start_s: float = 50.0) -> list[PersonNote]:
    rng = np.random.default_rng(3)
    notes = []
    for bar in range(bars):
        classes = chord_named(CHORDS[bar % 4]).classes
        for beat in range(4):
            at_s = start_s + (4 * bar + beat) * beat_s + float(rng.normal(0, jitter_s))
            notes.append(PersonNote(65 + (0, 2, 4, 5, 7, 9, 11)[(bar + beat) % 7], 80, at_s, at_s + 0.9 * beat_s))
            if beat == 0:
                notes += [PersonNote(48 + c % 12, 70, at_s + 0.003, at_s + 3 * beat_s) for c in classes]
    return sorted(notes, key=lambda note: note.on_s)


def test_what_a_person_played_lies_on_their_beat() -> None:
    primer = of_person("what you played", person(6), None, bars=4)
    assert primer.bars == 4
    assert primer.tempo_bpm == pytest.approx(100, rel=0.02)
    assert primer.key == key_named("F major")
    melody = [note.tick for note in primer.notes if note.pitch >= 65]
    assert [tick % TICKS_PER_BEAT for tick in melody] == [0] * len(melody)


def test_too_few_notes_are_refused_in_a_sentence() -> None:
    with pytest.raises(InputError, match="what you played: 2 notes are too few to begin from"):
        of_person("what you played", person(1)[:2], None)


notes_anywhere = st.lists(
    st.builds(
        BeatNote,
        st.floats(0, 40, allow_nan=False),
        st.floats(0, 30, allow_nan=False),
        st.integers(0, 127),
        st.integers(1, 127),
        st.sampled_from((-1, 0, 1)),
    ),
    min_size=1,
    max_size=60,
)


@given(notes_anywhere, st.sampled_from((1.5, 2.0, 3.0, 4.0)), st.booleans(), st.integers(1, MOST_BARS))
def test_whatever_was_played_bars_are_whole(notes: list[BeatNote], beats: float, last: bool, bars: int) -> None:
    lines = [beats * bar for bar in range(int(44 / beats) + 2)]
    if not any(21 <= note.pitch <= 108 for note in notes):
        with pytest.raises(InputError, match="no notes of the piano"):
            primer_of("something", sorted(notes), lines, 100.0, last=last, bars=bars)
        return
    primer = primer_of("something", sorted(notes), lines, 100.0, last=last, bars=bars)
    assert 1 <= primer.bars <= bars
    assert list(primer.notes) == sorted(primer.notes)
    assert all(0 <= note.tick < note.tick + note.ticks <= primer.ticks for note in primer.notes)
    assert {bar * primer.bar_ticks for bar in range(primer.bars)} <= {one.tick for one in primer.chords}
    assert len({(note.tick, note.pitch) for note in primer.notes}) == len(primer.notes)
