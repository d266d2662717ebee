"""Key, chords, phrases, reach and form: from words of every frontend to the controlled state."""

from __future__ import annotations

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.control.chord_keys import LONGEST_KEY_S, ChordKeys
from improv.control.command_table import COMMANDS
from improv.control.commands import SetChord, SetChords, SetForm, SetKey, SetPhraseBars, SetReach
from improv.control.midi_map import MidiMap
from improv.control.parse import parse
from improv.control.state import apply
from improv.errors import CommandError
from improv.music.chord import KEY_NAMES, QUALITIES, Chord, chord_named, chord_of, key_named
from improv.music.lead_sheet import checked_loop, parse_loop
from tests.fakes import controls

AM = chord_named("Am")


@pytest.mark.parametrize(
    ("message", "command"),
    [
        ({"command": "key", "name": "D minor"}, SetKey(14)),
        ({"command": "key", "name": " f#m "}, SetKey(18)),
        ({"command": "key", "name": "Auto"}, SetKey(None)),
        ({"command": "key", "name": None}, SetKey(None)),
        ({"command": "chords", "loop": "Am  F | C G"}, SetChords("Am F | C G")),
        ({"command": "chords", "loop": "off"}, SetChords("")),
        ({"command": "chords", "loop": ""}, SetChords("")),
        ({"command": "chord", "name": "Am"}, SetChord(AM)),
        ({"command": "chord", "name": None}, SetChord(None)),
        ({"command": "phrase_bars", "bars": 4.0}, SetPhraseBars(4)),
        ({"command": "phrase_bars", "bars": 0}, SetPhraseBars(None)),
        ({"command": "phrase_bars", "bars": "auto"}, SetPhraseBars(None)),
        ({"command": "reach", "fifths": 0}, SetReach(0)),
        ({"command": "reach", "fifths": -1}, SetReach(None)),
        ({"command": "reach", "fifths": None}, SetReach(None)),
        ({"command": "form", "state": "off"}, SetForm(on=False)),
    ],
)
def test_messages_become_commands(message: dict[str, object], command: object) -> None:
    found = parse(message)
    assert type(found) is type(command)
    assert found == command


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ({"command": "key", "name": "H minor"}, "key 'H minor' must begin with a note, A to G"),
        ({"command": "key", "name": "D dorian"}, "key 'D dorian': a note is followed by major or minor, as in D minor"),
        ({"command": "key", "name": 3}, r"key: name must be a text of at most 1000 signs, such as D minor.* \(got 3\)"),
        ({"command": "key", "name": "C" * 2000}, r"C\.\.\.\)$"),
        ({"command": "chords", "loop": "Am X"}, "chords, bar 2: chord 'X' must begin with a note"),
        ({"command": "chords", "loop": ". F"}, "a point goes on with the chord before it"),
        ({"command": "phrase_bars", "bars": 17}, r"bars must be a whole number 0..16 bars or auto, null \(got 17\)"),
        ({"command": "phrase_bars", "bars": 2.5}, r"\(got 2.5\)"),
        ({"command": "phrase_bars", "bars": float("inf")}, r"\(got inf\)"),
        ({"command": "reach", "fifths": 7}, "a whole number -1..6 fifths or auto, null"),
        ({"command": "form", "state": True}, "form: state must be one of on, off"),
    ],
)
def test_what_is_wrong_is_said(message: dict[str, object], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        parse(message)


def test_every_key_is_read_as_it_is_shown() -> None:
    assert [key_named(name) for name in KEY_NAMES] == list(range(24))
    assert [key_named(name.replace(" minor", "m").replace(" major", "")) for name in KEY_NAMES] == list(range(24))


@given(st.integers(0, 11), st.integers(0, len(QUALITIES) - 1), st.integers(0, 23))
def test_a_chord_is_read_as_it_is_spelled_in_any_key(root: int, quality: int, key: int) -> None:
    chord = Chord(root, quality, root)
    assert chord_named(chord.name_in(key)) == chord
    assert parse_loop(checked_loop(f" {chord.name_in(key)}  . ")) == ((chord,), (chord,))


@given(st.integers(0, 11), st.integers(0, len(QUALITIES) - 1), st.data())
def test_the_keys_of_a_chord_are_that_chord(root: int, quality: int, data: st.DataObject) -> None:
    chord = Chord(root, quality, root)
    low = 48 + root
    above = [low + (c - root) % 12 + 12 * data.draw(st.integers(0, 2)) for c in chord.classes]
    found = chord_of([low, *above])
    assert found is not None
    assert set(found.classes) == set(chord.classes)
    assert found.bass == root
    assert found == chord  # in root position


def test_a_chord_and_a_loop_take_each_others_place_and_reset_gives_all_back() -> None:
    fresh = controls()
    state = apply(fresh, SetChords("Am F"), 0.0)
    state = apply(state, SetChord(AM), 0.0)
    assert (state.chords, state.chord) == ("", AM)
    state = apply(state, SetChords("C"), 0.0)
    assert (state.chords, state.chord) == ("C", None)
    for command in (SetKey(3), SetPhraseBars(4), SetReach(1), SetForm(on=False)):
        state = apply(state, command, 0.0)
    assert (state.key, state.phrase_bars, state.reach_fifths, state.form) == (3, 4, 1, False)
    assert apply(state, parse({"command": "reset"}), 0.0, fresh) == fresh


@pytest.mark.parametrize(
    ("action", "value", "command"),
    [
        ("key", 0, SetKey(None)),
        ("key", 6, SetKey(0)),
        ("key", 127, SetKey(23)),
        ("chords_off", 127, SetChords("")),
        ("chords_off", 0, None),
        ("phrase_bars", 0, SetPhraseBars(None)),
        ("phrase_bars", 1, SetPhraseBars(1)),
        ("phrase_bars", 127, SetPhraseBars(16)),
        ("reach", 0, SetReach(None)),
        ("reach", 127, SetReach(6)),
        ("form", 10, SetForm(on=False)),
        ("form", 64, SetForm(on=True)),
    ],
)
def test_knobs_and_pedals(action: str, value: int, command: object) -> None:
    message = mido.Message("control_change", control=9, value=value)
    assert MidiMap({9: action}, {}).command(message) == command


@pytest.mark.parametrize("action", [name for row in COMMANDS.values() for name in row.midi])
def test_every_value_of_every_knob_is_a_command_or_nothing(action: str) -> None:
    for value in range(128):
        MidiMap({9: action}, {}).command(mido.Message("control_change", control=9, value=value))


def test_held_keys_name_a_chord_as_they_go_down() -> None:
    keys, now_s = ChordKeys(), [100.0]

    def down(*pitches: int) -> list[object]:
        return [keys.hear(mido.Message("note_on", note=pitch, velocity=64), now_s[0]) for pitch in pitches]

    def up(*pitches: int) -> list[object]:
        return [keys.hear(mido.Message("note_off", note=pitch), now_s[0]) for pitch in pitches]

    assert down(48, 52, 55) == [None, None, SetChord(chord_named("C"))]
    assert down(59) == [SetChord(chord_named("Cmaj7"))]
    assert up(48, 52, 55, 59) == [None] * 4  # E G B is no Em: the hand leaves
    assert down(50, 51, 52) == [None] * 3  # no chord
    keys.hear(mido.Message("control_change", control=123, value=0), now_s[0])
    assert down(45, 48, 52)[-1] == SetChord(AM)
    keys.clear()
    assert down(57) == [None]
    now_s[0] += LONGEST_KEY_S + 1  # its end was lost
    assert down(48, 52, 55) == [None, None, SetChord(chord_named("C"))]
