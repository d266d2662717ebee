"""Limits that hold whatever else commands: on the values, and on the notes as they are sent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv import config
from improv.config import Config
from improv.config.adapters import render
from improv.control.commands import SetAttribute, SetLimit, SetMood
from improv.control.parse import parse
from improv.errors import CommandError, ConfigError
from improv.model.onnx_model import OnnxModel
from improv.music.limits import DENSITY_WINDOW_S, FREE, LIMITED, Band, Limits
from improv.music.mood import CORNERS


def limited(**bands: tuple[float, float]) -> Limits:
    limits = FREE
    for name, (low, high) in bands.items():
        limits = limits.changed(name, low, high)
    return limits


@given(st.integers(0, 116), st.integers(11, 127), st.integers(0, 127))
def test_a_pitch_is_brought_inside_by_octaves(low: int, width: int, pitch: int) -> None:
    sent = limited(register=(low, min(low + width, 127))).pitch(pitch)
    assert low <= sent <= low + width
    assert (sent - pitch) % 12 == 0


def test_attributes_are_held_inside() -> None:
    limits = limited(tempo=(60, 90), loudness=(30, 50), register=(48, 72), onset_density=(1, 3))
    high = limits.attributes({"tempo": 150.0, "loudness": 80.0, "register": 84.0, "onset_density": 9.0, "mode": 1.0})
    assert high == {"tempo": 90, "loudness": 50, "register": 67, "onset_density": 3, "mode": 1}
    low = limits.attributes({"tempo": 40.0, "loudness": 20.0, "register": 36.0, "onset_density": 0.5})
    assert low == {"tempo": 60, "loudness": 30, "register": 53, "onset_density": 1}
    assert FREE.attributes({"tempo": 150.0}) == {"tempo": 150}


def test_limits_inside_limits() -> None:
    outer = limited(tempo=(60, 90))
    assert limited(tempo=(70, 200)).within(outer).bands["tempo"] == Band(70, 90)
    assert limited(tempo=(100, 200)).within(outer).bands["tempo"] == Band(90, 90), "the outer ones go before"
    wide = limited(register=(48, 72))
    assert limited(register=(70, 90)).within(wide).bands["register"] == Band(48, 72), "an octave must be left"


def test_commands() -> None:
    assert parse({"command": "limit", "name": "tempo", "low": 60, "high": None}) == SetLimit("tempo", 60.0, None)
    with pytest.raises(CommandError, match="limit: tempo the floor 90 lies above the ceiling 60"):
        parse({"command": "limit", "name": "tempo", "low": 90, "high": 60})
    with pytest.raises(CommandError, match=r"limit: loudness must be 1\.\.127 velocity \(got 200\)"):
        parse({"command": "limit", "name": "loudness", "high": 200})


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("limits.tempo=[90, 60]", "limits.tempo: the floor 90 lies above the ceiling 60"),
        ("limits.tempo=90", "limits.tempo: must be a pair of numbers [floor, ceiling] (got 90)"),
        ("limits.tempo=[a, 60]", "limits.tempo: must be a pair of numbers"),
        ("limits.register=[60, 66]", "limits.register: must leave 12 keys or more, an octave (got 60..66)"),
        ("limits.temp=[60, 66]", "limits.temp: unknown limit, did you mean 'tempo'?"),
    ],
)
def test_what_contradicts_in_the_configuration(override: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.load(None, [override], {})
    assert expected in str(caught.value)


def test_the_defaults_are_free() -> None:
    from improv.config.sections.limits import limits_of

    assert limits_of(Config().limits) == FREE
    assert set(Config().limits) == set(LIMITED)


@pytest.mark.parametrize("seed", range(3))
def test_limits_hold_on_the_notes_as_sent(tiny: OnnxModel, seed: int) -> None:
    bands = {"loudness": "[30, 50]", "tempo": "[70, 80]", "register": "[55, 70]", "onset_density": "[0.5, 3]"}
    narrow = config.load(None, [f"limits.{name}={pair}" for name, pair in bands.items()], {})
    loud = [
        (0.1, SetAttribute("loudness", 120)),
        (0.1, SetAttribute("tempo", 200)),
        (0.1, SetAttribute("register", 84)),
    ]
    wild = [*loud, (0.2, SetAttribute("onset_density", 12)), (5.0, SetMood(*CORNERS["nervous"]))]
    steps = render(tiny, narrow, 30.0, seed, CORNERS["happy"], wild)
    notes = [note for step in steps for note in step.started]
    assert len(notes) > 20
    assert all(30 <= note.velocity <= 50 and 55 <= note.pitch <= 70 for note in notes)
    assert all(70 - 1e-9 <= step.position.tempo_bpm <= 80 + 1e-9 for step in steps)
    onsets = np.array(sorted({step.position.music_s for step in steps if step.started}))
    most = max(np.sum((onsets > s - DENSITY_WINDOW_S) & (onsets <= s)) for s in onsets)
    assert most <= 3 * DENSITY_WINDOW_S
    assert np.diff(onsets).max() <= 2.0 + 1e-6


def test_a_limit_that_comes_late_holds_for_what_follows(tiny: OnnxModel) -> None:
    steps = render(tiny, Config(), 12.0, 1, CORNERS["nervous"], [(6.0, SetLimit("loudness", None, 40))])
    late = [note.velocity for step in steps for note in step.started if step.position.music_s > 6.3]
    assert late
    assert max(late) <= 40
