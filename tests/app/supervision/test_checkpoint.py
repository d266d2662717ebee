"""An engine goes on where the one before it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from improv.app.daemon import Supervised, _fallen, _model
from improv.app.supervision import engine_process
from improv.app.supervision.checkpoint import Checkpoint, CheckpointWriter, Rest, from_the_beginning
from improv.app.supervision.engine_process import fallen_back
from improv.app.supervision.lifeline import Lifeline
from improv.app.supervision.orders import AS_BEFORE, DEFAULT_CONFIG, DEFAULT_MODEL, NEW_PIECE, NO_NETWORK
from improv.clock import ManualClock
from improv.config import load
from improv.control.commands import SetAttribute, SetMood, StartJourney
from improv.control.journey import Journey, Waypoint
from improv.control.published_state import State
from improv.control.state import apply
from improv.engine.transport import Before
from improv.errors import ConfigError, ModelError
from improv.improviser.snapshot_bytes import go_on, memory_of, unpacked
from improv.model import onnx_model
from improv.model.patience import Patience
from improv.model.plain_model import PLAIN
from improv.music.mood import Mood
from tests.fakes import Stage, controls
from tests.stage import chords

WAY = Journey("way", (Waypoint(0.0, Mood(0, 0)), Waypoint(60.0, Mood(1, 1))))


def written(stage: Stage, seconds: float, *overrides: str) -> Checkpoint:
    """What is kept of a stage after so long."""
    config = load(None, overrides, {})
    with Lifeline.create() as lifeline:
        writer = CheckpointWriter(lifeline, stage.engine)
        end_s = stage.clock.now() + seconds
        while stage.clock.now() < end_s:
            stage.engine.turn(0.05)
            writer.turn(
                Rest(config, (("synth",),), ("keys",), "a take"),
                set(),
                0.0,
                (1, 2),
            )
        assert lifeline.signs().turns > 5
        assert lifeline.model() == stage.engine.controls.model
        kept = Checkpoint.unpacked(lifeline.load())
    assert kept is not None
    return kept


def test_it_has_all_that_was_commanded() -> None:
    stage = chords()
    stage.engine.act(SetMood(0.5, -0.5), 0.0)
    stage.engine.act(SetAttribute("tempo", 77.0), 0.0)
    stage.engine.act(StartJourney(WAY), 0.0)
    kept = written(stage, 4.0, "midi.channel=3")
    assert kept.control_state() == stage.engine.controls
    assert kept.config.midi.channel == 3
    assert (kept.outputs, kept.inputs, kept.take_id) == ((("synth",),), ("keys",), "a take")
    assert kept.seed == stage.engine.improviser.seed
    assert not kept.finished


def test_damaged_bytes_are_no_checkpoint() -> None:
    kept = written(chords(), 1.0).packed()
    assert Checkpoint.unpacked(None) is None
    for length in range(0, len(kept), 101):
        assert Checkpoint.unpacked(kept[:length]) is None


@pytest.mark.parametrize("fallback", [AS_BEFORE, NEW_PIECE, DEFAULT_MODEL, DEFAULT_CONFIG, NO_NETWORK])
def test_each_fallback_has_less_of_what_may_be_at_fault(fallback: int) -> None:
    kept = written(chords(), 1.0, "midi.channel=3", "music.temperature=1.4")
    config, after, fallen = fallen_back(kept, fallback)
    assert (after.memory == b"") == (fallback >= NEW_PIECE)
    assert config.midi.channel == 3
    assert (config.music.temperature == 1.4) == (fallback < DEFAULT_CONFIG)
    assert config.web.enabled == (fallback < DEFAULT_CONFIG)
    assert (fallen is None) == (fallback < DEFAULT_MODEL)
    expected = {DEFAULT_MODEL: "hands", DEFAULT_CONFIG: "hands", NO_NETWORK: PLAIN}
    assert after.control_state().model == expected.get(fallback, kept.control_state().model)


def test_a_new_piece_begins_where_glide_and_journey_were() -> None:
    begun = apply(controls(glide_s=20.0), SetMood(1.0, 1.0), 100.0)
    begun = apply(begun, StartJourney(WAY), 105.0)
    moved = from_the_beginning(begun, 130.0)
    for later_s in (0.0, 3.0, 50.0):
        assert moved.mood(later_s) == pytest.approx(begun.mood(130.0 + later_s))
        assert moved.course is not None
        assert begun.course is not None
        assert moved.course.place_s(later_s) == pytest.approx(begun.course.place_s(130.0 + later_s))


def test_an_engine_goes_on_from_it() -> None:
    stage = chords()
    kept = written(stage, 3.0)
    other = chords()
    improviser = other.engine.improviser
    # The stage's model is another object of the same name: it is what the memory names.
    go_on(improviser, unpacked(kept.memory, memory_of(improviser).models))
    assert improviser.position.tick == stage.engine.improviser.position.tick // 4 * 4
    again = type(other.engine)(
        improviser,
        other.link,
        other.clock,
        other.engine.controls,
        other.engine.midi_map,
        replace(other.engine.settings, count_in_bars=2),
        resumed=Before(kept.control_state()),
    )
    began_s = other.clock.now()
    before = set(other.link.scheduled)
    for _ in range(20):
        again.turn(0.05)
    heard = sorted(note.on_s for note_id, note in other.link.scheduled.items() if note_id not in before)
    assert heard
    assert heard[0] - began_s < 0.6


def test_a_model_that_is_gone_does_not_end_the_music_of_an_engine_that_takes_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gone = controls(model=str(tmp_path / "gone.onnx"))
    clock = ManualClock()
    config = load(None, ["model.provider=cpu"], {})
    with Lifeline.create() as lifeline:
        taking_over = Supervised(lifeline, written(chords(), 1.0))
        model, after = _model(config, gone, taking_over, Patience(clock))
        assert model.contract.name == onnx_model.DEFAULT_MODEL
        assert (after.model, after.instead_of) == (onnx_model.DEFAULT_MODEL, gone.model)
        assert "gone.onnx is not there" in caplog.text
        with pytest.raises(ModelError):  # the first engine of all says so and does not begin
            _model(config, gone, Supervised(lifeline), Patience(clock))


@pytest.mark.parametrize("fallback", [DEFAULT_MODEL, DEFAULT_CONFIG, NO_NETWORK])
@pytest.mark.parametrize("instead_of", [None, "another.onnx"])
def test_what_an_engine_was_given_less_of_is_told_in_the_state(fallback: int, instead_of: str | None) -> None:
    kept = written(chords(), 1.0)
    kept = kept._replace(controls=kept.controls | {"model": "mine.onnx", "instead_of": instead_of})
    config, after, fallen = fallen_back(kept, fallback)
    assert fallen is not None
    with Lifeline.create() as lifeline:
        supervised = Supervised(lifeline, fallen=fallen)
    state = _fallen(State(degraded=("a",)), supervised, after.control_state().model, config)
    who = "rules alone play" if fallback == NO_NETWORK else "the model hands plays"
    model = f"{who} instead of {instead_of or 'mine.onnx'}, because engines failed"
    without = "the default configuration holds, without page, OSC and ctl, because engines failed"
    assert state.degraded == ("a", model, without)[: 2 + (fallback >= DEFAULT_CONFIG)]
    assert state.fallback == fallback
    # What somebody chose meanwhile is no fallback.
    assert _fallen(State(), supervised, "chosen", load(None, [], {})).degraded == ()


@pytest.mark.parametrize("fallback", [DEFAULT_MODEL, DEFAULT_CONFIG])
def test_what_played_already_is_nothing_less(fallback: int) -> None:
    kept = written(chords(), 1.0)
    config, after, fallen = fallen_back(kept, fallback)
    assert fallen is not None
    told = fallen.degraded(after.control_state().model, config)
    assert len(told) == (fallback == DEFAULT_CONFIG)


@pytest.mark.parametrize("fallback", [DEFAULT_MODEL, DEFAULT_CONFIG, NO_NETWORK])
def test_what_an_engine_was_given_less_of_is_kept_for_the_next_one(fallback: int) -> None:
    kept = written(chords(), 1.0, "music.temperature=1.4")
    kept = kept._replace(controls=kept.controls | {"model": "mine.onnx", "instead_of": "another.onnx"})
    config, after, fallen = fallen_back(kept, fallback)
    stage = chords()
    stage.engine.controls = after.control_state()
    with Lifeline.create() as lifeline:
        writer = CheckpointWriter(lifeline, stage.engine, fallen)
        writer.turn(Rest(config, (), (), ""), set(), 0.0, (1, 2))
        saved = Checkpoint.unpacked(lifeline.load())
        assert saved is not None
        assert (saved.controls["model"], saved.controls["instead_of"]) == ("mine.onnx", "another.onnx")
        assert saved.config == kept.config
        # What a person chose meanwhile goes before.
        stage.engine.controls = replace(stage.engine.controls, model="chosen")
        read_again = load(None, ["music.temperature=1.1"], {})
        writer.turn(Rest(read_again, (), (), ""), set(), 0.0, (1, 2))
        saved = Checkpoint.unpacked(lifeline.load())
        assert saved is not None
        assert (saved.controls["model"], saved.config.music.temperature) == ("chosen", 1.1)


def test_an_engine_begins_though_the_settings_can_no_longer_be_looked_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused() -> Path:
        raise ConfigError("somewhere cannot be looked into for config.yaml")

    monkeypatch.setattr(engine_process, "find", refused)
    assert engine_process._found() is None
    assert caplog.messages == ["somewhere cannot be looked into for config.yaml"]
