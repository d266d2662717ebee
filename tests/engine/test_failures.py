"""Nothing that is commanded, and no model, can end the music: it is said once, and the music goes on audibly."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from improv.control import state as control_state
from improv.control.commands import Command, SetModel, SetMood, Tap
from improv.engine.models import RETRY_AFTER_S
from improv.engine.replanning import REST_AFTER_FAILURE_S
from improv.errors import CommandError
from improv.improviser.operations import Offer
from improv.model.loader import Loaded
from improv.model.onnx_model import DEFAULT_MODEL
from improv.model.plain_model import PLAIN, PlainModel
from improv.player.protocol import Received
from improv.takes import recreate
from tests.fakes import Failing, ScriptedModel, Stage
from tests.model.test_families import Laden, WildModel
from tests.planned import Untaught
from tests.stage import CHORD, STEP_END, assert_sound, chords, onsets
from tests.takes.test_takes import Session

SCRIPT = [*CHORD, STEP_END]
WAYS = ["raise", "nan", "inf", "shape", "rows", "state", "nothing"]
LONGEST_SILENCE_S = 2.0  # the longest rest is 2 beats, of which 76 make a minute


def longest_silence_s(stage: Stage) -> float:
    """The longest time in which nothing sounded, from the start until now."""
    longest_s, silent_since_s = 0.0, 100.0
    for note in sorted(stage.link.scheduled.values(), key=lambda note: note.on_s):
        longest_s = max(longest_s, note.on_s - silent_since_s)
        silent_since_s = max(silent_since_s, note.off_s)
    return max(longest_s, stage.clock.now() - silent_since_s)


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


# ---------------------------------------------------------------------------------------------------------- commands


def test_taps_at_one_moment_leave_the_music_alone() -> None:
    stage = chords()
    stage.play(1.0)
    for _ in range(5):
        stage.link.press(stage.clock.now(), 87, 127)
    stage.play(3.0)
    assert longest_silence_s(stage) < LONGEST_SILENCE_S
    assert_sound(stage)


def test_a_command_that_fails_is_refused_and_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stage = chords()
    stage.play(1.0)
    before = stage.engine.controls

    def broken(*_: object) -> control_state.ControlState:
        raise ZeroDivisionError("float division by zero")

    monkeypatch.setattr(control_state, "apply", broken)
    for _ in range(20):
        with pytest.raises(CommandError, match="SetMood could not be carried out"):
            stage.engine.act(SetMood(1.0, 1.0), stage.clock.now())
    stage.link.press(stage.clock.now(), 22, 3)
    stage.play(3.0)
    assert stage.engine.controls == before
    assert len([text for text in errors(caplog) if "SetMood" in text]) == 1
    assert longest_silence_s(stage) < LONGEST_SILENCE_S
    monkeypatch.undo()
    stage.engine.act(SetMood(1.0, 1.0), stage.clock.now())
    assert stage.engine.controls != before


def test_a_command_whose_effect_fails_leaves_the_music_playing(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = chords()
    stage.play(1.0)
    silence = stage.engine._ahead.silence
    monkeypatch.setattr(stage.engine._ahead, "silence", lambda: 1 / 0)
    stage.link.press(stage.clock.now(), 120, 0)
    stage.play(1.0)
    monkeypatch.setattr(stage.engine._ahead, "silence", silence)
    stage.play(2.0)
    assert stage.engine.status().playing
    assert longest_silence_s(stage) < LONGEST_SILENCE_S


messages = st.one_of(
    st.binary(max_size=4),
    st.tuples(st.sampled_from([0x80, 0x90, 0xB0, 0xC0, 0xE0]), st.integers(0, 127), st.integers(0, 127)).map(bytes),
)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(messages, st.sampled_from([0.0, 0.0, 0.01, 0.3])), max_size=60))
def test_no_messages_whatever_end_the_turns(arriving: list[tuple[bytes, float]]) -> None:
    stage = chords("controls.channel=all")
    for message, later_s in arriving:
        stage.play(later_s)
        stage.link.arriving.append((stage.clock.now(), Received(message, stage.clock.now())))
    stage.play(0.5)


# ------------------------------------------------------------------------------------------------------------ models


@pytest.mark.parametrize("how", WAYS)
def test_a_model_that_fails_once_begins_anew(how: str, caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage(Failing(SCRIPT, how, lambda step: step == 60), settings=["music.expression=0"])
    stage.play(20.0)
    assert stage.improviser.model.contract.name == "scripted"
    assert len(errors(caplog)) == 1
    assert "failed" in errors(caplog)[0]
    assert "begins anew" in errors(caplog)[0]
    assert longest_silence_s(stage) < LONGEST_SILENCE_S
    assert_sound(stage)


@pytest.mark.parametrize("how", WAYS)
def test_a_model_that_goes_on_failing_is_given_up(how: str, caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage(Failing(SCRIPT, how, lambda step: step >= 60), settings=["music.expression=0"])
    stage.play(30.0)
    assert stage.engine.status().model == PLAIN
    assert len(errors(caplog)) == 1, "said once"
    assert "without a network" in errors(caplog)[0]
    assert longest_silence_s(stage) < LONGEST_SILENCE_S
    assert_sound(stage)


def test_a_model_that_always_fails_is_heard_of_and_the_music_sounds(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage(Failing(SCRIPT, "nan", lambda _: True))
    stage.play(20.0)
    assert stage.engine.status().model == PLAIN
    assert len(errors(caplog)) == 1
    assert longest_silence_s(stage) < LONGEST_SILENCE_S


def test_a_model_that_fails_at_its_first_step_leaves_the_old_one_playing(caplog: pytest.LogCaptureFixture) -> None:
    stage = chords()
    bad = Failing(SCRIPT, "raise", lambda _: True)
    stage.improviser.apply(Offer("bad", bad))
    stage.play(3.0)
    stage.engine.act(SetModel("bad"), stage.clock.now())
    stage.play(20.0)
    assert bad.steps, "it was tried"
    assert stage.engine.status().model == "scripted"
    assert len(errors(caplog)) == 1
    assert errors(caplog)[0].startswith("the model bad failed (its step raises RuntimeError: the network is tired); ")
    assert longest_silence_s(stage) < LONGEST_SILENCE_S
    assert_sound(stage)


def test_the_last_good_model_takes_over_from_one_that_fails_later() -> None:
    stage = chords()
    stage.improviser.apply(Offer("bad", Failing(SCRIPT, "nan", lambda step: step > 40)))
    stage.play(3.0)
    stage.engine.act(SetModel("bad"), stage.clock.now())
    stage.play(20.0)
    assert stage.engine.controls.model != "bad"
    assert stage.improviser.model.contract.name == "scripted"
    assert not isinstance(stage.improviser.model, Failing)
    assert longest_silence_s(stage) < LONGEST_SILENCE_S


def test_one_that_recovered_is_asked_for_again() -> None:
    broken: list[bool] = []
    stage = Stage(Failing(SCRIPT, "nan", lambda _: bool(broken)), settings=["music.expression=0"])
    stage.play(5.0)
    broken.append(True)
    stage.play(5.0)
    assert stage.engine.status().model == PLAIN
    broken.clear()
    stage.play(RETRY_AFTER_S)
    assert stage.engine.status().model == "scripted"
    assert longest_silence_s(stage) < LONGEST_SILENCE_S


def test_the_default_model_is_loaded_where_another_failed() -> None:
    models = Laden()
    stage = Stage(Failing(SCRIPT, "nan", lambda step: step > 60), models=models, settings=["model.path=own.onnx"])
    stage.play(10.0)
    assert models.asked == [DEFAULT_MODEL]
    models.waiting.append(Loaded(DEFAULT_MODEL, WildModel("polyphony")))
    stage.play(5.0)
    assert stage.engine.status().model == "polyphony"


def test_a_failure_is_in_the_take_and_the_take_is_made_again(tmp_path: Path) -> None:
    session = Session(Failing(SCRIPT, "nan", lambda step: step in (60, 200, 201, 202)), tmp_path)  # type: ignore[arg-type]
    session.play(40.0)
    session.recording.close()
    records = recreate.chain(next(tmp_path.glob("*.take")))
    assert [record["k"] for record in records].count("replace") >= 2

    def find(offer: dict[str, object]) -> PlainModel:
        raise AssertionError("the one without a network is known")

    made, comparison = recreate.recreated(records, ScriptedModel(SCRIPT), find)
    assert comparison.different == 0, comparison.first
    assert json.dumps(made) == json.dumps(records)


def test_when_nobody_can_plan_it_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stage = chords()
    stage.play(2.0)
    carry_out = stage.improviser._plan_step
    tried: list[float] = []

    def broken(controls: object) -> None:
        tried.append(stage.clock.now())
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(stage.improviser, "_plan_step", broken)
    stage.play(5.0)
    assert len(set(tried)) <= 2 + 5.0 / REST_AFTER_FAILURE_S, "without a busy loop"
    assert len(errors(caplog)) == 1
    monkeypatch.setattr(stage.improviser, "_plan_step", carry_out)
    healed_s = stage.clock.now()
    stage.play(4.0)
    assert onsets(stage, healed_s)[0] < healed_s + REST_AFTER_FAILURE_S + 0.5


def test_notes_that_are_taken_back_are_not_counted(caplog: pytest.LogCaptureFixture) -> None:
    stage = chords()
    for _ in range(4):
        stage.play(1.0)
        stage.link.lose_everything()
        stage.play(0.3)
    heard = sum(len(step.started) for step in stage.record.steps)
    assert stage.engine.status().notes_planned == heard


commands = st.sampled_from([Tap(), SetMood(0.5, 0.5), SetModel("bad"), SetModel("scripted")])


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(WAYS),
    st.sets(st.integers(0, 400), max_size=120),
    st.lists(st.tuples(commands, st.sampled_from([0.0, 0.1, 1.5])), max_size=12),
)
def test_however_models_fail_notes_are_whole(how: str, bad: set[int], acts: list[tuple[Command, float]]) -> None:
    stage = Stage(Failing(SCRIPT, how, lambda step: step in bad), settings=["music.expression=0"])
    stage.improviser.apply(Offer("bad", Failing(SCRIPT, how, lambda step: step % 9 == 4)))
    stage.improviser.apply(Offer("scripted", ScriptedModel(SCRIPT)))
    for command, wait_s in acts:
        stage.engine.act(command, stage.clock.now())
        stage.play(wait_s)
    stage.play(4.0)
    assert longest_silence_s(stage) < LONGEST_SILENCE_S
    assert_sound(stage)


def test_a_model_with_a_plan_comes_back_after_one_without(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage(Untaught())
    stage.improviser.apply(Offer("other", ScriptedModel(SCRIPT)))
    for seconds in (40.0, 20.0, 90.0):
        for name in ("", "other"):
            stage.engine.act(SetModel(name or "hands"), stage.clock.now())
            stage.play(seconds)
            bars = stage.improviser._composer._memory._bars.values()
            assert all(0 <= place < bar.length for bar in bars for place in bar.places), "where they were played"
    assert not errors(caplog)


@pytest.mark.parametrize("how", WAYS)
def test_what_sounds_ends_however_many_models_fail_in_a_row(how: str) -> None:
    stage = Stage(Failing(SCRIPT, how, lambda step: step >= 60), settings=["music.expression=0"])
    stage.play(12.0)
    assert stage.engine.status().model == PLAIN, "after one with an empty memory failed as well"
    failed_s = stage.clock.now()
    held = {note_id for note_id, _ in stage.improviser.held}
    stage.play(0.5)
    lost = [note for note in stage.link.scheduled.values() if note.off_s > failed_s + 2.0 and note.note_id not in held]
    assert not [note for note in lost if note.on_s < failed_s - 0.5]
