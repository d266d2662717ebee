"""What somebody began and left behind is let go by itself after its longest time, with a sentence."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.config import load
from improv.control import commands
from improv.control.commands import Command
from improv.control.journey import Journey, Waypoint
from improv.control.lasting import LettingGo, LongestTimes, Outside, lasting
from improv.control.published_state import State
from improv.control.state import ControlState, apply
from improv.midi.messages import NOTE_OFF, NOTE_ON
from improv.music.chord import chord_of
from improv.music.mood import CORNERS
from improv.player.protocol import ClockIn, Received
from tests.fakes import ScriptedModel, Stage, controls
from tests.stage import CHORD, EVENLY, STEP_END, assert_silent, assert_sound

MINUTE_S = 60.0
SHORT = 0.1  # minutes
JOURNEY = Journey("there", (Waypoint(0.0, CORNERS["sad"]), Waypoint(3600.0, CORNERS["happy"])))


def stage_with(*settings: str) -> Stage:
    stage = Stage(ScriptedModel([*CHORD, STEP_END]), settings=[EVENLY, *settings])
    stage.play(5.0)
    return stage


def act(stage: Stage, *several: Command) -> None:
    for command in several:
        stage.engine.act(command, stage.clock.now())


LASTS: list[tuple[str, list[Command], Callable[[State], bool], str]] = [
    ("loop", [commands.SetLoop("1")], lambda now: now.loop == "1", "the loop"),
    (
        "loop",
        [commands.SetLoop("1"), commands.SetLoopVariation(0.5)],
        lambda now: now.loop == "1",
        "the loop",
    ),
    ("plan", [commands.SetKey(5)], lambda now: now.key != "auto", "the key"),
    (
        "attribute",
        [commands.SetAttribute("onset_density", 8.0)],
        lambda now: "onset_density" in now.overrides,
        "the attribute onset_density",
    ),
    ("limit", [commands.SetLimit("tempo", 60, 70)], lambda now: "tempo" in now.limits, "the limit of tempo"),
    ("lock", [commands.SetLock("mood")], lambda now: now.lock == "mood", "the lock against visitors"),
    (
        "hold",
        [commands.StartJourney(JOURNEY), commands.HoldJourney()],
        lambda now: now.journey_held,
        "the hold of the journey",
    ),
    (
        "hold",
        [commands.StartJourney(JOURNEY), commands.SetMood(-0.5, -0.5)],
        lambda now: now.journey_held,
        "the hold of the journey",
    ),
    ("waiting", [commands.SetMode("answer")], lambda now: now.mode == "answer", "the mode answer"),
    ("waiting", [commands.SetMode("play_for_me")], lambda now: now.mode != "solo", "the mode play_for_me"),
    ("clock", [commands.SetClockSource("midi")], lambda now: now.clock_source == "midi", "the other program's clock"),
    ("pause", [commands.Pause()], lambda now: not now.playing, "the pause"),
    ("pause", [commands.Panic()], lambda now: not now.playing, "the pause"),
    ("pause", [commands.Stop()], lambda now: not now.playing, "the pause"),
]


@pytest.mark.parametrize(("kind", "several", "lasts", "words"), LASTS, ids=lambda one: str(one)[:40])
def test_what_somebody_left_behind_is_let_go_with_a_sentence(
    kind: str,
    several: Sequence[Command],
    lasts: Callable[[State], bool],
    words: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    stage = stage_with(f"let_go.{kind}_minutes={SHORT}")
    act(stage, *several)
    stage.play(0.9 * SHORT * MINUTE_S)
    assert lasts(stage.engine.status())
    assert "released" not in caplog.text
    stage.play(0.5 * SHORT * MINUTE_S)  # a stop comes with the bar
    assert not lasts(stage.engine.status())
    said = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING and "released" in one.message]
    assert said == [f"{words} lasted for {SHORT} minutes and is released (let_go.{kind}_minutes)"]
    notes = stage.engine.status().notes_planned
    stage.play(5.0)
    assert stage.engine.status().notes_planned > notes  # there is music
    assert_sound(stage)
    act(stage, commands.Panic())
    assert_silent(stage)


@pytest.mark.parametrize(("kind", "several", "lasts", "words"), LASTS[::7], ids=lambda one: str(one)[:40])
def test_an_owner_may_want_it_for_ever(
    kind: str, several: Sequence[Command], lasts: Callable[[State], bool], words: str
) -> None:
    stage = stage_with(f"let_go.{kind}_minutes=0")
    act(stage, *several)
    stage.play(12.0)
    assert lasts(stage.engine.status())


def test_a_pause_that_the_curator_locked_is_no_visitors(caplog: pytest.LogCaptureFixture) -> None:
    stage = stage_with(f"let_go.pause_minutes={SHORT}", f"let_go.lock_minutes={3 * SHORT}")
    act(stage, commands.Pause(), commands.SetLock("play"))
    stage.play(2.5 * SHORT * MINUTE_S)
    assert not stage.engine.status().playing
    stage.play(2 * SHORT * MINUTE_S)
    assert stage.engine.status().playing


def test_what_is_commanded_again_lasts_anew() -> None:
    stage = stage_with(f"let_go.attribute_minutes={SHORT}")
    for value in (7.0, 8.0, 9.0):
        act(stage, commands.SetAttribute("onset_density", value))
        stage.play(0.75 * SHORT * MINUTE_S)
    assert stage.engine.status().overrides == {"onset_density": 9.0}
    stage.play(0.5 * SHORT * MINUTE_S)
    assert not stage.engine.status().overrides


def test_a_mode_that_waits_lasts_while_somebody_plays() -> None:
    stage = stage_with(f"let_go.waiting_minutes={SHORT}")
    act(stage, commands.SetMode("answer"))
    for _ in range(4):  # every few seconds a short phrase
        for pitch in (60, 64, 67):
            stage.link.arriving.append((stage.clock.now(), Received(bytes((NOTE_ON, pitch, 80)), stage.clock.now())))
            stage.play(0.3)
            stage.link.arriving.append((stage.clock.now(), Received(bytes((NOTE_OFF, pitch, 0)), stage.clock.now())))
            stage.play(0.2)
        stage.play(2.5)
    assert stage.engine.status().mode == "answer"
    stage.play(SHORT * MINUTE_S)
    assert stage.engine.status().mode == "solo"


def test_a_clock_that_runs_is_followed_for_ever() -> None:
    stage = stage_with(f"let_go.clock_minutes={SHORT}")
    act(stage, commands.SetClockSource("midi"))
    at_s = stage.clock.now()
    stage.link.arriving.append((at_s, ClockIn("start", True, 0, at_s, 0.02)))
    stage.play(2 * SHORT * MINUTE_S)
    assert stage.engine.status().clock_source == "midi"


def test_what_the_owner_chose_is_nothing_that_somebody_began() -> None:
    stage = stage_with(
        f"let_go.limit_minutes={SHORT}", f"let_go.waiting_minutes={SHORT}", "limits.tempo=[50, 90]", "music.mode=answer"
    )
    act(stage, commands.SetLimit("tempo", 60, 70))
    stage.play(2 * SHORT * MINUTE_S)
    now = stage.engine.status()
    assert now.limits == {"tempo": (50.0, 90.0)}
    assert now.mode == "answer"


def test_new_times_hold_at_once() -> None:
    stage = stage_with("let_go.loop_minutes=0")
    act(stage, commands.SetLoop("1"))
    stage.play(8.0)
    longest = LongestTimes(loop=5.0)
    engine = stage.engine
    engine.reconfigure(
        stage.improviser.settings, replace(engine.settings, longest=longest), engine.midi_map, engine._initial
    )
    stage.play(1.0)
    assert stage.engine.status().loop == "off"


def test_the_defaults_never_let_silence_become_music() -> None:
    longest = load(None, [], {}).let_go.longest
    for kind in ("waiting", "clock", "pause"):
        assert getattr(longest, kind) == math.inf
    assert all(getattr(longest, kind) < math.inf for kind in ("loop", "chord", "plan", "attribute", "limit", "hold"))


# ------------------------------------------------------------------------------------------------------- whatever comes

CHORDS = [chord_of(keys) for keys in ((60, 64, 67), (57, 60, 64))]
ANYTHING = st.one_of(
    st.builds(commands.SetLoop, st.sampled_from(commands.LOOPS)),
    st.builds(commands.SetLoopVariation, st.floats(0, 1)),
    st.builds(commands.SetChord, st.sampled_from([None, *CHORDS])),
    st.builds(commands.SetChords, st.sampled_from(["", "C F G C"])),
    st.builds(commands.SetKey, st.none() | st.integers(0, 23)),
    st.builds(commands.SetPhraseBars, st.none() | st.integers(1, 16)),
    st.builds(commands.SetReach, st.none() | st.integers(0, 6)),
    st.builds(commands.SetForm, st.booleans()),
    st.builds(commands.SetAttribute, st.sampled_from(["tempo", "mode"]), st.none() | st.floats(-1, 1)),
    st.builds(commands.SetLimit, st.sampled_from(["tempo", "loudness"]), st.none() | st.just(40), st.none()),
    st.builds(commands.SetMode, st.sampled_from(commands.MODES)),
    st.builds(commands.SetClockSource, st.sampled_from(commands.CLOCK_SOURCES)),
    st.builds(commands.StartJourney, st.just(JOURNEY)),
    st.builds(commands.SetMood, st.floats(-1, 1)),
    st.sampled_from([commands.HoldJourney(), commands.Pause(), commands.Panic(), commands.Play(), commands.Reset()]),
)


@given(st.lists(ANYTHING, max_size=20), st.booleans())
def test_whatever_was_commanded_nothing_lasts_for_ever(several: list[Command], stands: bool) -> None:
    initial = controls()
    state = initial
    for command in several:
        state = apply(state, command, 1.0, initial)  # type: ignore[arg-type]
    longest = LongestTimes(*(60.0 for _ in LongestTimes._fields))
    letting_go, now_s, outside = LettingGo(longest), 0.0, Outside(clock_stands=stands)
    while now_s < 200.0:
        for one in letting_go.look(lasting(state, initial, outside), now_s):
            assert now_s >= 60.0
            for command in one.let_go:
                state = apply(state, command, 1.0 + now_s, initial)  # type: ignore[arg-type]
        now_s += 1.0
    assert not list(lasting(state, initial, outside))
    assert _as_at_the_start(state, initial, stands=stands)


def _as_at_the_start(state: ControlState, initial: ControlState, *, stands: bool) -> bool:
    kept = ("loop", "chord", "chords", "key", "phrase_bars", "reach_fifths", "form", "overrides", "standing_limits")
    if state.clock_source == "internal" and not state.playing:
        return False
    if stands and state.clock_source != "internal":
        return False
    return all(getattr(state, name) == getattr(initial, name) for name in kept)
