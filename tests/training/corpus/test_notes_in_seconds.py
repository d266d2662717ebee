"""Music in seconds: through the tempo map, with the pedal, and on hundredths of a second."""

from __future__ import annotations

import numpy as np
import pytest

from tests.training.corpus.test_clean import score
from training.corpus import reading
from training.corpus.notes_in_seconds import play


def test_seconds_follow_the_tempo_map_and_begin_with_the_first_note() -> None:
    heard = play(score([(1, 1, 60), (2, 2, 64), (4, 1, 67)], tempos=((0.0, 60.0), (3.0, 120.0))))
    assert heard.notes["onset_s"].tolist() == [0, 1, 2.5]
    assert heard.notes["duration_s"].tolist() == [1, 1.5, 0.5]
    assert heard.notes["pitch"].tolist() == [60, 64, 67]
    assert heard.seconds == 3
    assert heard.has_beat


def test_the_pedal_is_folded_or_told() -> None:
    pedalled = score([(0, 1, 60), (4, 1, 64)], pedals=((0.5, 3.0), (2.0, 3.5), (9.0, 10.0)))
    assert play(pedalled).notes["duration_s"].tolist() == [1.75, 0.5]
    assert play(pedalled).pedals == ()
    dry = play(pedalled, fold=False)
    assert dry.notes["duration_s"].tolist() == [0.5, 0.5]
    assert dry.pedals == ((0.25, 1.75),), "overlapping ones are one, one after the last note is none"


def test_a_velocity_of_zero_becomes_the_softest() -> None:
    silent = score([(0, 1, 60)])
    silent.notes["velocity"] = 0
    assert play(silent).notes["velocity"].tolist() == [1]


def test_on_the_clock_steps_are_hundredths_of_a_second() -> None:
    piece = reading.on_clock(score([(1, 0.5, 60), (2.011, 0.001, 64)], pedals=((1.0, 1.5),)), "a", "x", 100)
    assert [(n.onset, n.duration, n.pitch, n.velocity) for n in piece.notes] == [(0, 25, 60, 80), (51, 1, 64, 80)]
    assert (piece.steps, piece.pedals, piece.on_clock, piece.has_tempo) == (52, ((0, 25),), True, False)
    assert piece.step_s[-1] == pytest.approx(0.52)
    assert piece.played().seconds == pytest.approx(0.506)


def test_pedals_on_the_grid_lie_within_the_piece() -> None:
    rows = [(float(beat), 1.0, 60) for beat in range(4)]
    piece = reading.on_grid(score(rows, pedals=((0.0, 1.01), (1.02, 1.5), (2.0, 2.01), (3.0, 9.0))), "a", "x", 4)
    assert piece.pedals == ((0, 4), (4, 6), (12, 16)), "between two pedals the strings were damped, however briefly"
    assert np.all(piece.step_s[1:] > piece.step_s[:-1])
