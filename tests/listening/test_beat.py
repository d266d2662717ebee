"""The person's beat, on scripted players whose beat is known."""

from __future__ import annotations

import numpy as np
import pytest

from improv.listening.beat import BeatTracker
from tests.listening.players import player


def heard(struck: list, until_s: float) -> BeatTracker:
    tracker = BeatTracker()
    for one in struck:
        if one.at_s <= until_s:
            tracker.strike(one.at_s, one.velocity, one.pitch)
    return tracker


@pytest.mark.parametrize("bpm", [62, 76, 90, 104, 118])
@pytest.mark.parametrize("swing", [False, True])
def test_the_tempo_is_found_within_four_bars(bpm: int, swing: bool) -> None:
    end_s = 1 + 16 * 60 / bpm
    beat = heard(player(bpm, bpm, swing=swing), end_s).beat(end_s)
    assert beat is not None
    assert beat.tempo_bpm == pytest.approx(bpm, rel=0.04)
    assert beat.confidence > 0.3
    assert abs((beat.phase(1.0) + 0.5) % 1 - 0.5) < 0.08  # the piece began on a beat


def test_a_beat_is_told_from_its_swing() -> None:
    said = [heard(player(3, 100, swing=swing), 20).beat(20) for swing in (False, True)]
    assert [beat is not None and beat.swung for beat in said] == [False, True]


def test_the_downbeat_is_the_accented_one() -> None:
    struck = player(4, 96, bars=12)
    beat = heard(struck, 32).beat(32)
    assert beat is not None
    beats_back = round((beat.at_s - 1.0) / (60 / 96))
    assert (beats_back - beat.beat_in_bar) % 4 == 0


@pytest.mark.parametrize(("first", "accent", "downbeat"), [(0, 0, 0), (3, 30, 0), (0, 30, 0)])
def test_without_accents_the_first_onset_is_the_downbeat_and_an_upbeat_is_told_by_them(
    first: int, accent: int, downbeat: int
) -> None:
    tracker = BeatTracker()
    for beat in range(first, 32):
        tracker.strike(1 + 0.6 * beat, 70 + accent * (beat % 4 == downbeat))
    found = tracker.beat(1 + 0.6 * 31.5)
    assert found is not None
    assert round((found.at_s - 1.0) / 0.6 - found.beat_in_bar) % 4 == downbeat


def test_a_new_tempo_is_followed() -> None:
    first = player(5, 84, bars=6)
    then = player(6, 108, bars=8, start_s=first[-1].at_s + 0.6)
    end_s = then[-1].at_s
    beat = heard(first + then, end_s).beat(end_s)
    assert beat is not None
    assert beat.tempo_bpm == pytest.approx(108, rel=0.05)


@pytest.mark.parametrize("seed", range(6))
def test_free_playing_has_no_beat(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tracker, at_s = BeatTracker(), 1.0
    for _ in range(60):
        at_s += float(rng.gamma(1.5, 0.35))
        tracker.strike(at_s, int(rng.integers(40, 90)), int(rng.integers(40, 80)))
    beat = tracker.beat(at_s + 0.1)
    assert beat is None or beat.confidence < 0.3


def test_a_chord_is_one_onset_and_a_long_silence_no_trouble() -> None:
    tracker = BeatTracker()
    for beat in range(16):
        for voice in range(4):
            tracker.strike(1 + beat * 0.6 + voice * 0.004, 70, 48 + 7 * voice)
    found = tracker.beat(11)
    assert found is not None
    assert found.tempo_bpm == pytest.approx(100, rel=0.03)
    tracker.strike(500.0, 70, 60)
    tracker.strike(501.0, 70, 60)
    later = tracker.beat(502.0)
    assert later is not None
    assert 40 <= later.tempo_bpm <= 220
