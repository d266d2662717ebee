"""Opening hours, quiet hours and nobody there, on the manual clock and a time of day that goes with it."""

from __future__ import annotations

import datetime
import json
import logging
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.app.supervision.engine_process import fallen_back
from improv.app.supervision.orders import DEFAULT_CONFIG, NO_NETWORK
from improv.clock import ManualClock
from improv.config import Config, adapters, load
from improv.control import commands
from improv.control.journey import Journey, Waypoint
from improv.control.local_hours import Span
from improv.control.locks import refuse, yielding
from improv.control.presence import HERE, Ceiling, HouseRules
from improv.control.state import ControlState, apply
from improv.engine.attendance import Attendance
from improv.engine.engine import Engine
from improv.engine.transport import Before
from improv.errors import CommandError
from improv.midi.messages import NOTE_OFF, NOTE_ON
from improv.music.mood import CORNERS
from improv.player.protocol import ClockIn, Received
from improv.takes.schema import controls_of, controls_record
from tests.app.supervision.test_checkpoint import written
from tests.control.test_local_hours import spans
from tests.fakes import ScriptedModel, Stage, controls
from tests.stage import CHORD, EVENLY, STEP_END, assert_silent, assert_sound

MONDAY = datetime.datetime(2026, 11, 30, tzinfo=datetime.UTC)
JOURNEY = Journey("there", (Waypoint(0.0, CORNERS["sad"]), Waypoint(3600.0, CORNERS["happy"])))
ZONE = "presence.time_zone=UTC"


def stage_at(hour: int, minute: int, *settings: str, second: int = 50) -> Stage:
    """On a Monday, the second before the minute is over where nothing else is said."""
    stage = Stage(ScriptedModel([*CHORD, STEP_END]), settings=[EVENLY, ZONE, *settings])
    begun_s, begun = stage.clock.now(), MONDAY.replace(hour=hour, minute=minute, second=second)
    stage.engine._attendance._local_time = lambda: begun + datetime.timedelta(seconds=stage.clock.now() - begun_s)
    return stage


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.name == "improv.engine.by_itself"]


@pytest.fixture(autouse=True)
def _all_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def test_it_closes_and_opens_by_itself_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    stage = stage_at(17, 59, "presence.opening=['mon-fri 10:00-18:00','mon 18:01-19:00']")
    stage.play(9.0)
    assert stage.engine.status().playing
    assert (stage.engine.status().hours, stage.engine.status().hours_until) == ("open", "")
    stage.play(3.0)
    now = stage.engine.status()
    assert (now.playing, now.hours, now.hours_until) == (False, "closed", "Mon 18:01")
    assert_silent(stage)
    stage.play(50.0)
    assert_silent(stage)
    stage.play(10.0)
    now = stage.engine.status()
    assert (now.playing, now.hours, now.hours_until) == (True, "open", "")
    assert_sound(stage)
    assert said(caplog) == [
        "outside of the opening hours: no note sounds until Mon 18:01 (presence.opening)",
        "the opening hours begin: the music plays",
    ]


def test_a_start_outside_of_the_hours_is_silent_from_the_first_moment(caplog: pytest.LogCaptureFixture) -> None:
    stage = stage_at(3, 0, "presence.opening=['10:00-18:00']")
    stage.play(5.0)
    assert not stage.link.scheduled
    assert stage.engine.status().hours_until == "Mon 10:00"
    assert len(said(caplog)) == 1


@pytest.mark.parametrize("command", [commands.Play(), commands.PlayPause()])
def test_nobody_plays_outside_of_the_hours(command: commands.Command) -> None:
    stage = stage_at(3, 0, "presence.opening=['10:00-18:00']")
    stage.play(1.0)
    with pytest.raises(CommandError, match=r"outside of the opening hours nothing plays until Mon 10:00"):
        stage.engine.act(command, stage.clock.now())
    stage.play(1.0)
    assert not stage.link.scheduled


def test_another_programs_clock_does_not_open_it() -> None:
    stage = stage_at(3, 0, "presence.opening=['10:00-18:00']", "clock.source=midi")
    stage.play(1.0)
    at_s = stage.clock.now()
    stage.link.arriving.append((at_s, ClockIn("start", True, 0, at_s, 0.02)))
    stage.play(3.0)
    assert not stage.link.scheduled
    assert not stage.engine.status().playing


