"""Attributes measured on music whose values are known, and their scales."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.music.attributes import (
    ATTRIBUTES,
    Attribute,
    Music,
    Window,
    Windows,
    articulation,
    chord_onsets,
    dissonance,
    key_of,
    measure,
    measure_windows,
    melody,
    mode,
    profile_in_best_key,
)

MAJOR, MINOR = [0, 2, 4, 5, 7, 9, 11], [0, 2, 3, 5, 7, 8, 11]
NAMES = list(ATTRIBUTES)


def arrays(*columns: list[float]) -> tuple[np.ndarray, ...]:
    return tuple(np.array(column, dtype=np.float64) for column in columns)


@pytest.mark.parametrize("name", NAMES)
@given(share=st.floats(-1, 1))
def test_a_scale_there_and_back(name: str, share: float) -> None:
    attribute = ATTRIBUTES[name]
    value = attribute.denormalise(share)
    assert attribute.low - 1e-9 <= value <= attribute.high + 1e-9
    assert attribute.normalise(value) == pytest.approx(share, abs=1e-9)


@pytest.mark.parametrize("attribute", ATTRIBUTES.values(), ids=NAMES)
def test_the_ends_of_a_scale(attribute: Attribute) -> None:
    assert attribute.normalise(attribute.low) == attribute.normalise(attribute.low - 99) == -1
    assert attribute.normalise(attribute.high) == attribute.normalise(attribute.high + 99) == pytest.approx(1)
    assert attribute.denormalise(-5) == attribute.low
    assert attribute.denormalise(5) == pytest.approx(attribute.high)


def test_speeds_are_on_a_logarithmic_scale() -> None:
    assert {name for name in NAMES if ATTRIBUTES[name].scale == "log"} == {"onset_density", "tempo"}
    assert ATTRIBUTES["tempo"].denormalise(0) == pytest.approx((40 * 200) ** 0.5)
    assert ATTRIBUTES["register"].denormalise(0) == 60


@pytest.mark.parametrize("tonic", range(12))
def test_the_mode_of_a_scale(tonic: int) -> None:
    weight = np.array([3.0, 1, 2, 1, 2, 1, 1])
    major, minor = (mode(np.array([60.0 + tonic + step for step in scale]), weight) for scale in (MAJOR, MINOR))
    assert -1 <= minor < -0.3 < 0.3 < major <= 1


def test_the_mode_of_what_has_none() -> None:
    assert mode(np.arange(60.0, 72.0), np.ones(12)) == 0


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize("major", [True, False])
def test_the_key_and_its_triad(tonic: int, major: bool) -> None:
    histogram = np.zeros(12)
    for step, weight in zip(MAJOR if major else MINOR, (5, 2, 4, 2, 4, 2, 2), strict=True):
        histogram[(tonic + step) % 12] = weight
    key = key_of(histogram)
    assert key == (tonic, major)
    assert key.triad == (tonic, (tonic + (4 if major else 3)) % 12, (tonic + 7) % 12)
    profile = profile_in_best_key(histogram, major)
    assert int(profile.argmax()) in key.triad
    assert profile.mean() == pytest.approx(0)


def test_the_key_before_the_first_note() -> None:
    assert key_of(np.zeros(12)) == (0, True)
    assert not profile_in_best_key(np.zeros(12), True).any()


def test_dissonance_is_the_share_of_harsh_intervals() -> None:
    def at_once(*pitches: int) -> float:
        return dissonance(*arrays([0.0] * len(pitches), [1.0] * len(pitches), list(pitches)))

    assert at_once(60, 64, 67) == 0
    assert at_once(60, 61) == at_once(60, 66) == at_once(60, 71) == at_once(60, 74) == 1
    assert at_once(60, 64, 67, 70) == pytest.approx(2 / 6)  # c-b flat and e-b flat
    assert at_once(60) == 0
    assert dissonance(*arrays([0, 1], [1, 2], [60, 61])) == 0, "one after the other is no interval"
    assert dissonance(*arrays([0, 1], [2, 2], [60, 61])) == 1, "what still sounds is"


def test_the_melody_is_on_top() -> None:
    onset, end, pitch = arrays([0, 0, 1, 2, 3], [1, 4, 2, 3, 4], [60, 48, 72, 62, 47])
    assert melody(onset, end, pitch).tolist() == [0, 2, 3], "47 lies under the held 48"


def test_a_spread_chord_is_one_onset() -> None:
    on_s = np.array([1.0, 0.012, 0.0, 1.02, 0.5, 1.041])
    assert chord_onsets(on_s).tolist() == [1.0, 0.0, 0.0, 1.0, 0.5, 1.0], "in any order; a rolled chord as well"
    apart = np.arange(8) * 0.05  # 32nds at 150 beats per minute
    assert chord_onsets(apart).tolist() == apart.tolist()
    assert chord_onsets(np.zeros(0)).tolist() == []
    spread = np.array([72.0, 64, 60])
    late = chord_onsets(np.array([0.0, 0.011, 0.012]))
    assert melody(late, late + 1, spread).tolist() == [0], "the highest; 11 ms later another would seem to follow"


def test_articulation() -> None:
    def line(duration: float) -> float:
        return articulation(*arrays([0, 1, 2, 3], [duration] * 4, [60, 62, 64, 65]))

    assert [line(value) for value in (0.1, 0.5, 1.0, 3.0)] == [0.25, 0.5, 1.0, 1.0]
    assert articulation(*arrays([0], [0.1], [60])) == 1


def test_a_window() -> None:
    onset, duration, pitch, velocity = arrays([0, 0, 1, 2], [1, 1, 1, 1], [60, 64, 67, 72], [10, 20, 30, 60])
    measured = measure(Window(4.0, onset, duration, pitch, velocity, 90.0))
    assert set(measured) == set(ATTRIBUTES)
    assert (measured["onset_density"], measured["tempo"], measured["loudness"]) == (0.75, 90.0, 30.0)
    assert measured["register"] == 65.75
    assert measured["pitch_spread"] == pytest.approx(np.std([60, 64, 67, 72]))
    bare = measure(Window(4.0, onset, duration, pitch, None, None))
    assert set(ATTRIBUTES) - set(bare) == {"loudness", "tempo"}


def test_an_empty_window_has_a_density_only() -> None:
    nothing = np.zeros(0)
    assert measure(Window(4.0, nothing, nothing, nothing, nothing, None)) == {"onset_density": 0}


def slow_dissonance(onset: np.ndarray, end: np.ndarray, pitch: np.ndarray) -> float:
    """By its definition: at each onset every pair of different pitches that sound."""
    harsh = pairs = 0
    for moment in np.unique(onset):
        sounding = pitch[(onset <= moment) & (end > moment)]
        classes = [int(abs(a - b)) % 12 for i, a in enumerate(sounding) for b in sounding[:i] if a != b]
        pairs += len(classes)
        harsh += sum(value in (1, 2, 6, 10, 11) for value in classes)
    return harsh / pairs if pairs else 0.0


def slow_melody(onset: np.ndarray, end: np.ndarray, pitch: np.ndarray) -> list[int]:
    line = []
    for moment in np.unique(onset):
        top = max(np.flatnonzero(onset == moment), key=lambda index: pitch[index])
        over = (onset < moment) & (end > moment) & (pitch > pitch[top]) & (end >= end[top])
        if not over.any():
            line.append(int(top))
    return line


ROWS = st.lists(st.tuples(st.integers(0, 24), st.integers(0, 12), st.integers(55, 70)), max_size=30)


@given(ROWS, st.integers(1, 9), st.integers(1, 9))
def test_windows_at_once_are_windows_one_by_one(rows: list[tuple[int, int, int]], hop: int, reach: int) -> None:
    onset, duration, pitch = arrays(*(list(column) for column in zip(*sorted(rows), strict=True))) or [np.zeros(0)] * 3
    end, velocity = onset + duration, pitch + 10
    starts = np.arange(0, 26, hop)
    first, last = np.searchsorted(onset, starts), np.searchsorted(onset, starts + reach)
    seconds = np.full(len(starts), float(reach))
    together = measure_windows(Music(onset, end, pitch, velocity), Windows(first, last, seconds))
    for index, (low, high) in enumerate(zip(first, last, strict=True)):
        inside = slice(low, high)
        alone = measure(Window(float(reach), onset[inside], duration[inside], pitch[inside], velocity[inside], None))
        there = {name: values[index] for name, values in together.items() if not np.isnan(values[index])}
        assert there == pytest.approx(alone, abs=1e-9)
        if low == high:
            continue
        notes = onset[inside], end[inside], pitch[inside]
        assert alone["dissonance"] == pytest.approx(slow_dissonance(*notes))
        assert melody(*notes).tolist() == slow_melody(*notes)
        line = np.array(slow_melody(*notes))
        ratio = duration[inside][line][:-1] / np.diff(notes[0][line]) if len(line) > 1 else np.ones(1)
        assert alone["articulation"] == pytest.approx(np.clip(np.median(ratio), 0.25, 1))
        assert alone["onset_density"] == pytest.approx(len(np.unique(notes[0])) / reach)
        assert alone["pitch_spread"] == pytest.approx(notes[2].std(), abs=1e-9)
        assert alone["mode"] == pytest.approx(mode(notes[2], duration[inside]), abs=1e-9)


def test_pairs_come_in_portions_and_none_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    onset = np.arange(200.0)
    notes = onset, onset + 50, 60 + onset % 13
    whole = dissonance(*notes)
    monkeypatch.setattr("improv.music.attributes._PAIRS_AT_ONCE", 100)
    assert dissonance(*notes) == whole == pytest.approx(slow_dissonance(*notes))
