"""The chords that go with a melody: foreseen, and turned as soon as it tells otherwise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from improv.listening.beat import Beat
from improv.listening.influence import Change, Influence
from improv.listening.keyboard import PersonNote
from improv.listening.melody_chord import MelodyChords, bar_line
from improv.music.chord import chord_named
from improv.plan.corpus_counts import corpus_counts, roots_follow, roots_of

BEAT = Beat(120.0, 10.0, 1.0)
C_MAJOR = (1.0, *[0.0] * 23)


def notes(pitches: Sequence[int], start_s: float = 10.0) -> list[PersonNote]:
    return [PersonNote(p, 70, start_s + 0.5 * at, start_s + 0.5 * at + 0.45) for at, p in enumerate(pitches)]


def test_the_chord_turns_with_the_first_note_of_a_bar_that_tells_otherwise() -> None:
    chords = MelodyChords(roots_follow())
    tune = notes([60, 64, 67, 64])
    chords.look(C_MAJOR, tune, BEAT, 4, 11.95)
    assert chords.chord == chord_named("C")
    tune += notes([71, 74], 12.0)
    chords.look(C_MAJOR, tune, BEAT, 4, 12.3)
    assert chords.chord is not None
    assert 11 in chords.chord.classes
    chords.look(C_MAJOR, tune, BEAT, 4, 12.9)
    assert chords.chord == chord_named("G")


def test_after_the_dominant_the_tonic_is_foreseen() -> None:
    chords = MelodyChords(roots_follow())
    chords.look(C_MAJOR, notes([67, 71, 74, 71]), BEAT, 4, 11.9)
    assert chords.chord == chord_named("G")
    assert chords.following == chord_named("C")


def test_nothing_is_said_without_a_key() -> None:
    chords = MelodyChords(roots_follow())
    chords.look((), notes([60, 64]), BEAT, 4, 11.0)
    assert chords.chord is None
    assert chords.following is None


def test_before_the_key_is_sure_it_is_a_chord_of_those_that_it_may_be() -> None:
    chords = MelodyChords(roots_follow())
    c_or_g = (0.5, *[0.0] * 6, 0.5, *[0.0] * 16)
    chords.look(c_or_g, notes([62, 67, 71, 67]), BEAT, 4, 11.9)
    assert chords.chord == chord_named("G")


def test_a_beat_that_was_elsewhere_is_followed_back() -> None:
    chords = MelodyChords(roots_follow())
    chords.look(C_MAJOR, notes([60, 64, 67, 64]), BEAT._replace(at_s=19.0), 4, 19.1)
    chords.look(C_MAJOR, notes([67, 71, 74, 71], 12.0), BEAT, 4, 13.9)
    assert chords.chord == chord_named("G")


@pytest.mark.parametrize("beat_in_bar", range(4))
def test_bars_begin_on_their_downbeat_and_a_little_early(beat_in_bar: int) -> None:
    beat = BEAT._replace(beat_in_bar=beat_in_bar)
    line_s = bar_line(beat, 4, 20.0)
    assert line_s <= 20.0 + 0.05
    assert 20.0 - line_s < 2.0
    assert ((line_s - 10.0) / 0.5 + beat_in_bar) % 4 == pytest.approx(0)
    assert bar_line(beat, 4, line_s - 0.03) == pytest.approx(line_s)


def test_a_step_after_the_change_is_asked_for_the_new_chord() -> None:
    c, f = chord_named("C"), chord_named("F")
    asked = Influence(chord=frozenset(c.classes), harmony=c, change=Change(48, f))
    assert asked.at(47) is asked
    later = asked.at(48)
    assert (later.harmony, later.chord, later.change) == (f, frozenset(f.classes), None)


def test_the_roots_are_those_of_everybodys_counts() -> None:
    np.testing.assert_allclose(roots_follow(), roots_of(corpus_counts()), rtol=1e-9)


def test_roots_follow_as_people_let_them() -> None:
    for table in roots_follow():
        assert table.shape == (12, 12)
        assert table.sum(axis=1) == pytest.approx(1)
        assert table[7, 0] > table[7, 2]  # the dominant goes home
