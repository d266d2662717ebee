"""The improviser with the tiny real model and with scripted ones."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from improv.config.sections.mood import DEFAULT_TABLE
from improv.improviser.improviser import REMEMBERED_STEPS
from improv.improviser.operations import Release, Rewind, Shorten
from improv.improviser.request import ANSWERED_TURN
from improv.improviser.snapshot_bytes import go_on, memory_of, packed, unpacked
from improv.model import conditioning
from improv.model.onnx_model import OnnxModel
from improv.music.limits import Band, Limits
from improv.music.mood import CORNERS, Glide, Mood
from tests.fakes import (
    ENCODING,
    ScriptedModel,
    assert_whole,
    controls,
    held_ids,
    improviser,
    plan,
    turned_to,
    without_ids,
)

START, END, STEP_END = 0, 1, 2
C4 = ENCODING.begins(60)
HELD_C4 = ENCODING.continues(60)
SILENT = ScriptedModel([STEP_END])


def test_the_same_seed_improvises_the_same(tiny: OnnxModel) -> None:
    first = plan(improviser(tiny, "happy"), controls("happy"), 100)
    assert plan(improviser(tiny, "happy"), controls("happy"), 100) == first
    assert plan(improviser(tiny, "happy", 2), controls("happy"), 100) != first
    assert sum(len(step.started) for step in first) > 50


@pytest.mark.parametrize("mood", CORNERS)
def test_every_note_ends_once_or_is_held(tiny: OnnxModel, mood: str) -> None:
    subject = improviser(tiny, mood)
    steps = plan(subject, controls(mood), 400)
    assert_whole(steps, held_ids(subject))
    assert [step.position.tick for step in steps] == list(range(400))
    assert all(1 <= note.velocity <= 127 for step in steps for note in step.started)


def test_going_back_and_on_is_as_if_nothing_had_been(tiny: OnnxModel) -> None:
    subject = improviser(tiny)
    plan(subject, controls(), 20)
    state = subject.snapshot.state
    first = plan(subject, controls(), 30)
    subject.apply(Rewind(20))
    assert subject.snapshot.state is state
    assert subject.position == first[0].position
    again = plan(subject, controls(), 30)
    assert without_ids(again) == without_ids(first)
    assert min(note.note_id for step in again for note in step.started) > max(
        note.note_id for step in first for note in step.started
    )


def test_going_back_under_another_mood_goes_elsewhere(tiny: OnnxModel) -> None:
    subject = improviser(tiny)
    plan(subject, controls(), 20)
    first = plan(subject, controls(), 30)
    subject.apply(Rewind(20))
    assert without_ids(plan(subject, turned_to(CORNERS["nervous"]), 30)) != without_ids(first)
    subject.apply(Rewind(20))
    assert without_ids(plan(subject, controls(), 30)) == without_ids(first)


def test_a_change_of_mood_keeps_the_memory(tiny: OnnxModel) -> None:
    subject = improviser(tiny)
    plan(subject, controls(), 20)
    before = [part.copy() for part in subject.snapshot.state]
    kept = subject.snapshot.state
    subject.plan_step(turned_to(CORNERS["nervous"]))
    assert all(np.array_equal(old, part) for old, part in zip(before, kept, strict=True)), "a state is a value"
    fresh = improviser(tiny, "nervous")
    fresh.plan_step(turned_to(CORNERS["nervous"]))
    assert not any(np.allclose(old, new) for old, new in zip(subject.snapshot.state, fresh.snapshot.state, strict=True))


def test_going_back_reaches_as_far_as_is_remembered_and_says_so() -> None:
    subject = improviser(SILENT)
    plan(subject, controls(), REMEMBERED_STEPS + 10)
    subject.apply(Rewind(REMEMBERED_STEPS + 20))  # lies ahead: nothing to forget
    assert subject.position.tick == REMEMBERED_STEPS + 10
    subject.apply(Rewind(10))
    assert subject.position.tick == 10
    with pytest.raises(ValueError, match="step 9 is no longer remembered"):
        subject.apply(Rewind(9))


@pytest.mark.parametrize("beats", [0.25, 1, 4])
def test_silence_never_outlasts_the_longest_rest(beats: float) -> None:
    steps = plan(improviser(SILENT, "calm", 1, f"music.longest_rest_beats={beats}"), controls(), 200)
    starts = [step.position.tick for step in steps if step.started]
    # The model wants silence: each note is one step long, then the silence is exactly the longest.
    assert starts[0] == 4 * beats
    assert set(np.diff(starts)) == {1 + 4 * beats}


@pytest.mark.parametrize("beats", [1, 3])
def test_a_held_note_never_lasts_longer(beats: int) -> None:
    steps = plan(
        improviser(ScriptedModel([HELD_C4, STEP_END], [C4, STEP_END]), "calm", 1, f"music.longest_note_beats={beats}"),
        controls(),
        40,
    )
    ends = [step.position.tick for step in steps if step.ended]
    assert ends[0] == 4 * beats


@pytest.mark.parametrize("mood", [CORNERS["happy"], Mood(1.0, -0.69)])
def test_a_turn_is_answered_with_a_new_note_at_once(mood: Mood) -> None:
    subject = improviser(SILENT)
    assert not any(step.started for step in plan(subject, controls(), 5))
    step = subject.plan_step(turned_to(mood))
    assert step.started
    assert (step.mood, step.revision) == (mood, 1)
    assert not any(later.started for later in plan(subject, turned_to(mood), 5)), "once"


def test_a_turn_is_answered_even_under_a_long_held_bass() -> None:
    low = [ENCODING.begins(21), STEP_END]
    subject = improviser(ScriptedModel([ENCODING.continues(21), STEP_END], low))
    plan(subject, controls(), 5)
    assert subject.plan_step(turned_to(CORNERS["happy"])).started


def test_a_small_step_of_a_knob_is_not_answered_but_a_sum_of_them_is() -> None:
    subject = improviser(SILENT)
    plan(subject, controls(), 2)
    answered = []
    for index in range(1, 4):
        mood = Mood(1.0, -1.0 + index * (ANSWERED_TURN / 2 + 0.001))
        answered.append(bool(subject.plan_step(turned_to(mood)).started))
    assert answered == [False, True, False]


def test_release_forgets_what_sounds() -> None:
    subject = improviser(ScriptedModel([HELD_C4, STEP_END], [C4, STEP_END]))
    plan(subject, controls(), 3)
    assert len(subject.held) == 1
    subject.apply(Release())
    assert subject.held == ()
    more = plan(subject, controls(), 60)
    ended = {note.note_id for step in more for note in step.ended}
    assert ended <= {note.note_id for step in more for note in step.started}, "nothing ends twice"
    assert ended, "and silence does not last because the model believes that it still hears the note"


def test_hurry_only_brings_the_next_step_nearer() -> None:
    subject = improviser(SILENT)
    steps = plan(subject, controls(), 2)
    there_s = subject.position.music_s
    subject.apply(Shorten(there_s + 1))
    assert subject.position.music_s == there_s
    subject.apply(Shorten(there_s - 0.05))
    step = subject.plan_step(controls())
    assert step.position.music_s == pytest.approx(there_s - 0.05)
    assert step.position.music_s > steps[-1].position.music_s
    assert subject.position.music_s == pytest.approx(there_s - 0.05 + step.position.step_s)


def test_the_model_hears_the_command_and_the_row_without_it() -> None:
    model = ScriptedModel([C4, STEP_END])
    improviser(model).plan_step(replace(controls(), glide=Glide(Mood(0.5, -0.5), Mood(0.5, -0.5))))
    commanded, bare = model.conditions[0]
    assert commanded[:4].tolist() == [0.5, 1.0, -0.5, 1.0]
    assert not bare[:-4].any()
    assert commanded[-4:].tolist() == bare[-4:].tolist() == [0.0, 1.0, 0.0, 1.0]


def test_overrides_win_over_the_mood() -> None:
    subject = improviser(ScriptedModel([C4, STEP_END]), "calm", 1, "music.expression=0")
    state = controls(overrides={"loudness": 100.0, "tempo": 200.0})
    steps = plan(subject, state, 40)
    assert {note.velocity for step in steps for note in step.started} == {100}
    assert steps[-1].position.tempo_bpm == pytest.approx(200, abs=0.1)


def commanded(model: ScriptedModel, name: str) -> list[float]:
    """What the model was told of an attribute, scaled to -1..1, step after step."""
    at = 2 * conditioning.COMMANDS.index(name)
    return [float(rows[0][at]) for rows in model.conditions]


def test_the_music_breathes_around_the_command() -> None:
    model = ScriptedModel([C4, STEP_END])
    plan(improviser(model, "calm", 1), controls(), 400)
    register = commanded(model, "register")
    meant = conditioning.scale("register", DEFAULT_TABLE["register"]["calm"])
    assert min(register) < meant - 0.1 < meant + 0.1 < max(register)
    assert len(set(commanded(model, "mode"))) == 1


def test_what_is_commanded_by_name_stands_still() -> None:
    model = ScriptedModel([C4, STEP_END])
    plan(improviser(model, "calm", 1), controls(overrides={"register": 60.0}), 400)
    assert len(set(commanded(model, "register"))) == 1
    assert len(set(commanded(model, "onset_density"))) > 10


def test_without_breath_all_stands_still() -> None:
    model = ScriptedModel([C4, STEP_END])
    plan(improviser(model, "calm", 1, "music.breath=0"), controls(), 400)
    assert len(set(commanded(model, "onset_density"))) == len(set(commanded(model, "register"))) == 1


def test_limits_hold_the_breath() -> None:
    model = ScriptedModel([C4, STEP_END])
    limits = Limits({"onset_density": Band(1.0, 1.8)})
    plan(improviser(model, "calm", 1, "music.breath=2"), controls(standing_limits=limits), 400)
    assert max(commanded(model, "onset_density")) == pytest.approx(conditioning.scale("onset_density", 1.8))


def test_a_piece_begins_near_its_register() -> None:
    def begins(*settings: str) -> list[int]:
        firsts = []
        for seed in range(40):
            steps = plan(improviser(ScriptedModel([END]), "calm", seed, *settings), controls(), 20)
            firsts.append(next(note.pitch for step in steps for note in step.started))
        return firsts

    assert np.std(begins()) < 0.8 * np.std(begins("music.register_pull=0"))


def test_the_melody_is_kept_from_repeating_its_last_tone(tiny: OnnxModel) -> None:
    def repeated(*settings: str) -> float:
        same: list[bool] = []
        for seed in range(4):
            steps = plan(improviser(tiny, "sad", seed, *settings), controls(), 200)
            line = [max(note.pitch for note in step.started) for step in steps if step.started]
            same += [later == earlier for earlier, later in pairwise(line)]
        return sum(same) / len(same)

    assert repeated("music.repeat_pull=5") < 0.5 * repeated("music.repeat_pull=0")


def test_a_glide_is_on_its_way() -> None:
    subject = improviser(ScriptedModel([C4, STEP_END]))
    glide = Glide(CORNERS["calm"], CORNERS["sad"], 0.0, 4.0)
    moods = [step.mood for step in plan(subject, replace(controls(), glide=glide), 40)]
    assert moods[0] == CORNERS["calm"]
    assert moods[-1] == CORNERS["sad"]
    assert all(later.valence <= earlier.valence for earlier, later in pairwise(moods))
    assert len([mood for mood in moods if -0.9 < mood.valence < 0.9]) > 0


def test_the_pedal_holds_what_the_model_lets_go_and_lifts_for_harsh_notes() -> None:
    script = [C4, STEP_END, STEP_END, ENCODING.begins(64), STEP_END, STEP_END, ENCODING.begins(61), STEP_END]
    subject = improviser(ScriptedModel(script), "calm", 1)
    steps = plan(subject, controls(), 8)
    assert_whole(steps, held_ids(subject))
    names = {note.note_id: note.pitch for step in steps for note in step.started}
    ends = {names[ended.note_id]: step.position.tick for step in steps[:5] for ended in step.ended}
    begun = [(step.position.tick, step.started[0].pitch) for step in steps if step.started]
    assert begun[:3] == [(0, 60), (2, 64), (4, 61)]
    assert ends[60] == ends[64] == 4, "C and E sound on until the C sharp comes"
    dry = improviser(ScriptedModel(script), "calm", 1, "music.expression=0")
    assert [step.position.tick for step in plan(dry, controls(), 8) if step.ended][:3] == [1, 3, 5]


def test_what_the_pedal_holds_covers_the_melody() -> None:
    def melody_pitch(*settings: str) -> int | None:
        script = [ENCODING.begins(72), STEP_END, STEP_END, C4, STEP_END]
        subject = improviser(ScriptedModel(script), "calm", 1, *settings)
        plan(subject, controls(), 3)
        return subject.snapshot.feedback.melody_pitch

    assert melody_pitch("music.expression=0") == 60, "without the pedal the C above is over"
    assert melody_pitch() == 72, "with it the C above sounds on, and what begins below accompanies it"


def test_what_clashes_with_a_new_mood_is_let_go() -> None:
    c_sharp = ENCODING.begins(61)
    held = [ENCODING.continues(61), STEP_END]
    chord = [ENCODING.begins(67), ENCODING.begins(64), ENCODING.begins(60), STEP_END]
    script = [*chord, STEP_END] * 8 + [c_sharp, STEP_END, *held * 20]
    subject = improviser(ScriptedModel(script), "calm", 1, "music.expression=0")
    plan(subject, controls(), 20)
    assert [note.pitch for note in subject.snapshot.held] == [61]
    step = subject.plan_step(turned_to(CORNERS["happy"]))
    assert len(step.ended) == 1, "a C sharp does not belong to C major"
    assert step.started


def test_another_improviser_goes_on_from_what_one_remembers(tiny: OnnxModel) -> None:
    """Note for note: position, model state, plan and phrases are all there."""
    state = controls("happy")
    first = improviser(tiny, "happy", 5)
    plan(first, state, 70)
    kept = packed(memory_of(first))
    second = improviser(tiny, "happy", 5)
    go_on(second, unpacked(kept, memory_of(second).models))
    assert memory_of(second).resumption == memory_of(first).resumption
    assert plan(second, state, 60) == plan(first, state, 60)


def test_a_memory_that_does_not_fit_is_refused(tiny: OnnxModel) -> None:
    models = memory_of(improviser(tiny)).models
    for damaged in (b"", b"nothing", packed(memory_of(improviser(tiny)))[:-20]):
        with pytest.raises(ValueError, match="the memory cannot be read"):
            unpacked(damaged, models)
