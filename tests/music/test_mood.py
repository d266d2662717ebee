"""The plane, its corners, the ways between them and what they mean."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.config import DEFAULT_TABLE
from improv.music.attributes import ATTRIBUTES
from improv.music.mood import CORNERS, NEUTRAL, Glide, Mood, attributes_at, mode_tempo_mood, mood_of, nearest_name

points = st.builds(Mood, st.floats(-1, 1), st.floats(-1, 1))


def test_the_corners() -> None:
    assert CORNERS == {"happy": (1, 1), "nervous": (-1, 1), "sad": (-1, -1), "calm": (1, -1)}
    assert list(CORNERS) == ["happy", "nervous", "sad", "calm"]


def test_clipping() -> None:
    assert Mood(-3, 0.5).clipped() == (-1, 0.5)
    assert Mood(0.5, 3).clipped() == (0.5, 1)


@pytest.mark.parametrize("name", CORNERS)
def test_the_nearest_name(name: str) -> None:
    corner = CORNERS[name]
    assert nearest_name(Mood(0.1 * corner.valence, 0.2 * corner.arousal)) == name
    assert nearest_name(corner, {"a": corner, "b": NEUTRAL}) == "a"


def test_a_glide() -> None:
    glide = Glide(Mood(-1, 0), Mood(1, 0.5), 10, 4)
    assert [glide.at(s) for s in (0, 10, 11, 12, 14, 99)] == [
        (-1, 0),
        (-1, 0),
        (-0.5, 0.125),
        (0, 0.25),
        (1, 0.5),
        (1, 0.5),
    ]
    assert Glide(Mood(-1, 0), Mood(1, 0.5), 10, 0).at(0) == (1, 0.5)


@pytest.mark.parametrize("name", CORNERS)
def test_a_corner_means_what_its_table_says(name: str) -> None:
    expected = {attribute: row[name] for attribute, row in DEFAULT_TABLE.items()}
    assert attributes_at(CORNERS[name], DEFAULT_TABLE) == pytest.approx(expected)


def test_in_between_is_interpolated_on_the_attributes_scale() -> None:
    middle = attributes_at(Mood(0, 1), DEFAULT_TABLE)
    ends = [{name: row[corner] for name, row in DEFAULT_TABLE.items()} for corner in ("happy", "nervous")]
    assert middle["register"] == pytest.approx(sum(end["register"] for end in ends) / 2)
    assert middle["tempo"] == pytest.approx(math.prod(end["tempo"] for end in ends) ** 0.5)
    quarter = attributes_at(Mood(0.5, 0.5), {"register": {"happy": 80, "nervous": 40, "sad": 40, "calm": 40}})
    assert quarter["register"] == pytest.approx(40 + 40 * 0.75 * 0.75)


@given(points)
def test_a_mood_stays_between_its_corners(mood: Mood) -> None:
    for name, value in attributes_at(mood, DEFAULT_TABLE).items():
        row = DEFAULT_TABLE[name].values()
        assert min(row) - 1e-9 <= value <= max(row) + 1e-9


def test_the_default_table_goes_the_way_of_the_literature() -> None:
    happy, nervous, sad, calm = (attributes_at(CORNERS[name], DEFAULT_TABLE) for name in CORNERS)
    assert set(happy) == set(ATTRIBUTES)
    assert min(happy["mode"], calm["mode"]) > 0 > max(nervous["mode"], sad["mode"])
    for name in ("tempo", "onset_density", "loudness"):
        assert min(happy[name], nervous[name]) > max(sad[name], calm[name])
    assert happy["register"] > nervous["register"]
    assert calm["register"] > sad["register"]
    assert nervous["dissonance"] > max(happy["dissonance"], calm["dissonance"])


@pytest.mark.parametrize("name", CORNERS)
def test_the_attributes_of_a_corner_suggest_that_corner(name: str) -> None:
    mood = mood_of(attributes_at(CORNERS[name], DEFAULT_TABLE))
    assert mood is not None
    assert nearest_name(mood) == name
    assert mood == mood.clipped()


NEUTRAL_MEASURES = {"mode": 0.0, "onset_density": 2.97, "register": 62, "dissonance": 0.22, "articulation": 0.8}


def test_neutral_music_is_neutral() -> None:
    assert mood_of(NEUTRAL_MEASURES) == pytest.approx(NEUTRAL, abs=1e-9)
    assert mood_of({"onset_density": 2.0}) is None
    assert mood_of({"mode": 0.5}) is None


@pytest.mark.parametrize(
    ("name", "more", "coordinate"),
    [
        ("mode", 0.5, "valence"),
        ("register", 70, "valence"),
        ("dissonance", 0.1, "valence"),
        ("onset_density", 5, "arousal"),
        ("loudness", 70, "arousal"),
        ("articulation", 0.5, "arousal"),
    ],
)
def test_each_attribute_moves_its_own_coordinate(name: str, more: float, coordinate: str) -> None:
    mood = mood_of(NEUTRAL_MEASURES | {name: more})
    assert mood is not None
    other = "arousal" if coordinate == "valence" else "valence"
    assert getattr(mood, coordinate) > 0.05
    assert getattr(mood, other) == pytest.approx(0, abs=1e-9)


def test_the_rule_of_mode_and_tempo() -> None:
    found = [mode_tempo_mood(mode, speed) for mode in (0.5, -0.5) for speed in (5.0, 1.0)]
    assert found == ["happy", "calm", "nervous", "sad"]
