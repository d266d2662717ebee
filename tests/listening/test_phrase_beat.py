"""The beat of a phrase that is over."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from improv.listening.beat import Beat
from improv.listening.phrase_beat import phrase_beat

PATTERN = (0.0, 1.0, 1.5, 2.0, 3.0, 4.0, 4.5, 5.0, 6.0, 6.5, 7.0)


def played(bpm: float, jitter_s: float, seed: int) -> list[float]:
    rng = np.random.default_rng(seed)
    return [5.0 + place * 60 / bpm + float(rng.normal(0, jitter_s)) for place in PATTERN]


@settings(max_examples=40, deadline=None)
@given(bpm=st.floats(60, 160), seed=st.integers(0, 999), off=st.floats(-0.03, 0.03), slip=st.floats(-0.04, 0.04))
def test_the_line_is_closer_to_the_beat_than_what_was_believed(bpm: float, seed: int, off: float, slip: float) -> None:
    believed = Beat(bpm * (1 + off), 5.0 + 4 * 60 / bpm + slip, 0.2, beat_in_bar=2)
    pulse = phrase_beat(played(bpm, 0.008, seed), believed)
    assert pulse is not None
    assert pulse.beat_in_bar == 2
    assert pulse.tempo_bpm == pytest.approx(bpm, rel=0.012)
    assert pulse.at_s == pytest.approx(5.0 + 4 * 60 / bpm, abs=0.015)


def test_a_beat_is_found_where_nothing_is_believed_yet() -> None:
    pulse = phrase_beat(played(96.0, 0.005, 3), None)
    assert pulse is not None
    assert pulse.tempo_bpm == pytest.approx(96, rel=0.02)


def test_chords_are_one_onset_and_a_few_notes_are_no_beat() -> None:
    chords = [at_s + late for at_s in played(100.0, 0.0, 1) for late in (0.0, 0.008)]
    assert phrase_beat(sorted(chords), None) is not None
    assert phrase_beat([1.0, 1.01, 2.0, 2.5], None) is None


def test_free_playing_keeps_to_no_line() -> None:
    rng = np.random.default_rng(5)
    found = [phrase_beat(np.cumsum(rng.gamma(1.5, 0.3, 40)).tolist(), Beat(100.0, 1.0, 0.0)) for _ in range(20)]
    assert sum(pulse is not None for pulse in found) <= 4