def test_a_pause_of_yesterday_does_not_keep_it_silent_today() -> None:
    stage = stage_at(17, 59, "presence.opening=['10:00-18:00','18:01-19:00']", "let_go.pause_minutes=0.2")
    stage.engine.act(commands.Pause(), stage.clock.now())
    stage.play(40.0)
    assert_silent(stage)  # what lets a pause go does not play outside of the hours
    stage.play(40.0)
    assert stage.engine.status().playing


def test_quiet_hours_hold_loudness_and_arousal_and_give_them_back(caplog: pytest.LogCaptureFixture) -> None:
    stage = stage_at(21, 59, "presence.quiet=['22:00-22:01']", "presence.quiet_loudness=40", "limits.loudness=[30, 90]")
    stage.engine.act(commands.SetMood(1.0, 1.0), stage.clock.now())
    stage.play(5.0)
    assert stage.engine.status().arousal == 1.0
    stage.play(8.0)
    now = stage.engine.status()
    assert (now.hours, now.hours_until, now.arousal, now.target_arousal) == ("quiet", "Mon 22:01", -0.2, -0.2)
    assert now.limits["loudness"] == (30, 40)
    quiet_s = stage.clock.now()
    stage.play(20.0)
    loud = [note.velocity for note in stage.link.scheduled.values() if note.on_s > quiet_s]
    assert loud
    assert max(loud) <= 40
    stage.play(45.0)
    now = stage.engine.status()
    assert (now.hours, now.arousal, now.target_arousal) == ("open", 1.0, 1.0)
    assert now.limits["loudness"] == (30, 90)
    assert said(caplog) == [
        "quiet hours until Mon 22:01: at most loudness 40, arousal -0.2",
        "the quiet hours are over",
    ]


IDLE = ("presence.idle_minutes=0.1", "presence.idle_mood=sad", "presence.idle_mode=play_for_me")


def test_nobody_there_is_idle_until_somebody_commands(caplog: pytest.LogCaptureFixture) -> None:
    stage = stage_at(12, 0, *IDLE)
    stage.play(5.0)
    assert stage.engine.status().presence == "somebody"
    stage.play(2.0)
    now = stage.engine.status()
    assert (now.presence, now.mood, now.mode) == ("nobody", "sad", "play_for_me")
    stage.engine.act(commands.SetIntensity(0.5), stage.clock.now())
    stage.play(1.0)
    now = stage.engine.status()
    assert (now.presence, now.mood, now.mode) == ("somebody", "calm", "solo")
    assert said(caplog) == [
        "nobody did anything for 0.1 minutes: the music is idle",
        "somebody is there again: mood and mode as they were before",
    ]


def test_a_mood_that_wakes_it_is_the_mood_that_is_played() -> None:
    stage = stage_at(12, 0, *IDLE)
    stage.play(8.0)
    stage.engine.act(commands.SetMood(*CORNERS["happy"]), stage.clock.now())
    stage.play(1.0)
    assert (stage.engine.status().mood, stage.engine.status().mode) == ("happy", "solo")


def test_a_key_is_somebody_and_its_end_is_not() -> None:
    stage = stage_at(12, 0, *IDLE)
    stage.play(8.0)
    stage.link.arriving.append((stage.clock.now(), Received(bytes((NOTE_OFF, 60, 0)), stage.clock.now())))
    stage.play(1.0)
    assert stage.engine.status().presence == "nobody"
    stage.link.arriving.append((stage.clock.now(), Received(bytes((NOTE_ON, 60, 80)), stage.clock.now())))
    stage.play(1.0)
    assert stage.engine.status().presence == "somebody"


def test_it_is_said_who_is_there() -> None:
    stage = stage_at(12, 0, "presence.idle_mood=sad")  # no minutes: only where it is said
    stage.play(100.0)
    assert stage.engine.status().presence == "somebody"
    stage.engine.act(commands.SetPresence("nobody"), stage.clock.now())
    stage.play(0.2)
    assert (stage.engine.status().presence, stage.engine.status().mood) == ("nobody", "sad")
    stage.engine.act(commands.SetPresence("somebody"), stage.clock.now())
    stage.play(0.2)
    assert (stage.engine.status().presence, stage.engine.status().mood) == ("somebody", "calm")
    assert not stage.engine.status().undo  # nothing that a person would take back


