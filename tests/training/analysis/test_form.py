"""Cadences, phrases and sections of small pieces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.model.plan_inputs import CADENCES
from tests.training.analysis.tunes import Row, block, moved, of_rows
from training.analysis import TimeSignature, analyse

TONIC, V, VI = (48, 64, 67, 72), (43, 67, 71, 74), (45, 64, 69, 72)
IV, II6, V7 = (53, 65, 69, 72), (53, 65, 69, 74), (43, 65, 71, 74)
NOTES = st.lists(
    st.tuples(st.integers(0, 40 * 12), st.integers(1, 48), st.integers(36, 84), st.integers(0, 1)),
    min_size=1,
    max_size=60,
)


def _progression(*chords: tuple[int, ...]) -> list[Row]:
    """Each chord for two beats, struck twice but for the last of every eight, which lasts."""
    rows: list[Row] = []
    for number, chord in enumerate(chords):
        if number % 8 == 7:
            rows += block(2 * number, 2, *chord)
        else:
            rows += [*block(2 * number, 1, *chord), *block(2 * number + 1, 1, *chord)]
    return rows


ANTECEDENT = _progression(TONIC, TONIC, IV, TONIC, TONIC, TONIC, II6, V)
CONSEQUENT = _progression(TONIC, TONIC, IV, TONIC, II6, V7, V7, TONIC)
MIDDLE = moved(_progression(VI, VI, VI, V, IV, IV, V7, V7), -12)


def _cadence(*last: tuple[int, ...]) -> str:
    found = analyse(of_rows(_progression(TONIC, TONIC, IV, TONIC, TONIC, TONIC, *last)))
    return CADENCES[found.cadences.kind[3]]


@pytest.mark.parametrize(
    ("close", "expected"),
    [
        ((V7, TONIC), "authentic"),
        ((V, TONIC), "authentic"),
        ((II6, V), "half"),
        ((V, VI), "other"),
        ((IV, TONIC), "other"),
        ((TONIC, TONIC), "none"),
    ],
)
def test_a_cadence_is_named_by_its_last_two_chords(close: tuple[tuple[int, ...], ...], expected: str) -> None:
    assert _cadence(*close) == expected


def test_a_tonic_that_never_stands_on_its_root_is_no_authentic_cadence() -> None:
    assert _cadence(V7, (52, 67, 72, 76)) == "none"


def test_a_period_has_two_phrases_with_a_half_and_an_authentic_cadence() -> None:
    found = analyse(of_rows([*ANTECEDENT, *moved(CONSEQUENT, beats=16)])).phrases
    assert found.bar.tolist() == [0, 4]
    assert found.since.tolist() == [0, 1, 2, 3] * 2
    assert found.left.tolist() == [3, 2, 1, 0] * 2
    assert [CADENCES[kind] for kind in found.cadence] == ["half"] * 4 + ["authentic"] * 4


def test_phrases_of_a_piece_with_a_pickup_begin_on_its_bars() -> None:
    rows: list[Row] = [(0, 1, 67, 0), *moved(ANTECEDENT, beats=1), *moved(CONSEQUENT, beats=17)]
    found = analyse(of_rows(rows, (TimeSignature(0, 1, 4), TimeSignature(1, 4, 4))))
    assert found.bars.lead.tolist() == [36] + [0] * 8
    assert found.phrases.bar.tolist() == [0, 5]
    assert found.phrases.left.tolist() == [4, 3, 2, 1, 0, 3, 2, 1, 0]


def test_form_tells_what_comes_back() -> None:
    period = [*ANTECEDENT, *moved(CONSEQUENT, beats=16)]
    middle = [*MIDDLE, *moved(MIDDLE, 2, 16)]
    found = analyse(of_rows([*period, *moved(middle, beats=32), *moved(period, beats=64)]))
    assert found.phrases.bar.tolist()[::2] == [0, 8, 16]
    assert found.sections.form == "A B A"
    letters = found.sections.phrase_letter.tolist()
    assert letters[:2] == letters[4:]
    assert not found.sections.phrase_varied[4:].any()


@given(NOTES)
def test_phrases_cover_every_piece_and_sections_its_phrases(ticks: list[tuple[int, int, int, int]]) -> None:
    rows = [(onset / 12, length / 12, pitch, track) for onset, length, pitch, track in ticks]
    found = analyse(of_rows(rows))
    phrases, sections, count = found.phrases, found.sections, len(found.bars)
    assert phrases.bar[0] == sections.phrase[0] == 0
    assert (np.diff(phrases.bar) > 0).all()
    assert (np.diff(sections.phrase) > 0).all()
    assert ((phrases.since >= 0) & (phrases.left >= 0)).all()
    sizes = np.diff(np.append(phrases.bar, count))
    assert (phrases.since + phrases.left + 1 == sizes[phrases.phrase]).all()
    for letters in (sections.phrase_letter, sections.letter):
        assert letters[0] == 0
        assert (np.maximum.accumulate(letters)[1:] - np.maximum.accumulate(letters)[:-1] <= 1).all()


@pytest.mark.parametrize("semitones", [-12, -5, 1, 6])
def test_form_does_not_depend_on_the_pitch(semitones: int) -> None:
    rows = [*ANTECEDENT, *moved(CONSEQUENT, beats=16), *moved(MIDDLE, beats=32), *moved(ANTECEDENT, beats=48)]
    here, there = (analyse(of_rows(moved(rows, shift))) for shift in (0, semitones))
    assert here.bars.start.tolist() == there.bars.start.tolist()
    assert here.cadences.kind.tolist() == there.cadences.kind.tolist()
    assert here.phrases.bar.tolist() == there.phrases.bar.tolist()
    assert here.sections.form == there.sections.form
