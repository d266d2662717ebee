"""The fine line through a person's beats, steady and swaying."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.listening.beat_line import PARTS, STEADY, SWAYING, BeatLine, Place, Player

PLACES = (Place(0, 0.5), Place(6, 1.0), Place(3, 2.3), Place(9, 2.3))


def beats_of(sway: float, count: int, period_s: float = 0.6, beats: float = 14.0) -> np.ndarray:
    at = np.arange(24 * count + 1) / 24
    periods = period_s / (1 + sway * np.sin(2 * np.pi * at / beats))
    return np.concatenate([[0], np.cumsum(periods[:-1] / 24)])[::24]


def followed(beats_s: np.ndarray, player: Player, seed: int = 1) -> list[float]:
    """By how many beats each next beat is foreseen wrongly, from the 12th on."""
    rng = np.random.default_rng(seed)
    line = BeatLine(float(beats_s[0]), float(beats_s[1] - beats_s[0]), player)
    off = []
    for number in range(1, len(beats_s)):
        if number > 12:
            off.append((line.second(number * PARTS) - beats_s[number]) / float(np.diff(beats_s).mean()))
        for half in (0.0, 0.5):
            at_s = float(np.interp(number + half, np.arange(len(beats_s)), beats_s))
            line.move(at_s + float(rng.normal(0, 0.008)), PLACES)
    return off


def test_a_swaying_tempo_is_foreseen_more_closely_by_a_line_that_sways() -> None:
    beats_s = beats_of(0.08, 60)
    off = {player: float(np.sqrt(np.mean(np.square(followed(beats_s, player))))) for player in (STEADY, SWAYING)}
    assert off[SWAYING] < 0.035
    assert off[SWAYING] < off[STEADY] / 2


def test_a_steady_tempo_is_followed_by_both() -> None:
    beats_s = beats_of(0.0, 40)
    for player in (STEADY, SWAYING):
        assert np.abs(followed(beats_s, player)).max() < 0.06


def test_an_onset_far_from_every_place_moves_nothing() -> None:
    line = BeatLine(1.0, 0.5, STEADY)
    before = line.second(PARTS)
    assert line.move(1.0 + 0.37 * 0.5, (Place(0, 0.5),)) is None
    assert line.second(PARTS) == before


@given(ratio=st.sampled_from([0.5, 1 / 3, 2 / 3, 1.5, 2.0, 3.0]), part=st.integers(0, 400), shift=st.integers(-24, 24))
def test_another_count_has_the_same_moments(ratio: float, part: int, shift: int) -> None:
    line = BeatLine(3.0, 0.5, STEADY, part)
    at_s = 3.4
    beats, period_s = line.at(at_s)
    line.rescale(ratio, shift)
    again, other_s = line.at(at_s)
    assert other_s == pytest.approx(period_s / ratio)
    assert again == pytest.approx(beats * ratio + shift / PARTS, abs=1e-6)


def test_where_the_line_is_and_when_a_place_comes_agree() -> None:
    line = BeatLine(2.0, 0.6, SWAYING)
    for number in range(12):
        line.move(2.0 + 0.6 * number + 0.01 * math.sin(number), PLACES)
    assert line.at(line.second(16 * PARTS))[0] == pytest.approx(16, abs=0.02)
