"""Playing together through the engine: turns, what is heard, what is left alone."""

from __future__ import annotations

import pytest

from improv.config import Config
from improv.config.adapters import engine_settings
from improv.control.commands import MODES, AllNotesOff, HandOver, SetFollow, SetLoop, SetLoopVariation, SetMode
from improv.engine.together import Together
from improv.errors import CommandError
from improv.midi.messages import PEDAL_KEY
from improv.model.onnx_model import OnnxModel
from improv.player.protocol import PlannedNote, Received
from tests.fakes import Stage
from tests.stage import assert_silent

BEAT_S = 0.5


def played(stage: Stage, notes: list[tuple[float, int, float]], velocity: int = 90) -> None:
    """(seconds from now, pitch, length) come in."""
    now_s = stage.clock.now()
    events = [(now_s + at_s, bytes((0x90, pitch, velocity))) for at_s, pitch, _ in notes]
    events += [(now_s + at_s + length, bytes((0x80, pitch, 0))) for at_s, pitch, length in notes]
    stage.link.arriving += [(at_s, Received(message, at_s)) for at_s, message in sorted(events)]


def phrase(beats: int, start_s: float = 0.0) -> list[tuple[float, int, float]]:
    return [(start_s + BEAT_S * beat, (60, 64, 67, 72)[beat % 4], 0.4) for beat in range(beats)]


def ours(stage: Stage, from_s: float, to_s: float) -> list[float]:
    return sorted(note.on_s for note in stage.link.scheduled.values() if from_s <= note.on_s < to_s)


@pytest.fixture
def stage(tiny: OnnxModel) -> Stage:
    return Stage(tiny, "happy")


def test_an_answer_waits_comes_on_a_beat_is_as_long_and_gives_way(stage: Stage) -> None:
    stage.engine.act(SetMode("answer"), stage.clock.now())
    stage.play(0.5)
    begins_s = stage.clock.now()
    played(stage, phrase(12))
    stage.play(11 * BEAT_S + 0.4)
    ended_s = stage.clock.now()
    assert ours(stage, begins_s + 0.1, ended_s) == []
    stage.play(4.0)
    answered = ours(stage, ended_s, stage.clock.now())
    assert answered
    beats = (answered[0] - begins_s) / BEAT_S
    assert beats == pytest.approx(round(beats), abs=0.1)
    again_s = stage.clock.now()
    played(stage, phrase(4))
    stage.play(1.0)
    assert all(note.off_s <= again_s + 0.05 for note in stage.link.scheduled.values() if note.on_s <= again_s + 0.03)
    assert ours(stage, again_s + 0.03, stage.clock.now()) == []


def test_a_pedal_hands_over(stage: Stage) -> None:
    stage.engine.act(SetMode("imitate"), stage.clock.now())
    played(stage, [(0.1, 60, 5.0), (0.4, 64, 0.2), (0.8, 67, 0.2)])
    stage.play(1.5)
    assert not ours(stage, stage.clock.now() - 1.0, stage.clock.now())
    stage.engine.act(HandOver(), stage.clock.now())
    handed_s = stage.clock.now()
    stage.play(2.0)
    assert ours(stage, handed_s, stage.clock.now())


def test_any_key_sounds_a_note_at_once_as_loud_as_it_was_struck(stage: Stage) -> None:
    stage.engine.act(SetMode("play_for_me"), stage.clock.now())
    stage.play(1.0)
    begins_s = stage.clock.now()
    played(stage, [(0.3 * index, 21, 0.2) for index in range(8)], velocity=101)
    stage.play(3.0)
    notes = [note for note in stage.link.scheduled.values() if note.on_s >= begins_s]
    struck = [begins_s + 0.3 * index for index in range(8)]
    for at_s in struck:
        assert any(at_s <= note.on_s <= at_s + 0.03 for note in notes), at_s
    assert {note.velocity for note in notes} == {101}
    assert all(any(at_s <= note.on_s <= at_s + 0.03 for at_s in struck) for note in notes)


def test_an_accompaniment_lies_below_the_melody_and_stops_with_it(stage: Stage) -> None:
    stage.engine.act(SetMode("accompany"), stage.clock.now())
    stage.play(0.5)
    begins_s = stage.clock.now()
    played(stage, [(at_s, pitch + 12, 0.45) for at_s, pitch, _ in phrase(16)])
    stage.play(8.0)
    during = [note for note in stage.link.scheduled.values() if begins_s < note.on_s < begins_s + 8]
    assert during
    assert all(note.pitch < 72 for note in during)
    stage.play(3.0)
    assert ours(stage, stage.clock.now() - 0.8, stage.clock.now()) == []


