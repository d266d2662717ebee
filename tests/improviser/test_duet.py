"""Duets: what the person plays is part of the music that the model goes on from, and is not played by us."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from improv.control.commands import SetMode
from improv.control.state import ControlState
from improv.improviser.operations import Hear, Rewind
from improv.model.onnx_model import OnnxModel
from improv.model.vocabulary import encoding_for
from improv.player.protocol import Received
from tests.fakes import ENCODING, ScriptedModel, Stage, assert_whole, controls, held_ids, improviser, plan
from tests.stage import CHORD, STEP_END

SCRIPT = [*CHORD, STEP_END]
keys = st.frozensets(st.integers(0, 127), max_size=4)


def on(pitch: int, velocity: int = 70, channel: int = 0) -> bytes:
    return bytes((0x90 | channel, pitch, velocity))


def off(pitch: int, channel: int = 0) -> bytes:
    return bytes((0x80 | channel, pitch, 0))


def test_the_model_is_told_what_is_held_in_its_own_words() -> None:
    model = ScriptedModel([STEP_END])
    subject = improviser(model)
    plan(subject, controls(), 1)
    subject.apply(Hear((72, 60)))
    plan(subject, controls(), 1)
    subject.apply(Hear((60,)))
    plan(subject, controls(), 1)
    subject.apply(Hear(()))
    plan(subject, controls(), 2)
    said = [ENCODING.label(token) for token in model.fed]
    new, held = ENCODING.label(ENCODING.begins(72)), ENCODING.label(ENCODING.continues(60))
    assert said.count(new) == 1
    assert said.count(ENCODING.label(ENCODING.begins(60))) == 1
    assert said.count(held) == 1  # in the step after it began; it was let go before the next
    assert said.index(new) < said.index(ENCODING.label(ENCODING.begins(60)))  # downward, as the grammar has it


def test_a_key_that_is_up_again_before_the_next_step_is_told_all_the_same() -> None:
    model = ScriptedModel([STEP_END])
    subject = improviser(model)
    plan(subject, controls(), 1)
    subject.apply(Hear((), ((72, 90),)))
    plan(subject, controls(), 3)
    assert model.fed.count(ENCODING.begins(72)) == 1
    assert ENCODING.continues(72) not in model.fed


def test_a_key_that_is_struck_again_begins_again() -> None:
    model = ScriptedModel([STEP_END])
    subject = improviser(model)
    for _ in range(3):
        subject.apply(Hear((72,), ((72, 90),)))
        plan(subject, controls(), 1)
    assert model.fed.count(ENCODING.begins(72)) == 3


def test_a_strike_is_told_again_after_its_step_was_taken_back() -> None:
    model = ScriptedModel([STEP_END])
    subject = improviser(model)
    plan(subject, controls(), 2)
    tick = subject.position.tick
    subject.apply(Hear((), ((72, 90),)))
    plan(subject, controls(), 2)
    subject.apply(Rewind(tick))
    plan(subject, controls(), 1)
    assert model.fed.count(ENCODING.begins(72)) == 2


@pytest.mark.parametrize("family", ["pianist", "performance"])
def test_a_velocity_is_told_before_its_key(family: str) -> None:
    encoding = encoding_for(family)
    decoder = encoding.decoder()
    decoder.feed(encoding.start_id)
    shift, told = encoding.shifts.start, []
    while (token := decoder.required_before(shift, frozenset({60}), frozenset(), {60: 112})) != shift:
        told.append(encoding.label(token))
        decoder.feed(token)
    step = decoder.feed(shift)
    assert step is not None
    assert [label.split()[0] for label in told] == ["VELOCITY", "NOTE_ON"]
    assert step.velocities[0] == pytest.approx(112, abs=4)


def test_a_key_that_we_sound_ourselves_is_ours() -> None:
    subject = improviser(ScriptedModel(SCRIPT))
    (step,) = plan(subject, controls(), 1)
    sounding = [note.pitch for note in step.started]
    subject.apply(Hear(tuple(sounding)))  # a piano that echoes what it is sent
    plan(subject, controls(), 1)
    assert subject.snapshot.person_keys == frozenset()


@settings(max_examples=25)
@given(st.lists(keys, min_size=1, max_size=12), st.integers(0, 1000))
def test_nothing_of_it_is_played_and_every_note_ends(tiny: OnnxModel, played: list[frozenset[int]], seed: int) -> None:
    subject = improviser(tiny, "happy", seed)
    steps = []
    state: ControlState = controls("happy")
    for heard in played:
        subject.apply(Hear(tuple(heard)))
        for _ in range(3):
            others = heard - subject.snapshot.held_pitches
            steps += plan(subject, state, 1)
            assert not others & {note.pitch for note in steps[-1].started}
    assert_whole(steps, held_ids(subject))


@settings(max_examples=25)
@given(
    st.sampled_from(["polyphony", "performance", "pianist", "melody"]),
    st.lists(st.tuples(keys, st.integers(0, 10_000)), max_size=60),
)
def test_the_grammar_takes_it(family: str, moments: list[tuple[frozenset[int], int]]) -> None:
    encoding = encoding_for(family)
    decoder = encoding.decoder()
    decoder.feed(encoding.start_id)
    for heard, number in moments:
        inside = frozenset(key for key in heard if 21 <= key <= 108)
        told = 0
        chosen = number % encoding.size
        while (token := decoder.required_before(chosen, inside, frozenset())) != chosen:
            decoder.feed(token)
            told += 1
            assert told <= len(inside)  # each once
        decoder.feed(chosen)
        assert decoder.legal().any()


def test_in_a_duet_the_plan_turns_at_once_and_in_a_solo_not() -> None:
    stage = Stage(ScriptedModel([STEP_END] * 7 + SCRIPT))
    stage.play(1.0)
    model = stage.improviser.model
    assert isinstance(model, ScriptedModel)
    stage.link.arriving.append((stage.clock.now(), Received(on(61), stage.clock.now())))
    stage.play(0.5)
    assert ENCODING.begins(61) not in model.fed
    stage.engine.act(SetMode("duet"), stage.clock.now())
    assert stage.engine.status().mode == "duet"
    stage.play(0.5)
    assert model.fed.count(ENCODING.begins(61)) >= 1
    stage.link.arriving.append((stage.clock.now(), Received(off(61), stage.clock.now())))
    stage.play(0.5)
    fed = len(model.fed)
    stage.play(0.5)
    assert ENCODING.continues(61) not in model.fed[fed:]
    assert 61 not in {note.pitch for note in stage.link.scheduled.values()}


def test_the_more_the_person_plays_the_less_we_do(tiny: OnnxModel) -> None:
    def onsets(busy: bool) -> int:
        subject = improviser(tiny, "happy", 5)
        count = 0
        for index in range(300):
            subject.apply(Hear(tuple([96 + index % 12] if busy else [])))
            count += any(plan(subject, controls("happy"), 1)[0].started)
        return count

    assert onsets(busy=True) < onsets(busy=False)


@pytest.mark.parametrize("message", [on(60, 0), off(60)])
def test_a_key_is_let_go_by_either_message(message: bytes) -> None:
    stage = Stage(ScriptedModel(SCRIPT))
    stage.engine.receive(on(60), 100.0)
    assert stage.engine.together.listener.keyboard.down == {60}
    stage.engine.receive(message, 100.0)
    assert stage.engine.together.listener.keyboard.down == frozenset()
