"""The engine on a manual clock: what the player is given, and when."""

from __future__ import annotations

import random

import pytest

from improv.config.sections.mood import DEFAULT_TABLE
from improv.control.commands import AllNotesOff, Panic, Pause, Play, SetAttribute, SetMood, Stop
from improv.engine.look_ahead import LONGEST_REPLAN_EVERY_S, PROVISIONAL_NOTE_S, SETTLED_S
from improv.engine.transport import LEAD_S
from improv.model.onnx_model import Float32Array, OnnxModel, State
from improv.music.mood import CORNERS, Mood
from tests.fakes import ScriptedModel, Stage
from tests.stage import C4, EVENLY, HELD_C4, STEP_END, assert_silent, assert_sound, chords, onsets


def test_a_minute_of_music() -> None:
    stage = Stage(ScriptedModel([C4, STEP_END, HELD_C4, STEP_END, STEP_END]), settings=[EVENLY])
    stage.play(60.0)
    step_ms = 60_000 / DEFAULT_TABLE["tempo"]["calm"] / 4
    velocity = DEFAULT_TABLE["loudness"]["calm"]
    played = [
        (round(1000 * (n.on_s - 100)), round(1000 * (n.off_s - 100)), n.channel, n.pitch, n.velocity)
        for n in sorted(stage.link.scheduled.values())
    ]
    expected = [
        (round(50 + 3 * i * step_ms), round(50 + (3 * i + 2) * step_ms), 0, 60, velocity) for i in range(len(played))
    ]
    assert played[:-1] == expected[:-1]
    assert len(played) == 102  # a minute and the look-ahead
    assert_sound(stage)


def test_it_plans_no_further_than_the_look_ahead() -> None:
    stage = chords("timing.look_ahead_ms=500")
    for _ in range(100):
        stage.engine.turn(0.05)
        due_s = max(onsets(stage))
        assert stage.clock.now() + 0.3 < due_s <= stage.clock.now() + 0.501


@pytest.mark.parametrize("mood", CORNERS)
def test_every_note_of_a_real_model_ends(tiny: OnnxModel, mood: str) -> None:
    stage = Stage(tiny, mood)
    stage.play(60.0)
    assert len(stage.link.scheduled) > 100
    assert_sound(stage)
    stage.engine.act(Pause(), stage.clock.now())
    assert_silent(stage)


def test_a_turn_is_heard_within_150_ms_or_a_sixteenth(tiny: OnnxModel) -> None:
    chance = random.Random(1)
    for seed in range(20):
        stage = Stage(tiny, chance.choice(list(CORNERS)), seed)
        tempo = chance.uniform(40, 200)
        stage.engine.act(SetAttribute("tempo", tempo), stage.clock.now())
        stage.play(chance.uniform(1, 6))
        for _ in range(10):
            before = stage.engine.controls
            target = chance.choice([m for m in CORNERS.values() if m != before.glide.target])
            pressed_s = stage.clock.now() + chance.uniform(0.1, 1.0)
            stage.link.press(pressed_s, 22, 16 + 32 * list(CORNERS.values()).index(target))
            stage.play(chance.uniform(1.4, 2.0))
            revision = before.revision + 1
            assert (stage.engine.controls.revision, stage.engine.controls.glide.target) == (revision, target)
            notes = stage.link.scheduled.values()
            answer_s = min(note.on_s for note in notes if note.tag == revision)
            limit_s = max(0.150, 60 / stage.engine.status().tempo_bpm / 4)
            assert pressed_s <= answer_s <= pressed_s + limit_s
            assert not [note for note in notes if note.tag < revision and note.on_s > answer_s + 0.012]
        assert_sound(stage)


def test_a_turn_is_answered_under_the_slowest_tempo_with_a_short_look_ahead(tiny: OnnxModel) -> None:
    stage = Stage(tiny, settings=["timing.look_ahead_ms=20"])
    stage.engine.act(SetAttribute("tempo", 40.0), stage.clock.now())
    stage.play(10.0)
    pressed_s = stage.clock.now() + 0.01
    stage.link.press(pressed_s, 22, 0)
    stage.play(1.0)
    assert min(n.on_s for n in stage.link.scheduled.values() if n.tag == 1) <= pressed_s + 0.375
    assert_sound(stage)


