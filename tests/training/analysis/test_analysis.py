"""Hands, bars, keys, chords and references of small pieces that everybody would read alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from tests.training.analysis.tunes import Row, alberti, block, cadence_in_c, moved, of_rows
from training.analysis import TimeSignature, analyse, chords, keys, music
from training.analysis.chords import QUALITIES
from training.analysis.hands import LEFT, RIGHT, guess, hands
from training.analysis.metre import bars
from training.analysis.music import signature_of
from training.analysis.references import NO_BAR
from training.analysis.slots import Slots, slots

Ticks = tuple[int, int, int, int]
GRID = st.integers(0, 32 * 12 - 1)
NOTES = st.lists(st.tuples(GRID, st.integers(1, 48), st.integers(36, 84), st.integers(0, 1)), min_size=1, max_size=60)


def _rows(ticks: list[Ticks]) -> list[Row]:
    return [(onset / 12, length / 12, pitch, track) for onset, length, pitch, track in ticks]


def _slots(rows: list[Row]) -> Slots:
    piece = of_rows(rows)
    return slots(piece, bars(piece))


@pytest.mark.parametrize(
    ("names", "source"),
    [
        (("Piano right", "Piano left"), "names"),
        (("upper:", "lower:"), "names"),
        (("md:", "mg:"), "names"),
        (("one:", "two:"), "staves"),
        (("", ""), "staves"),
    ],
)
def test_hands_come_from_names_before_staves(names: tuple[str, ...], source: str) -> None:
    found = hands(of_rows([*alberti(0, 48, 52, 55), (0, 2, 72, 0), (2, 1, 50, 0), (2, 2, 48, 1)], names=names))
    assert found.source == source
    assert found.hand.tolist() == [LEFT, RIGHT, LEFT, LEFT, LEFT, LEFT, RIGHT]


def test_the_higher_staff_is_the_right_hand_whatever_its_number() -> None:
    found = hands(of_rows([(0, 1, 40, 0), (0, 1, 70, 1), (1, 1, 60, 0), (1, 1, 59, 1)], names=()))
    assert (found.source, found.hand.tolist()) == ("staves", [LEFT, RIGHT, RIGHT, LEFT])


def test_tracks_that_part_the_keyboard_at_one_key_are_no_hands() -> None:
    rows: list[Row] = [(0, 1, 40, 0), (0, 1, 65, 0), (0, 1, 66, 1), (0, 1, 70, 1)]
    assert hands(of_rows(rows, names=("", ""))).source == "guess"


def test_a_wide_chord_is_parted_so_that_both_hands_can_reach_it() -> None:
    found = hands(of_rows([(0, 1, pitch, 0) for pitch in (36, 43, 52, 64, 67, 72)], names=("",)))
    assert (found.source, found.hand.tolist()) == ("guess", [LEFT, LEFT, LEFT, RIGHT, RIGHT, RIGHT])


@given(NOTES)
def test_guessed_hands_never_cross_within_a_chord(ticks: list[Ticks]) -> None:
    piece = of_rows(_rows(ticks))
    hand = guess(piece)
    for onset in np.unique(piece.onset_ticks):
        here = piece.onset_ticks == onset
        left, right = piece.pitch[here & (hand == LEFT)], piece.pitch[here & (hand == RIGHT)]
        assert not len(left) or not len(right) or left.max() < right.min()


def test_bars_follow_pickups_changes_of_metre_and_bars_cut_by_repeats() -> None:
    drawn = ((0, 1, 4), (1, 4, 4), (9, 3, 4), (12, 1, 4), (13, 4, 4), (21, 6, 8))
    found = bars(of_rows([(0, 1, 60, 0), (23, 1, 60, 1)], tuple(TimeSignature(*row) for row in drawn)))
    assert found.start.tolist() == [0, 12, 60, 108, 156, 204, 252]
    assert found.length.tolist() == [12, 48, 48, 48, 48, 48, 36]
    assert found.lead.tolist() == [36, 0, 0, 0, 0, 0, 0]
    assert found.pulse.tolist() == [12, 12, 12, 12, 12, 12, 18]
    assert found.place(np.array([0, 12, 13])).tolist() == [36, 0, 1]


def _waltz(bars_: int, pickup: int) -> list[Row]:
    """Bass on one, chords on two and three, a tune in quarters that begins `pickup` quarters before the first bar."""
    tune = [72, 74, 76, 77, 79, 77, 76, 74]
    rows: list[Row] = [(n, 1, tune[n % 3], 0) for n in range(pickup)]
    for number in range(bars_):
        at, low = pickup + 3 * number, (36, 43, 41, 43)[number % 4]
        rows += [(at, 1, low, 1), (at, 2, tune[number % 8], 0), (at + 2, 1, tune[(number + 2) % 8], 0)]
        rows += [(at + beat, 1, low + above, 1) for beat in (1, 2) for above in (16, 19)]
    return rows


@pytest.mark.parametrize("pickup", [0, 1, 2])
def test_bar_lines_are_found_where_a_file_does_not_tell_of_its_pickup(pickup: int) -> None:
    waltz = of_rows(_waltz(16, pickup), (TimeSignature(0, 3, 4),))
    found = bars(waltz)
    assert found.lines.tolist() == [12 * pickup + 36 * number for number in range(16)]
    assert (found.lead > 0).tolist() == [pickup > 0, *[False] * (len(found) - 1)]
    assert found.place(np.array([0])).tolist() == [(36 - 12 * pickup) % 36]
    assert bars(waltz, search=False).lines[0] == 0


def test_bar_lines_move_with_a_short_bar_in_the_middle() -> None:
    rows = [*_waltz(12, 0), *moved(_waltz(12, 0), 3, 35)]
    assert bars(of_rows(rows, (TimeSignature(0, 3, 4),))).lines.tolist()[10:14] == [360, 396, 420, 456]


def test_bars_before_the_first_note_are_left_out() -> None:
    found = bars(of_rows([(9, 1, 60, 0), (10, 1, 60, 1)]))
    assert (found.start.tolist(), found.length.tolist()) == ([96], [48])


@pytest.mark.parametrize(
    ("length", "fraction"), [(4.0, "4/4"), (3.0, "3/4"), (4.5, "9/8"), (1.5, "3/8"), (2.25, "9/16")]
)
def test_a_signature_from_the_length_of_a_bar(length: float, fraction: str) -> None:
    found = signature_of(0.0, length)
    assert f"{found.numerator}/{found.denominator}" == fraction


def test_keys_and_chords_of_a_cadence() -> None:
    found = analyse(of_rows(cadence_in_c()))
    assert found.keys.tolist() == [0] * 8
    assert found.chords.root.tolist() == [0, 0, 5, 5, 7, 7, 0, 0]
    assert [QUALITIES[q] for q in found.chords.quality[::2]] == ["maj", "maj", "dom7", "maj"]
    assert found.chords.bass.tolist() == [0, 0, 5, 5, 7, 7, 0, 0]


def test_the_bass_of_an_alberti_figure_is_its_lowest_note() -> None:
    melody: list[Row] = [(0, 2, 72, 0), (2, 2, 74, 0), (4, 4, 72, 0)]
    rows = [*melody, *alberti(0, 52, 55, 60), *alberti(2, 53, 55, 59), *alberti(4, 48, 52, 55)]
    found = analyse(of_rows(rows))
    assert found.chords.root.tolist()[:4] == [0, 0, 7, 7]
    assert found.chords.bass.tolist()[:4] == [4, 4, 5, 5]


def test_where_nothing_sounds_there_is_no_chord() -> None:
    found = analyse(of_rows([*cadence_in_c(), *moved(cadence_in_c(), beats=16)])).chords
    for column in found:
        assert ((column == -1) == ((np.arange(24) >= 8) & (np.arange(24) < 16))).all()


@pytest.mark.parametrize("semitones", range(-6, 6))
def test_keys_and_chords_move_with_the_music(semitones: int) -> None:
    found = analyse(of_rows(moved(cadence_in_c(), semitones)))
    assert (found.keys == semitones % 12).all()
    assert ((found.chords.root - semitones) % 12).tolist() == [0, 0, 5, 5, 7, 7, 0, 0]
    assert ((found.chords.bass - semitones) % 12).tolist() == [0, 0, 5, 5, 7, 7, 0, 0]


@given(NOTES, st.integers(-12, 12))
def test_what_fits_moves_with_any_music(ticks: list[Ticks], semitones: int) -> None:
    here, there = (_slots(moved(_rows(ticks), shift)) for shift in (0, semitones))
    fits = keys.likelihoods(here).reshape(-1, 2, 12)
    assert_allclose(keys.likelihoods(there).reshape(-1, 2, 12), np.roll(fits, semitones, axis=2))
    tonic = np.full(len(here), 2)
    expected = np.roll(chords.likelihoods(here, tonic), semitones * len(QUALITIES), axis=1)
    assert_allclose(chords.likelihoods(there, (tonic + semitones) % 12), expected)


def test_references_find_the_bar_that_comes_back_and_the_one_that_moves() -> None:
    tune: list[Row] = [(0, 1, 72, 0), (1, 1, 74, 0), (2, 2, 76, 0)]
    figure = [*alberti(0, 48, 52, 55), *alberti(2, 48, 52, 55)]
    raised = [*moved(tune, 2, 12), *moved(figure, 5, 12)]
    rows = [*tune, *figure, *block(4, 4, 43, 67), *moved([*tune, *figure], beats=8), *raised]
    found = analyse(of_rows(rows)).references
    assert found.bar.tolist()[:3] == [NO_BAR, NO_BAR, 0]
    assert found.similarity.tolist()[:3] == [0, 0, 1]
    assert found.before.tolist()[:3] == [0, 0, 0]
    assert (found.moved_bar[3], found.moved_similarity[3]) == (2, 1)
    assert (found.right_semitones[3], found.left_semitones[3]) == (2, 5)
    assert (found.right_semitones[2], found.left_semitones[2]) == (0, 0)


@given(NOTES)
def test_references_look_back_and_moving_never_makes_them_worse(ticks: list[Ticks]) -> None:
    found = analyse(of_rows(_rows(ticks))).references
    index = np.arange(len(found.bar))
    assert (found.bar < index).all()
    assert (found.moved_bar < index).all()
    assert (found.moved_similarity >= found.similarity - 0.05).all()
    assert ((found.similarity >= found.before) & (found.similarity <= 1)).all()
    assert ((found.similarity > 0) == (found.bar != NO_BAR)).all()


def test_the_similarity_is_the_share_of_notes_that_two_bars_have_in_common() -> None:
    found = analyse(of_rows([(0, 1, 60, 0), (1, 1, 62, 0), (4, 1, 60, 0), (5, 1, 64, 0), (4, 1, 40, 1)])).references
    assert found.similarity[1] == pytest.approx(1 / 4)


def test_a_piece_without_notes_is_refused() -> None:
    with pytest.raises(ValueError, match="without notes"):
        analyse(music.music(np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.int64)))
