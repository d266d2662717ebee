"""Attributes measured on music whose values are known, and their scales."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.attributes import (
    ATTRIBUTES,
    Attribute,
    Window,
    articulation,
    dissonance,
    key_of,
    measure,
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
