"""Tonal transposition: by steps of the scale."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.music.chord import MINOR_KEYS, QUALITIES, TONES, Chord, chord_named, scale_classes
from improv.music.sequence import Tonal, steps_of

C_MAJOR, G_MAJOR, C_MINOR = 0, 7, MINOR_KEYS
KEYS = st.integers(0, 23)
STEPS = st.integers(-7, 7)
CHORDS = st.builds(
    lambda root, quality, tone: Chord(root, quality, (root + TONES[quality][tone % len(TONES[quality])]) % 12),
    st.integers(0, 11),
    st.integers(0, len(QUALITIES) - 1),
    st.integers(0, 3),
)


def test_a_scale_moves_along_itself() -> None:
    up = Tonal(C_MAJOR, C_MAJOR, 1)
    assert [up.pitch(p) for p in (60, 62, 64, 65, 67, 69, 71)] == [62, 64, 65, 67, 69, 71, 72]
    assert Tonal(C_MAJOR, C_MAJOR, -1).pitch(60) == 59


def test_what_is_foreign_to_the_scale_stays_so_far_above_it() -> None:
    assert Tonal(C_MAJOR, C_MAJOR, 1).pitch(61) == 63


@pytest.mark.parametrize(
    ("tonal", "name", "moved"),
    [
        (Tonal(C_MAJOR, C_MAJOR, 1), "C", "Dm"),
        (Tonal(C_MAJOR, C_MAJOR, 1), "F/A", "G/B"),
        (Tonal(C_MAJOR, C_MAJOR, -1), "Dm7", "Cmaj7"),
        (Tonal(C_MAJOR, G_MAJOR), "G7", "D7"),
        (Tonal(C_MAJOR, C_MINOR), "F", "Fm"),
    ],
)
def test_chords_become_those_of_the_key(tonal: Tonal, name: str, moved: str) -> None:
    assert tonal.chord(chord_named(name)).name == moved


@given(key=KEYS, steps=STEPS, pitch=st.integers(30, 100))
def test_tones_of_a_key_stay_in_it_and_come_back(key: int, steps: int, pitch: int) -> None:
    moved = Tonal(key, key, steps).pitch(pitch)
    if pitch % 12 in scale_classes(key):
        assert moved % 12 in scale_classes(key)
        assert Tonal(key, key, -steps).pitch(moved) == pitch


@given(here=KEYS, there=KEYS, steps=STEPS, first=st.integers(30, 100), second=st.integers(30, 100))
def test_higher_stays_as_high(here: int, there: int, steps: int, first: int, second: int) -> None:
    tonal = Tonal(here, there, steps)
    if first <= second and {first % 12, second % 12} <= set(scale_classes(here)):
        assert tonal.pitch(first) <= tonal.pitch(second)


@given(here=KEYS, there=KEYS, steps=STEPS, chord=CHORDS)
def test_a_chord_is_always_one_over_a_tone_of_its_own(here: int, there: int, steps: int, chord: Chord) -> None:
    moved = Tonal(here, there, steps).chord(chord)
    assert 0 <= moved.root < 12
    assert moved.bass in moved.classes


def test_semitones_are_about_so_many_steps() -> None:
    assert [steps_of(s) for s in (-7, -5, -2, -1, 1, 2, 3, 4, 5, 7)] == [-4, -3, -1, -1, 1, 1, 2, 2, 3, 4]
