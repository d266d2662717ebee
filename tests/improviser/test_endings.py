"""How the improviser ends: when it is asked to, and when the model ends a piece by itself."""

from __future__ import annotations

import pytest

from improv.improviser.operations import Begin
from improv.model.onnx_model import OnnxModel
from improv.music.mood import CORNERS
from tests.fakes import (
    ENCODING,
    ScriptedModel,
    assert_whole,
    controls,
    held_ids,
    improviser,
    plan,
    turned_to,
)

START, END, STEP_END = 0, 1, 2
C4 = ENCODING.begins(60)
HELD_C4 = ENCODING.continues(60)
SILENT = ScriptedModel([STEP_END])


def test_a_rest_after_an_ended_piece_is_no_longer_either() -> None:
    model = ScriptedModel([STEP_END], preamble=[C4, STEP_END, END])
    steps = plan(improviser(model, "calm", 1, "music.beats_per_bar=16", "music.longest_rest_beats=2"), controls(), 64)
    starts = [step.position.tick for step in steps if step.started]
    assert starts[:2] == [0, 1 + 8]


def test_after_the_end_of_a_piece_the_next_begins_on_the_bar_line() -> None:
    model = ScriptedModel([C4, STEP_END, HELD_C4, STEP_END, END, START])
    subject = improviser(model, "calm", 1, "music.longest_rest_beats=8", "music.expression=0")
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
    lowest = min(pitches[note.note_id] for note in steps[-1].ended)
    assert len(final_bar[0].started) >= 3
    triads = [{root, (root + third) % 12, (root + 7) % 12} for root in range(12) for third in (3, 4)]
    fitting = [
        root % 12 for root, triad in zip([r for r in range(12) for _ in (3, 4)], triads, strict=True) if chord <= triad
    ]
    assert lowest % 12 in fitting, "a triad with its tonic in the bass"
    assert len([step for step in steps if step.finished]) == 1
    assert final_bar[-1].position.tempo_bpm < 0.9 * steps[36].position.tempo_bpm, "a ritardando"


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("mood", ["happy", "sad"])
def test_the_final_tonic_comes_from_its_dominant(tiny: OnnxModel, mood: str, seed: int) -> None:
    subject = improviser(tiny, mood, seed, "music.ending_bars=2")
    steps = plan(subject, controls(mood), 37)
    ending = controls(mood, ending=True)
    while not steps[-1].finished:
        steps.append(subject.plan_step(ending))
    last = steps[-1].position.tick
    at = {step.position.tick: sorted(note.pitch for note in step.started) for step in steps}
    tonic, dominant = at[last - 16], at[last - 24]
    root = (tonic[0] + 7) % 12
    assert dominant[0] % 12 == root, "a fifth above the final bass"
    assert {pitch % 12 for pitch in dominant} <= {root, (root + 4) % 12, (root + 7) % 12}
    assert len(dominant) >= 3


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
    subject.apply(Begin(controls("sad")))
    assert int(subject.snapshot.state[0][0, 0, 0]) == 0, "with an empty memory"
    more = plan(subject, controls("sad"), 24)
    assert more[0].position.tick == 13
    assert (more[0].position.bar, more[0].position.beat_in_bar) == (1, 0.0)
    assert more[0].position.music_s > steps[-1].position.music_s
    assert (more[12].position.bar, more[12].position.beat_in_bar) == (2, 0.0)
    assert_whole([*steps, *more], held_ids(subject))


def test_a_new_piece_begins_in_its_own_tempo(tiny: OnnxModel) -> None:
    subject = improviser(tiny, "happy")
    steps = plan(subject, controls("happy"), 32)
    while not steps[-1].finished:
        steps.append(subject.plan_step(controls("happy", ending=True)))
    assert steps[-1].position.tempo_bpm < 0.9 * steps[31].position.tempo_bpm
    subject.apply(Begin(controls("happy")))
    assert subject.plan_step(controls("happy")).position.tempo_bpm == pytest.approx(steps[0].position.tempo_bpm)


def test_a_withdrawn_ending_is_forgotten() -> None:
    subject = improviser(ScriptedModel([C4, STEP_END]), "calm", 1, "music.ending_bars=1")
    plan(subject, controls(ending=True), 10)
    assert not any(step.finished for step in plan(subject, controls(), 30))


def test_a_turn_interrupts_the_rest_after_an_ended_piece() -> None:
    subject = improviser(ScriptedModel([STEP_END], [C4, STEP_END, END]))
    assert len([step for step in plan(subject, controls(), 5) if step.started]) == 1
    assert subject.plan_step(turned_to(CORNERS["happy"])).started
