"""The listener in four equations, on music whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from improv.config import Config
from training.evaluation.emotion.listener import Impression, listen
from training.evaluation.emotion.renderings import equalised

MAJOR, MINOR = [0, 4, 7, 12, 7, 4, 5, 2], [0, 3, 7, 12, 7, 3, 5, 2]


def said(
    degrees: list[int], notes_per_s: float, tonic: int = 60, velocity: float = 80, legato: float = 1
) -> Impression:
    count = int(12 * notes_per_s)
    onset = np.arange(count) / notes_per_s
    pitch = np.array([tonic + degrees[index % len(degrees)] for index in range(count)], dtype=np.float64)
    impression = listen(onset, np.full(count, legato / notes_per_s), pitch, np.full(count, velocity), 12.0)
    assert impression is not None
    return impression


def test_the_equations_are_those_of_the_published_fit() -> None:
    """By hand: M = logistic(d / 0.1), T = log2 4 = 2, R = 65.125 mean pitch, D = 0 dB, L = 0.5."""
    impression = said(MAJOR, 4, legato=0.5)
    mode = (impression.happy + 1.0605 - 0.5656 * 2 - 0.0379 * 65.125 + 0.7438 * 0.5) / 1.7953
    assert 0.5 < mode < 1
    assert impression.sad == pytest.approx(4.7790 - 1.6789 * mode - 0.6474 * 2 - 0.0098 * 65.125 + 0.7792 * 0.5)
    assert impression.scary == pytest.approx(5.5558 - 0.7713 * mode + 0.1055 * 2 - 0.0462 * 65.125 + 0.2390 * 0.5)


def test_major_pleases_and_speed_excites() -> None:
    assert said(MAJOR, 4).valence > said(MINOR, 4).valence
    assert said(MAJOR, 6).arousal > said(MAJOR, 1.5).arousal
    assert said(MAJOR, 4, velocity=100).peaceful < said(MAJOR, 4, velocity=40).peaceful
    assert said(MAJOR, 4, tonic=48).scary > said(MAJOR, 4, tonic=72).scary


def test_too_little_melody_is_not_judged() -> None:
    assert listen(np.array([0.0, 1.0]), np.ones(2), np.array([60.0, 62.0]), np.full(2, 80.0), 12.0) is None


def test_equalised_leaves_only_the_notes() -> None:
    table = equalised(Config()).mood.table
    assert {len(set(table[name].values())) for name in ("tempo", "register", "loudness", "articulation")} == {1}
    assert len(set(table["mode"].values())) > 1
    assert len(set(table["onset_density"].values())) > 1