def test_the_persons_beat_leads_and_solo_goes_back_to_our_own(stage: Stage) -> None:
    stage.engine.act(SetMode("duet"), stage.clock.now())
    played(stage, phrase(20))
    stage.play(19 * BEAT_S)
    state = stage.engine.status()
    assert state.person_leads
    assert state.tempo_bpm == pytest.approx(60 / BEAT_S, rel=0.02)
    assert state.person_key == "C major"
    assert state.turn == "both"
    stage.engine.act(SetFollow("tempo", 0.0), stage.clock.now())
    stage.play(0.5)
    assert not stage.engine.status().person_leads
    stage.engine.act(SetMode("solo"), stage.clock.now())
    stage.play(3.0)
    assert stage.engine.status().person_keys == ()


def test_our_own_notes_that_come_back_are_no_person(stage: Stage) -> None:
    stage.engine.act(SetMode("duet"), stage.clock.now())
    told: set[int] = set()
    for _ in range(400):
        stage.engine.turn(0.02)
        now_s = stage.clock.now()
        for note_id, note in stage.link.scheduled.items():
            if note_id not in told and note.on_s + 0.3 <= now_s:
                told.add(note_id)
                message = bytes((0x90, note.pitch + 12 if note.pitch < 115 else note.pitch, note.velocity))
                stage.link.arriving.append((now_s, Received(message, now_s)))
        stage.link.arriving.sort(key=lambda one: one[0])
    assert len(told) > 10
    assert stage.improviser._strikes <= 0.05 * len(told) + 1
    assert stage.engine.status().hears_itself


def test_live_changes_of_mode_leave_nothing_hanging(stage: Stage) -> None:
    played(stage, phrase(24))
    for index in range(24):
        stage.engine.act(SetMode(MODES[index * 5 % len(MODES)]), stage.clock.now())
        stage.play(0.45)
    stage.engine.act(SetMode("solo"), stage.clock.now())
    stage.play(1.0)
    stage.engine.act(AllNotesOff(), stage.clock.now())
    assert_silent(stage)


def begun(stage: Stage, from_tick: int) -> set[tuple[int, int]]:
    """(tick, pitch) of every note that was planned to begin from that tick on, as it was planned last."""
    steps = {step.position.tick: step for step in stage.record.steps}
    return {(tick, note.pitch) for tick, step in steps.items() if tick >= from_tick for note in step.started}


def test_a_locked_loop_brings_the_last_bar_again_and_again(stage: Stage) -> None:
    stage.play(8.0)
    stage.engine.act(SetLoop("1"), stage.clock.now())
    assert stage.engine.status().loop == "1"
    quote = stage.improviser.around.influence.quote
    assert quote is not None
    stage.play(10.0)
    looped = begun(stage, quote.begins_tick)
    assert max(tick for tick, _ in looped) >= quote.begins_tick + 2 * quote.length_ticks
    onsets = {(at, pitch) for at, pitches in quote.onsets for pitch in pitches}
    assert {((tick - quote.begins_tick) % quote.length_ticks, pitch) for tick, pitch in looped} <= onsets
    stage.engine.act(SetLoopVariation(0.5), stage.clock.now())
    varied = stage.improviser.around.influence.quote
    assert varied == quote._replace(weight=quote.weight / 2, locked=False)
    stage.engine.act(SetLoop("off"), stage.clock.now())
    assert stage.improviser.around.influence.quote is None


def test_nothing_can_be_looped_before_a_bar_is_over(stage: Stage) -> None:
    stage.play(0.3)
    with pytest.raises(CommandError, match="no bar is over"):
        stage.engine.act(SetLoop("2"), stage.clock.now())
    assert stage.engine.status().loop == "off"
    stage.play(1.0)


def test_what_our_foot_does_is_no_key_that_comes_back() -> None:
    together = Together(4, engine_settings(Config()))
    for beat in range(8):
        at_s = 100.0 + beat
        together.sent([PlannedNote(beat, 0, PEDAL_KEY, 100, at_s, at_s + 0.9)])
        together.receive(bytes((0x90, PEDAL_KEY - 24, 100)), at_s + 0.1)
        together.receive(bytes((0x80, PEDAL_KEY - 24, 0)), at_s + 0.3)
    assert len(together.listener.strikes()) == 8
    assert not together.listener.echo.hears_itself