def test_who_is_there_is_known_outside_of_the_opening_hours_too(caplog: pytest.LogCaptureFixture) -> None:
    stage = stage_at(17, 59, "presence.opening=['17:00-18:00','18:01-19:00']", "presence.idle_mood=sad")
    stage.play(11.0)
    stage.engine.act(commands.SetPresence("nobody"), stage.clock.now())
    stage.play(1.0)
    now = stage.engine.status()
    assert (now.hours, now.playing, now.presence) == ("closed", False, "nobody")
    stage.play(60.0)
    now = stage.engine.status()
    assert (now.hours, now.playing, now.presence, now.mood) == ("open", True, "nobody", "sad")
    stage.engine.act(commands.SetPresence("somebody"), stage.clock.now())
    stage.play(1.0)
    assert (stage.engine.status().presence, stage.engine.status().mood) == ("somebody", "calm")
    assert "nobody is there: with the opening the music is idle" in said(caplog)


def test_on_a_journey_it_is_told_too_that_nobody_is_there() -> None:
    stage = stage_at(12, 0, *IDLE)
    stage.engine.act(commands.StartJourney(JOURNEY), stage.clock.now())
    stage.engine.act(commands.SetPresence("nobody"), stage.clock.now())
    stage.play(2.0)
    assert (stage.engine.status().presence, stage.engine.status().journey) == ("nobody", "there")


def test_a_journey_is_listened_to() -> None:
    stage = stage_at(12, 0, *IDLE)
    journey = commands.StartJourney(JOURNEY)
    stage.engine.act(journey, stage.clock.now())
    stage.play(30.0)
    assert stage.engine.status().presence == "somebody"
    stage.engine.act(commands.HoldJourney(), stage.clock.now())
    stage.play(7.0)
    assert stage.engine.status().presence == "nobody"


def test_new_rules_hold_at_once() -> None:
    stage = stage_at(12, 0, "presence.opening=['10:00-11:00']")
    stage.play(1.0)
    engine = stage.engine
    assert engine.status().hours == "closed"
    settings = replace(engine.settings, rules=HouseRules())
    engine.reconfigure(stage.improviser.settings, settings, engine.midi_map, engine._initial)
    stage.play(1.0)
    assert (engine.status().hours, engine.status().playing) == ("open", True)


def test_a_file_has_no_hour() -> None:
    config = load(None, ["presence.opening=['mon 00:00-00:01']", "presence.idle_minutes=1"], {})
    assert adapters.offline_settings(config).engine.rules == HouseRules()


def test_an_engine_that_takes_over_knows_the_hour() -> None:
    record = controls_record(_closed())
    assert controls_of(json.loads(json.dumps(record))) == _closed()


def _closed() -> ControlState:
    quiet = apply(controls(), commands.KeepHours(True, 40.0, 0.0), 1.0)
    return apply(quiet, commands.SetIdle(True, -1.0, -1.0, "duet"), 2.0)


@given(st.lists(spans, max_size=3), st.lists(spans, max_size=3), st.lists(st.integers(1, 40000), max_size=12))
def test_whenever_it_is_looked_the_state_is_as_the_hour_asks(
    opening: list[Span], quiet: list[Span], steps: list[int]
) -> None:
    rules = HouseRules(tuple(opening), tuple(quiet), Ceiling(50.0, 0.0), zone=datetime.UTC)
    state, clock, local = controls(), ManualClock(), MONDAY
    attendance = Attendance(rules, clock, lambda: local)
    for minutes in (0, *steps):
        local += datetime.timedelta(minutes=minutes)
        clock.wait(clock.now() + 60.0 * max(minutes, 1))
        asked = attendance.asks(state)
        if asked is not None:
            changed = apply(state, asked.command, clock.now())
            assert changed.presence != state.presence  # each change once
            state = changed
        assert attendance.asks(state) is None
        assert state.presence == replace(HERE, closed=rules.closed(local), ceiling=rules.ceiling_at(local))
        if asked is not None:
            assert state.playing != state.presence.closed