def test_a_change_that_is_no_turn_is_planned_too_but_not_hurried() -> None:
    stage = chords()
    stage.play(2.0)
    pressed_s = stage.clock.now() + 0.001
    grid = onsets(stage, pressed_s)
    stage.link.press(pressed_s, 27, 127)
    stage.play(0.5)
    assert onsets(stage, pressed_s)[: len(grid)] == pytest.approx(grid)
    future = [note for note in stage.link.scheduled.values() if note.on_s > pressed_s + SETTLED_S]
    assert {note.velocity for note in future} == {120}
    soon = [note for note in stage.link.scheduled.values() if pressed_s < note.on_s <= pressed_s + SETTLED_S]
    as_before = {DEFAULT_TABLE["loudness"]["calm"]}
    assert {note.velocity for note in soon} == as_before, "what sounds so soon is not taken back"
    assert_sound(stage)


def test_the_end_by_control_change_then_play() -> None:
    stage = chords("music.ending_bars=1", "midi.channel=3")
    stage.play(1.0)
    stage.link.press(stage.clock.now() + 0.1, 86, 127)
    stage.play(0.5)
    assert stage.engine.status().ending
    stage.play(20.0)
    assert [step.finished for step in stage.record.steps].count(True) == 1
    assert stage.record.steps[-1].finished
    status = stage.engine.status()
    assert (status.playing, status.ending) == (False, False)
    assert_silent(stage)
    assert {note.channel for note in stage.link.scheduled.values()} == {2}
    resting = len(stage.link.scheduled)
    stage.play(30.0)
    assert len(stage.link.scheduled) == resting
    stage.link.press(stage.clock.now() + 0.1, 85, 127)
    stage.play(2.0)
    assert len(stage.link.scheduled) > resting
    assert stage.engine.status().bar == 1
    assert_sound(stage)


def test_stop_ends_with_the_bar_and_play_begins_a_new_piece() -> None:
    stage = chords()
    stage.play(1.0)
    stage.engine.act(Stop(), stage.clock.now())
    assert stage.engine.status().stopping
    stage.play(5.0)
    last = stage.record.steps[-1]
    assert last.finished
    assert (last.position.tick, last.started) == (16, ())
    status = stage.engine.status()
    assert (status.playing, status.stopping) == (False, False)
    assert_silent(stage)
    stage.engine.act(Stop(), stage.clock.now())  # nothing to stop
    assert not stage.engine.status().stopping
    stage.engine.act(Play(), stage.clock.now())
    stage.play(1.0)
    assert stage.engine.status().bar == 1
    assert_sound(stage)


def test_play_takes_nothing_back_while_it_plays() -> None:
    stage = chords()
    stage.play(1.0)
    stage.engine.act(Stop(), stage.clock.now())
    stage.engine.act(Play(), stage.clock.now())
    assert stage.engine.status().stopping


def test_panic_ends_every_note_and_pauses() -> None:
    stage = chords()
    stage.play(1.0)
    stage.engine.act(Panic(), stage.clock.now())
    assert_silent(stage)
    assert not stage.engine.status().playing
    silent = len(stage.link.scheduled)
    stage.play(3.0)
    assert len(stage.link.scheduled) == silent
    stage.engine.act(Play(), stage.clock.now())
    stage.play(1.0)
    assert len(stage.link.scheduled) > silent
    assert_sound(stage)


