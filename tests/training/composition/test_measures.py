"""Every measure says of small known music what anybody would say of it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.composition.tunes import alberti, chord, line, of_rows, period
from training.analysis.hands import LEFT, RIGHT
from training.evaluation.composition import expression, harmony, lines, pedal, returns, texture
from training.evaluation.composition.bigram import SYMBOLS, ChordBigram, symbols
from training.evaluation.composition.chords import SUFFIXES
from training.evaluation.composition.listing import listing
from training.evaluation.composition.music import BarredMusic, shuffled
from training.evaluation.composition.reach import reachable
from training.evaluation.composition.reading import Reading
from training.evaluation.composition.table import LONG_MEASURES, MEASURES


@pytest.fixture(scope="module")
def tune() -> Reading:
    return Reading(period())


def test_chords_keys_and_hands_of_a_period(tune: Reading) -> None:
    h = tune.harmony
    names = [h.name(int(np.flatnonzero(h.bar == bar)[0])) for bar in range(8)]
    assert names[:4] == ["C", "C", "F", "C"]
    assert names[5:] == ["G7" if h.quality[20] == SUFFIXES.index("7") else "G", "C", "C"]
    assert set(h.key.tolist()) == {0}
    low = tune.music.notes["pitch"] < 63
    assert (tune.hands[low] == LEFT).all()
    assert (tune.hands[~low] == RIGHT).all()


def test_a_cadence_is_heard_where_the_dominant_leads_home(tune: Reading) -> None:
    assert np.flatnonzero(harmony.authentic(tune)).tolist() == [24], "the first beat of bar 7"
    assert harmony.cadences(tune) == pytest.approx(100 / 32)
    assert harmony.opens_at_home(tune) == 1
    assert harmony.dominant_resolves(tune) > 0


def test_a_cadence_with_the_third_in_the_bass_does_not_count() -> None:
    rows = [*chord(0, 4, 48, 55, 64, 72), *chord(4, 4, 47, 55, 62, 67), *chord(8, 4, 48, 55, 64, 72)]
    rows += [*chord(12, 4, 43, 59, 62, 67), *chord(16, 4, 52, 55, 60, 72), *chord(20, 4, 48, 55, 64, 72)]
    assert harmony.cadences(Reading(of_rows(rows, 6))) == 0


def test_phrase_ends_are_the_long_notes(tune: Reading) -> None:
    ends = tune.music.notes["onset"][harmony.phrase_ends(tune)] / 24
    assert ends.tolist() == [12.0]
    assert harmony.ends_at_rest(tune) == 1


def test_a_figure_is_kept_over_the_bars_that_play_it(tune: Reading) -> None:
    assert texture.figure_lengths(tune).tolist() == [7] * 7 + [0]
    assert texture.in_figure(tune) == 7 / 8
    assert texture.longest_figure(tune) == 7
    assert texture.rhythm_kept(tune) > 0.8


def test_the_motif_comes_back_as_it_was_and_moved(tune: Reading) -> None:
    bars = 7  # that have a bar before them
    assert lines.returns_moved(tune) == pytest.approx(1 / bars + 1 / bars), "bar 2, and bar 5 after bar 2"
    assert lines.returns_literally(tune) == pytest.approx(1 / bars), "bar 5"
    assert lines.rhythm_returns(tune) == pytest.approx(3 / bars), "bars 2, 5, and 6 after 3"


def test_bars_come_back_soon_and_later() -> None:
    bar = [*chord(0, 2, 48, 60, 64), *line(0, (1, 72), (1, 74), (2, 76))]
    other = [*chord(0, 2, 43, 59, 62), *line(0, (2, 79), (1, 77), (1, 74))]
    rows = [(at + 4 * n, length, pitch) for n, part in enumerate((bar, other, bar)) for at, length, pitch in part]
    reading = Reading(of_rows(rows, 3))
    assert returns.soon(reading) == 0.5
    assert math.isnan(returns.later(reading))
    assert returns.neighbours(reading) == 0


def test_clashes_are_semitones_major_sevenths_and_minor_ninths() -> None:
    rows = [*chord(0, 1, 60, 61), *chord(1, 1, 60, 71), *chord(2, 1, 60, 73), *chord(3, 1, 60, 83)]
    assert texture.clashes(Reading(of_rows(rows, 1))) == 0.75


def test_a_broken_chord_has_no_steps_and_a_scale_has_nothing_else() -> None:
    above = [(float(beat), 1.0, 84) for beat in range(8)]
    scale = [(beat / 2, 0.5, pitch) for beat, pitch in enumerate([48, 50, 52, 53, 55, 53, 52, 50] * 2)]
    broken = [(beat / 2, 0.5, pitch) for beat, pitch in enumerate([48, 55, 52, 55] * 4)]
    assert texture.left_short_steps(Reading(of_rows([*scale, *above], 2))) == 1
    assert texture.left_short_steps(Reading(of_rows([*broken, *above], 2))) == 0
    assert math.isnan(texture.left_short_steps(Reading(of_rows(above, 2))))


def test_octaves_count_where_strokes_are_short() -> None:
    above = [(float(beat), 1.0, 84) for beat in range(8)]
    short = [(beat / 2, 0.5, pitch) for beat in range(16) for pitch in ((36, 48) if beat % 4 == 0 else (43,))]
    reading = Reading(of_rows([*short, *above], 2))
    assert texture.left_short_octaves(reading) == pytest.approx(4 / 15)
    assert math.isnan(texture.right_short_octaves(reading))


def test_a_key_let_go_late_clashes_with_nothing() -> None:
    assert texture.clashes(Reading(of_rows([(0, 1.05, 60), (1, 1, 61)], 1))) == 0


@pytest.mark.parametrize(
    ("pitches", "fits"),
    [
        ([48, 52, 55, 72, 76, 79], True),
        ([36, 53, 70], False),
        ([40, 56, 60, 76], True),
        (list(range(60, 70)), True),
        (list(range(60, 71)), False),
    ],
)
def test_two_hands_reach_a_tenth_and_five_notes_each(pitches: list[int], fits: bool) -> None:
    assert reachable(np.array(pitches)) is fits
    rows = chord(0, 4, *pitches)
    assert texture.unplayable(Reading(of_rows(rows, 1))) == (0 if fits else 100)


def test_loudness_and_time() -> None:
    rows = [(float(beat), 1.0, 60 + beat % 5) for beat in range(16)]
    music = of_rows(rows, 4)
    music.notes["velocity"] = 40 + 2 * np.arange(16)
    music.line_s[:] = [0.0, 2.0, 4.2, 6.0, 8.0]
    reading = Reading(music)
    assert expression.loudness_range(reading) == pytest.approx(27)
    assert expression.loudness_change(reading) == pytest.approx(8)
    assert expression.bar_variation(reading) == pytest.approx(100 * np.std([2, 2.2, 1.8]) / 2)
    unplayed = Reading(BarredMusic("", music.notes, music.lines, music.line_s, has_dynamics=False, has_tempo=False))
    assert math.isnan(expression.loudness_range(unplayed))
    assert math.isnan(expression.bar_variation(unplayed))


def test_ten_minutes_that_come_home() -> None:
    bars = [*alberti(0, 48, 52, 55), *line(0, (2, 72), (2, 76))]
    away = [(at, length, pitch + 6) for at, length, pitch in bars]
    parts = [bars if bar < 50 or bar >= 100 else away for bar in range(150)]
    rows = [(at + 4 * n, length, pitch) for n, part in enumerate(parts) for at, length, pitch in part]
    reading = Reading(of_rows(rows, 150))
    assert returns.comes_home(reading) == 1
    assert returns.after_minutes(reading) == pytest.approx(1 - 40 / 90), "bars 61 to 100 are new, 101 to 150 are not"
    assert returns.contrast(reading) > 0
    assert math.isnan(returns.comes_home(Reading(period())))


def test_the_bigram_is_a_distribution_and_knows_what_it_saw() -> None:
    heard = Reading(period()).harmony
    bigram = ChordBigram([heard])
    before = symbols(heard)[0]
    everything = [(major, degree, quality) for major in (True, False) for degree in range(12) for quality in range(9)]
    assert len(everything) == SYMBOLS
    assert sum(bigram.probability(before, one) for one in everything) == pytest.approx(1)
    assert bigram.bits(heard) < ChordBigram([]).bits(heard) == pytest.approx(math.log2(SYMBOLS))


def test_a_listing_has_a_line_for_each_bar() -> None:
    text = listing(period()).splitlines()
    assert len(text) == 9
    assert text[1].split()[:4] == ["1", "C", "major", "C"]
    assert "C5@1 D5@2.5 E5@3 G5@4 [7]" in text[1]


@given(st.integers(0, 100))
def test_shuffled_bars_keep_what_is_inside_of_them(seed: int) -> None:
    music = period()
    mixed = shuffled(music, np.random.default_rng(seed))
    assert mixed.beats == music.beats
    assert mixed.line_s[-1] == pytest.approx(music.line_s[-1])
    assert sorted(map(sorted, Reading(mixed).bar_patterns)) == sorted(map(sorted, Reading(music).bar_patterns))


def test_a_part_begins_at_nought_and_cuts_what_is_held() -> None:
    music = of_rows([(0, 8, 60), (2, 4, 64), (4, 1, 67)], 2)
    part = music.between(1, 2)
    assert part.notes[["onset", "duration", "pitch"]].tolist() == [(0, 24, 67)]
    assert music.between(0, 1).notes["duration"].tolist() == [96, 48]
    assert music.first(3.0).bars == 1


@given(
    st.lists(
        st.tuples(st.integers(0, 95), st.integers(1, 40), st.integers(21, 108), st.integers(1, 127)),
        min_size=1,
        max_size=40,
    )
)
def test_any_music_at_all_is_measured(rows: list[tuple[int, int, int, int]]) -> None:
    music = of_rows([(at / 8, length / 8, pitch) for at, length, pitch, _ in rows], 6, 2.5)
    kept = music.notes["onset"] < music.lines[-1]
    music = BarredMusic("", music.notes[kept], music.lines, music.line_s)
    reading = Reading(music)
    for name, measure in (MEASURES | LONG_MEASURES).items():
        assert isinstance(measure(reading), float), name


def test_a_pedal_that_is_changed_with_the_chords() -> None:
    rows = [*chord(0, 2, 48, 60, 64), *chord(4, 2, 43, 59, 62), *chord(8, 4, 48, 60, 64)]
    pedals = np.array([(3, 96), (100, 192), (196, 240)])
    reading = Reading(replace(of_rows(rows, 3), pedals=pedals))
    assert pedal.share_down(reading) == pytest.approx((93 + 92 + 44) / 288)
    assert pedal.presses(reading) == 1
    assert pedal.changes_lifted(reading) == 1
    assert pedal.rises_on_changes(reading) == pytest.approx(2 / 3)
    assert pedal.ringing(reading.music).duration_beats[0] == 4
    assert pedal.mud(reading) == 0


def test_a_pedal_through_a_step_of_the_bass_rumbles() -> None:
    music = of_rows([(0, 1, 43), (1, 1, 45), (2, 1, 57)], 1)
    assert math.isnan(pedal.mud(Reading(music)))
    reading = Reading(replace(music, pedals=np.array([(2, 96)])))
    assert pedal.mud(reading) == pytest.approx(2 / 3)
    assert pedal.clashes_that_ring(reading) == 0


def test_pedals_move_with_their_bars() -> None:
    music = replace(of_rows([(float(beat), 1, 60) for beat in range(8)], 2), pedals=np.array([(90, 100)]))
    assert music.between(1, 2).pedals.tolist() == [[0, 4]]
    assert sorted(np.diff(shuffled(music, np.random.default_rng(1)).pedals).ravel()) == [4, 6]