def again_of(stage: Stage, config: Config | None = None) -> None:
    """Another engine takes the place of the stage's, at the same hour."""
    settings, begun_s = adapters.engine_settings(config or stage.config), stage.clock.now()
    begun = stage.engine._attendance._local_time()
    initial = adapters.initial_controls(config or stage.config)
    stage.engine = Engine(
        stage.improviser,
        stage.link,
        stage.clock,
        initial,
        stage.engine.midi_map,
        settings,
        resumed=Before(stage.engine.controls),
        local_time=lambda: begun + datetime.timedelta(seconds=stage.clock.now() - begun_s),
    )


def test_another_engine_knows_that_nobody_is_there() -> None:
    stage = stage_at(12, 0, "presence.idle_mode=play_for_me")
    stage.engine.act(commands.SetPresence("nobody"), stage.clock.now())
    stage.play(2.0)
    assert stage.engine.status().presence == "nobody"
    again_of(stage)
    stage.play(3.0)
    assert (stage.engine.status().presence, stage.engine.status().mode) == ("nobody", "play_for_me")


def test_a_date_that_cannot_be_told_does_not_end_the_music() -> None:
    stage = stage_at(12, 0, "presence.opening=['10:00-18:00']")

    def broken() -> datetime.datetime:
        raise OverflowError("date value out of range")

    stage.engine._attendance._local_time = broken
    stage.play(2.0)
    assert stage.engine.controls.playing


def test_a_scene_kept_in_quiet_hours_is_what_was_commanded() -> None:
    stage = stage_at(21, 59, "presence.quiet=['22:00-22:01']")
    stage.engine.act(commands.SetMood(1.0, 1.0), stage.clock.now())
    stage.play(12.0)
    stage.engine.act(commands.KeepScene("loud"), stage.clock.now())
    assert stage.engine.scenes.kept.book.scene("loud").mood.arousal == 1.0


def test_our_own_echo_is_nobody() -> None:
    stage = stage_at(12, 0, "presence.idle_minutes=0.2", "presence.idle_mood=sad")
    end_s, told = stage.clock.now() + 40, set[int]()
    while stage.clock.now() < end_s:
        stage.play(0.05)
        for note in list(stage.link.scheduled.values()):
            if note.note_id not in told and note.on_s <= stage.clock.now() and not note.is_pedal:
                told.add(note.note_id)
                back = Received(bytes([NOTE_ON, note.pitch, note.velocity]), note.on_s + 0.01)
                stage.link.arriving.append((stage.clock.now(), back))
    assert stage.engine.status().presence == "nobody"


@pytest.mark.parametrize("fallback", [DEFAULT_CONFIG, NO_NETWORK])
def test_an_engine_with_less_keeps_the_hours(fallback: int) -> None:
    names = ("presence.idle_mood=mine", "mood.names.mine=[0.1, 0.2]")
    stage = stage_at(3, 0, "presence.opening=['10:00-18:00']", *names)
    kept = written(stage, 2.0)._replace(config=stage.config)
    assert kept.control_state().presence.closed
    config, _, _ = fallen_back(kept, fallback)
    again_of(stage, config)
    stage.play(3.0)
    assert not stage.engine.controls.playing


def test_where_play_is_locked_a_visitors_panic_does_not_stop_the_music() -> None:
    stage = stage_at(12, 0)
    for lock in ("all", "play"):
        refuse(commands.Panic(), replace(stage.engine.controls, lock=lock))
        stage.engine.act(yielding(commands.Panic(), lock), stage.clock.now())
        stage.play(3.0)
        assert stage.engine.controls.playing
    stage.engine.act(yielding(commands.Panic(), "mood"), stage.clock.now())
    assert not stage.engine.controls.playing


def test_a_computer_that_does_not_know_the_time_plays() -> None:
    stage = Stage(ScriptedModel([*CHORD, STEP_END]), settings=[EVENLY, ZONE, "presence.opening=['10:00-18:00']"])
    stage.engine._attendance._local_time = lambda: datetime.datetime(1970, 1, 1, 3, 0, tzinfo=datetime.UTC)
    stage.play(3.0)
    assert stage.engine.controls.playing