def test_where_planning_takes_long_it_is_done_anew_less_often() -> None:
    stage = chords()
    quick = stage.improviser.model.step

    def slow(token_id: int, condition: Float32Array, state: State) -> tuple[Float32Array, State]:
        stage.clock.wait(stage.clock.now() + 0.004)
        return quick(token_id, condition, state)

    stage.improviser.model.step = slow  # type: ignore[method-assign]
    stage.play(1.0)
    pressed_s = stage.clock.now()
    for number in range(200):
        stage.link.press(pressed_s + number * 0.005, 23, number % 128)
    stage.play(1.0)
    assert 1.0 / LONGEST_REPLAN_EVERY_S <= stage.link.calls.count("revoke") <= 20, "50 without a limit"
    stage.play(1.0)
    assert stage.engine.controls.intensity == pytest.approx((199 % 128) / 127)
    assert_sound(stage)


def test_the_ends_of_long_notes_are_renewed_until_the_true_one_comes() -> None:
    stage = Stage(
        ScriptedModel([HELD_C4, STEP_END], [C4, STEP_END]),
        settings=[EVENLY, "music.longest_note_beats=40", "mood.table.tempo.calm=60"],
    )
    stage.play(1.0)
    note_id = min(stage.link.scheduled)
    began_s = stage.link.scheduled[note_id].on_s
    assert stage.link.scheduled[note_id].off_s <= began_s + PROVISIONAL_NOTE_S + 0.001, "it ends even if we die"
    while stage.clock.now() < began_s + 39:
        stage.play(0.5)
        assert stage.link.scheduled[note_id].off_s > stage.clock.now() + 1
    stage.play(2.0)
    assert stage.link.scheduled[note_id].off_s == pytest.approx(began_s + 40)
    assert_sound(stage)


def test_new_settings_are_taken_over_without_a_gap() -> None:
    stage, fresh = chords(), chords("mood.table.loudness.calm=99", "music.beats_per_bar=3", "midi.channel=9")
    stage.play(2.0)
    engine = fresh.engine
    stage.engine.reconfigure(fresh.improviser.settings, engine.settings, engine.midi_map, stage.engine.controls)
    grid = onsets(stage, stage.clock.now())
    changed_s = stage.clock.now()
    stage.play(1.0)
    assert onsets(stage, changed_s)[: len(grid)] == pytest.approx(grid)
    later = [note for note in stage.link.scheduled.values() if note.on_s > changed_s + SETTLED_S]
    assert {(note.velocity, note.channel) for note in later} == {(99, 0)}
    assert stage.record.steps[-1].position.beats_per_bar == 4
    assert_sound(stage)


def test_the_published_state() -> None:
    stage = chords()
    stage.play(LEAD_S + 4.5 * 60 / 76)
    status = stage.engine.status()
    assert (status.point, status.mood, status.tempo_bpm) == (CORNERS["calm"], "calm", pytest.approx(76))
    assert (status.bar, status.beat, status.playing, status.ending, status.stalls) == (2, 1, True, False, 0)
    assert status.notes_planned == len(stage.link.scheduled)
    stage.engine.act(SetMood(-0.9, 0.8), stage.clock.now())
    assert stage.engine.status().point == Mood(-0.9, 0.8)
    assert stage.engine.status().mood == "stormy"
    stage.engine.act(AllNotesOff(), stage.clock.now())
    assert stage.engine.status().notes_planned == len(stage.link.scheduled)


def test_a_note_whose_planned_end_is_taken_back_sounds_on() -> None:
    script = ScriptedModel([HELD_C4, STEP_END], [C4, STEP_END])
    stage, longer = (Stage(script, settings=[EVENLY, f"music.longest_note_beats={beats}"]) for beats in (1, 4))
    step_s = 60 / 76 / 4
    stage.play(LEAD_S + 3.5 * step_s)
    assert stage.link.scheduled[1].off_s == pytest.approx(100 + LEAD_S + 4 * step_s), "its end is planned"
    stage.engine.reconfigure(
        longer.improviser.settings, stage.engine.settings, stage.engine.midi_map, stage.engine.controls
    )
    stage.play(14 * step_s)
    assert stage.link.scheduled[1].off_s == pytest.approx(100 + LEAD_S + 16 * step_s)
    assert_sound(stage)
