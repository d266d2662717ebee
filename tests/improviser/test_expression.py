"""Velocities, delays and lengths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.improviser.expression import LONGEST_DELAY_S, SHORTEST_NOTE_S, Expression
from improv.music.position import Position

PLAIN, FULL = Expression(0.0), Expression(1.0)
BAR_LINE = Position(16, 8.0, 120.0, 16, 4.0, 4, bar=2)


def mean(pitches: tuple[int, ...], position: Position = BAR_LINE, ending: float = 0.0) -> np.ndarray:
    """Mean velocity of each note over many draws."""
    rng = np.random.default_rng(1)
    return np.mean([FULL.velocities(pitches, position, 60.0, ending, rng) for _ in range(400)], axis=0)


def test_without_expression_every_note_is_alike() -> None:
    rng = np.random.default_rng(1)
    assert PLAIN.velocities((72, 60, 48), BAR_LINE, 60.0, 0.0, rng) == (60, 60, 60)
    assert PLAIN.delays_s(3, rng) == (0, 0, 0)


def test_the_melody_is_in_front_and_the_inner_voices_are_behind() -> None:
    top, inner, bass = mean((72, 60, 48))
    assert top > bass + 3
    assert bass > inner + 3


def test_accents() -> None:
    line, beat, between = (mean((60,), BAR_LINE._replace(tick=16 + tick))[0] for tick in (0, 4, 5))
    assert line > beat > between
    last, inside = (mean((60,), BAR_LINE._replace(tick=tick), ending=1.0)[0] for tick in (16, 17))
    assert last == pytest.approx(inside, abs=1), "the last chord is not accented"


def test_a_phrase_swells_over_four_bars() -> None:
    loud = [mean((60,), BAR_LINE._replace(bar=bar))[0] for bar in range(1, 10)]
    assert loud[2] > loud[1] > loud[0]
    assert loud[2] > loud[3]
    assert loud[8] == pytest.approx(loud[0])


def test_a_crescendo_over_two_phrases_leads_to_the_height_of_the_second() -> None:
    loud = [mean((60,), BAR_LINE._replace(bar=bar))[0] for bar in range(1, 9)]
    assert loud[4] > loud[0]
    assert max(loud) == loud[6] > loud[2] + 3
    assert loud[7] < loud[6]


def swing(loudness: float, ending: float = 0.0) -> float:
    """From the softest to the loudest bar of two phrases, in velocity steps."""
    rng = np.random.default_rng(1)
    bars = [
        np.mean([FULL.velocities((60,), BAR_LINE._replace(bar=bar), loudness, ending, rng) for _ in range(400)])
        for bar in range(1, 9)
    ]
    return float(max(bars) - min(bars))


def test_soft_music_swells_less_and_an_ending_not_at_all() -> None:
    assert swing(80) == pytest.approx(2 * swing(40), rel=0.1)
    assert swing(60) > 12
    assert swing(60, ending=1.0) < 1


def test_the_mean_velocity_is_the_commanded_loudness() -> None:
    rng = np.random.default_rng(1)
    found = []
    for tick in range(8 * 16):
        position = BAR_LINE._replace(tick=tick, bar_tick=tick - tick % 16, bar=1 + tick // 16)
        chord = (72, 64, 60, 48) if tick % 4 == 0 else (72, 60) if tick % 2 == 0 else (60,)
        found += FULL.velocities(chord, position, 60.0, 0.0, rng, above=66 if tick % 2 else -1)
    assert np.mean(found) == pytest.approx(60, abs=2)


def test_what_starts_below_a_note_that_sounds_on_is_accompaniment() -> None:
    rng = np.random.default_rng(1)
    under = np.mean([FULL.velocities((60,), BAR_LINE, 60.0, 0.0, rng, above=72) for _ in range(200)])
    alone = np.mean([FULL.velocities((60,), BAR_LINE, 60.0, 0.0, rng) for _ in range(200)])
    over = np.mean([FULL.velocities((76,), BAR_LINE, 60.0, 0.0, rng, above=72) for _ in range(200)])
    assert under < alone < over


def test_the_pedal_is_for_legato_and_changes_on_the_half_bar() -> None:
    assert [FULL.pedal(articulation) for articulation in (0.6, 0.9, 0.97, 1.0)] == [False, False, True, True]
    assert not PLAIN.pedal(1.0), "at strength 0 nothing is added"
    lifts = [tick for tick in range(16) if FULL.pedal_lifts(BAR_LINE._replace(tick=16 + tick))]
    assert lifts == [0, 8]


def test_an_ending_is_softer_and_slower() -> None:
    assert mean((60,), ending=1.0)[0] < mean((60,))[0] - 10
    assert [FULL.tempo_bpm(100, ending) for ending in (0, 0.75, 0.875, 1)] == pytest.approx([100, 100, 85, 70])


@given(
    st.floats(0, 2),
    st.lists(st.integers(0, 127), max_size=10),
    st.floats(1, 127),
    st.floats(0, 1),
    st.integers(0, 63),
    st.integers(0, 99),
)
def test_velocities_and_delays_stay_in_range(
    strength: float, pitches: list[int], loudness: float, ending: float, tick: int, seed: int
) -> None:
    expression, rng = Expression(strength), np.random.default_rng(seed)
    position = Position(tick, 0.0, 100.0, tick - tick % 16, 4.0, 4, bar=1 + tick // 16)
    found = expression.velocities(tuple(pitches), position, loudness, ending, rng)
    assert len(found) == len(pitches)
    assert all(type(velocity) is int and 1 <= velocity <= 127 for velocity in found)
    delays = expression.delays_s(len(pitches), rng)
    assert len(delays) == len(pitches)
    assert all(0 <= delay <= LONGEST_DELAY_S for delay in delays)
    assert delays[:1] in ((), (0.0,)), "the melody is on the grid"


def test_the_ends_of_notes() -> None:
    assert FULL.end_s(1.0, 2.0, 0.25, 1.0) == 2.0
    assert FULL.end_s(1.0, 2.0, 0.25, 0.9) == pytest.approx(1.9)
    assert FULL.end_s(1.0, 2.0, 0.25, 0.25) == pytest.approx(2.0 - 0.75 * 0.25), "at most three quarters of a step"
    assert FULL.end_s(1.0, 1.02, 0.25, 0.25) == 1.0 + SHORTEST_NOTE_S
