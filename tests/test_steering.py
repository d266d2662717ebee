"""What turns the network: pure functions with known answers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from improv import steering

C_MAJOR_NOTES = np.array([4.0, 0, 2, 0, 3, 2, 0, 3, 0, 2, 0, 1])


@pytest.mark.parametrize(("intensity", "expected"), [(0, 0), (0.25, 0.5), (0.5, 1), (0.75, 2), (1, 3)])
def test_guidance_is_as_learned_in_the_middle(intensity: float, expected: float) -> None:
    assert steering.guidance(intensity, strongest=3) == pytest.approx(expected)


def test_guidance_never_falls() -> None:
    values = [steering.guidance(intensity, strongest=1) for intensity in np.linspace(0, 1, 21)]
    assert values == sorted(values)


def test_major_music_that_must_turn_minor_is_drawn_to_a_near_key() -> None:
    pull = steering.key_pull(C_MAJOR_NOTES, mode=-1, dissonance=0, intensity=0.5, strength=1)
    assert pull.shape == (128,)
    best = {int(pitch) % 12 for pitch in np.argsort(pull[60:72])[-3:]}
    assert best in ({9, 0, 4}, {4, 7, 11}, {2, 5, 9}), "A, E or D minor: keys beside C major"
    assert pull[60:72] == pytest.approx(pull[72:84])


def test_key_pull_grows_with_mode_and_intensity_and_falls_with_dissonance() -> None:
    def spread(mode: float, dissonance: float, intensity: float) -> float:
        return float(steering.key_pull(C_MAJOR_NOTES, mode, dissonance, intensity, 1).std())

    assert spread(0, 0, 0.5) == 0
    assert spread(0.5, 0, 0.5) < spread(1, 0, 0.5) < spread(1, 0, 0.7)
    assert spread(1, 0.5, 0.5) == pytest.approx(spread(1, 0, 0.5) / 3)
    assert not steering.key_pull(np.zeros(12), 1, 0, 0.5, 1).any(), "nothing has sounded yet: no key to be near to"


def test_density_pull_makes_up_for_what_is_missing() -> None:
    assert steering.density_pull(onsets=8, past_s=4, commanded=2, strength=1) == 0
    assert steering.density_pull(onsets=4, past_s=4, commanded=2, strength=1) == pytest.approx(math.log(2))
    assert steering.density_pull(onsets=16, past_s=4, commanded=2, strength=0.5) == pytest.approx(-math.log(2) / 2)
    assert steering.density_pull(onsets=0, past_s=4, commanded=12, strength=3) == steering.LARGEST_DENSITY_PULL
    assert steering.density_pull(onsets=40, past_s=4, commanded=0.5, strength=3) == -steering.LARGEST_DENSITY_PULL
