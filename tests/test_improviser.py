"""The improviser with the tiny real model and with scripted ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from improv.improviser import ANSWERED_TURN, REMEMBERED_STEPS, Improviser
from improv.model import OnnxModel
from improv.mood import CORNERS, Glide, Mood
from tests.fakes import (
    ENCODING,
    ScriptedModel,
    assert_whole,
    controls,
    improviser,
    plan,
    without_ids,
)

START, END, STEP_END = 0, 1, 2
C4 = ENCODING.begins(60)
HELD_C4 = ENCODING.continues(60)
SILENT = ScriptedModel([STEP_END])


def turned_to(mood: Mood) -> object:
    return controls(mood, revision=1)


def held_ids(subject: Improviser) -> list[int]:
    return [note_id for note_id, _ in subject.held]


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
    state = subject.state
    first = plan(subject, controls(), 30)
    subject.rewind(20)
    assert subject.state is state
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
    subject.rewind(20)
    assert without_ids(plan(subject, turned_to(CORNERS["nervous"]), 30)) != without_ids(first)
    subject.rewind(20)
    assert without_ids(plan(subject, controls(), 30)) == without_ids(first)


def test_a_change_of_mood_keeps_the_memory(tiny: OnnxModel) -> None:
    subject = improviser(tiny)
    plan(subject, controls(), 20)
    before = [part.copy() for part in subject.state]
    kept = subject.state
    subject.plan_step(turned_to(CORNERS["nervous"]))
    assert all(np.array_equal(old, part) for old, part in zip(before, kept, strict=True)), "a state is a value"
    fresh = improviser(tiny, "nervous")
    fresh.plan_step(turned_to(CORNERS["nervous"]))
    assert not any(np.allclose(old, new) for old, new in zip(subject.state, fresh.state, strict=True))


def test_going_back_reaches_as_far_as_is_remembered_and_says_so() -> None:
    subject = improviser(SILENT)
    plan(subject, controls(), REMEMBERED_STEPS + 10)
    subject.rewind(REMEMBERED_STEPS + 20)  # lies ahead: nothing to forget
    assert subject.position.tick == REMEMBERED_STEPS + 10
    subject.rewind(10)
    assert subject.position.tick == 10
    with pytest.raises(ValueError, match="step 9 is no longer remembered"):
        subject.rewind(9)


@pytest.mark.parametrize("beats", [0.25, 1, 4])
def test_silence_never_outlasts_the_longest_rest(beats: float) -> None:
    steps = plan(improviser(SILENT, "calm", 1, f"music.longest_rest_beats={beats}"), controls(), 200)
    starts = [step.position.tick for step in steps if step.started]
    # The model wants silence: each note is one step long, then the silence is exactly the longest.
    assert starts[0] == 4 * beats
    assert set(np.diff(starts)) == {1 + 4 * beats}


def test_a_rest_after_an_ended_piece_is_no_longer_either() -> None:
    model = ScriptedModel([STEP_END], preamble=[C4, STEP_END, END])
    steps = plan(improviser(model, "calm", 1, "music.beats_per_bar=16", "music.longest_rest_beats=2"), controls(), 64)
    starts = [step.position.tick for step in steps if step.started]
    assert starts[:2] == [0, 1 + 8]


@pytest.mark.parametrize("beats", [1, 3])
def test_a_held_note_never_lasts_longer(beats: int) -> None:
    steps = plan(
        improviser(ScriptedModel([HELD_C4, STEP_END], [C4, STEP_END]), "calm", 1, f"music.longest_note_beats={beats}"),
        controls(),
        40,
    )
    ends = [step.position.tick for step in steps if step.ended]
    assert ends[0] == 4 * beats


def test_after_the_end_of_a_piece_the_next_begins_on_the_bar_line() -> None:
    model = ScriptedModel([C4, STEP_END, HELD_C4, STEP_END, END, START])
    subject = improviser(model, "calm", 1, "music.longest_rest_beats=8")
    steps = plan(subject, controls(), 33)
    assert_whole(steps, held_ids(subject))
    assert [step.position.tick for step in steps if step.started] == [0, 16, 32]
    assert [step.position.tick for step in steps if step.ended] == [2, 18]
    assert not any(step.finished for step in steps)
    assert model.fed[:7] == [START, C4, STEP_END, HELD_C4, STEP_END, END, START]


def test_a_piece_that_ends_on_a_bar_line_is_followed_at_once_and_its_notes_end() -> None:
    bar = [C4, STEP_END, *[HELD_C4, STEP_END] * 15]
    subject = improviser(ScriptedModel([*bar, END, START]))
    steps = plan(subject, controls(), 49)
    assert_whole(steps, held_ids(subject))
    assert [step.position.tick for step in steps if step.started] == [0, 16, 32, 48]
    assert [step.position.tick for step in steps if step.ended] == [16, 32, 48]


def test_a_model_that_only_wants_to_end_goes_on() -> None:
    steps = plan(improviser(ScriptedModel([END])), controls(), 64)
    assert any(step.started for step in steps)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("bars", [1, 4])
def test_an_ending_closes_on_the_tonic_triad(tiny: OnnxModel, seed: int, bars: int) -> None:
    subject = improviser(tiny, "calm", seed, f"music.ending_bars={bars}")
    steps = plan(subject, controls(), 37)
    ending = controls(ending=True)
    while not steps[-1].finished:
        steps.append(subject.plan_step(ending))
        assert len(steps) < 400
    last = steps[-1].position.tick
    assert last == 48 + 16 * bars, "the bar line after the command, and so many bars"
    assert steps[-1].started == ()
    assert subject.held == ()
    assert_whole(steps, [])
    final_bar = [step for step in steps if last - 16 <= step.position.tick < last]
    assert final_bar[0].started, "a note on the first beat of the last bar"
    assert not any(step.started or step.ended for step in final_bar[1:]), "held to the end"
    pitches = {note.note_id: note.pitch for step in steps for note in step.started}
    chord = {pitches[note.note_id] % 12 for note in steps[-1].ended}
    triads = [{root, (root + third) % 12, (root + 7) % 12} for root in range(12) for third in (3, 4)]
    assert any(chord <= triad for triad in triads)
    assert len([step for step in steps if step.finished]) == 1
    assert final_bar[-1].position.tempo_bpm < 0.9 * steps[36].position.tempo_bpm, "a ritardando"


def test_the_whole_chord_is_held_even_if_the_model_would_let_go_of_its_top() -> None:
    chord = [ENCODING.begins(p) for p in (67, 64, 60)]
    subject = improviser(ScriptedModel([*chord, STEP_END, HELD_C4, STEP_END]), "calm", 1, "music.ending_bars=1")
    steps = plan(subject, controls(ending=True), 17)
    assert steps[-1].finished
    assert len(steps[0].started) == len(steps[-1].ended) == 3


def test_a_new_piece_after_an_ending() -> None:
    subject = improviser(ScriptedModel([C4, STEP_END]), "calm", 1, "music.ending_bars=1", "music.beats_per_bar=3")
    steps = plan(subject, controls(ending=True), 13)
    assert steps[-1].finished
    subject.begin_anew(controls("sad"))
    assert int(subject.state[0][0, 0, 0]) == 0, "with an empty memory"
    more = plan(subject, controls("sad"), 24)
    assert more[0].position.tick == 13
    assert (more[0].position.bar, more[0].position.beat_in_bar) == (1, 0.0)
    assert more[0].position.music_s > steps[-1].position.music_s
    assert (more[12].position.bar, more[12].position.beat_in_bar) == (2, 0.0)
    assert_whole([*steps, *more], held_ids(subject))


def test_a_withdrawn_ending_is_forgotten() -> None:
    subject = improviser(ScriptedModel([C4, STEP_END]), "calm", 1, "music.ending_bars=1")
    plan(subject, controls(ending=True), 10)
    assert not any(step.finished for step in plan(subject, controls(), 30))


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


def test_a_turn_interrupts_the_rest_after_an_ended_piece() -> None:
    subject = improviser(ScriptedModel([STEP_END], [C4, STEP_END, END]))
    assert len([step for step in plan(subject, controls(), 5) if step.started]) == 1
    assert subject.plan_step(turned_to(CORNERS["happy"])).started


def test_release_forgets_what_sounds() -> None:
    subject = improviser(ScriptedModel([HELD_C4, STEP_END], [C4, STEP_END]))
    plan(subject, controls(), 3)
    assert len(subject.held) == 1
    subject.release()
    assert subject.held == ()
    more = plan(subject, controls(), 60)
    ended = {note.note_id for step in more for note in step.ended}
    assert ended <= {note.note_id for step in more for note in step.started}, "nothing ends twice"
    assert ended, "and silence does not last because the model believes that it still hears the note"


def test_hurry_only_brings_the_next_step_nearer() -> None:
    subject = improviser(SILENT)
    steps = plan(subject, controls(), 2)
    there_s = subject.position.music_s
    subject.hurry(there_s + 1)
    assert subject.position.music_s == there_s
    subject.hurry(there_s - 0.05)
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


def test_a_glide_is_on_its_way() -> None:
    subject = improviser(ScriptedModel([C4, STEP_END]))
    glide = Glide(CORNERS["calm"], CORNERS["sad"], 0.0, 4.0)
    moods = [step.mood for step in plan(subject, replace(controls(), glide=glide), 40)]
    assert moods[0] == CORNERS["calm"]
    assert moods[-1] == CORNERS["sad"]
    assert all(later.valence <= earlier.valence for earlier, later in zip(moods, moods[1:], strict=False))
    assert 0 < len([mood for mood in moods if -0.9 < mood.valence < 0.9])
