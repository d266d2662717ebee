"""Every family in the improviser and the engine, through the same interface, and changes from one to another."""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest

from improv.control.commands import AllNotesOff, End, SetModel, SetMood
from improv.control.state import ControlState
from improv.errors import CommandError, ModelError
from improv.improviser.improviser import Improviser
from improv.improviser.operations import Offer, Release, Rewind
from improv.improviser.planned_step import PlannedStep
from improv.improviser.request import ANSWERED_TURN, LONGEST_NOTE_S
from improv.model.loader import Loaded, ModelLoader
from improv.model.onnx_model import DEFAULT_MODEL, Float32Array, State, shipped_models
from improv.model.vocabulary import FAMILIES, encoding_for
from improv.music.attributes import key_of
from improv.music.mood import CORNERS
from improv.player.protocol import Silence
from improv.takes import recreate, take
from improv.takes.export import midi as export
from improv.takes.export.planned_midi import music_file
from tests.fakes import Stage, assert_whole, contract, controls, held_ids, improviser, plan, turned_to, without_ids
from tests.stage import EVENLY, assert_silent, assert_sound
from tests.takes.test_takes import Session

EVERY = pytest.mark.parametrize("family", list(FAMILIES))


class WildModel:
    """Implements `Model`: logits that follow from the tokens so far alone, different each time, without any sense.

    Starts and shifts of time are likelier than the rest, so that it plays rather than turns its knobs.
    """

    def __init__(self, family: str, seed: int = 0) -> None:
        self.encoding = encoding_for(family)
        self.contract = contract(
            name=family,
            family=family,
            fingerprint=self.encoding.fingerprint,
            ticks_per_beat=self.encoding.ticks_per_beat,
        )
        self._seed = seed

    def initial_state(self, batch: int) -> State:
        return (np.zeros((1, batch, 1), np.float32),)

    def step(self, token_id: int, condition: Float32Array, state: State) -> tuple[Float32Array, State]:
        place = int(state[0][0, 0, 0])
        rng = np.random.default_rng((self._seed, place, token_id))
        logits = rng.normal(0, 1, (1, self.encoding.size)).repeat(len(condition), axis=0)
        logits[:, self.encoding.shifts] += 0.5
        logits[:, self.encoding.starts] += 1.0
        logits[:, self.encoding.end_id] -= 3.0
        changed = (place * 31 + token_id + 1) % 9973
        return logits.astype(np.float32), (np.full_like(state[0], changed),)


def lengths_s(steps: list[PlannedStep]) -> list[float]:
    began, found = {}, []
    for step in steps:
        found += [ended.off_s - began[ended.note_id] for ended in step.ended]
        began |= {note.note_id: note.on_s for note in step.started}
    return found


@EVERY
def test_it_plays_on_and_every_note_ends(family: str) -> None:
    subject = improviser(WildModel(family))
    steps = plan(subject, controls(), 400)
    assert_whole(steps, held_ids(subject))
    assert sum(len(step.started) for step in steps) > 50
    for here, following in pairwise(steps):
        assert 0 < following.position.music_s - here.position.music_s < 0.7, "a step is never longer than a sixteenth"
        assert following.position.tick > here.position.tick
    bars = [step.position for step in steps if step.position.tick == step.position.bar_tick]
    assert [position.bar for position in bars] == list(range(1, len(bars) + 1)), "no step crosses a bar line"


@EVERY
def test_the_same_arguments_give_the_same_music(family: str) -> None:
    first, second = (plan(improviser(WildModel(family), "calm", 7), controls(), 60) for _ in range(2))
    assert without_ids(first) == without_ids(second)
    assert without_ids(plan(improviser(WildModel(family), "calm", 8), controls(), 60)) != without_ids(first)


@EVERY
@pytest.mark.parametrize("index", [20, 21, 22, 25])
def test_a_turn_is_answered_in_the_very_next_step(family: str, index: int) -> None:
    subject = improviser(WildModel(family))
    steps = plan(subject, controls(), 40)
    subject.apply(Rewind(steps[index].position.tick))
    assert subject.plan_step(turned_to(CORNERS["nervous"])).started, "also in the middle of a long shift of time"
    subject.apply(Rewind(steps[index].position.tick))
    again = plan(subject, controls(), 10)
    assert without_ids(again) == without_ids(steps[index : index + 10]), "and nothing is left of it"
    assert ANSWERED_TURN < 2


@EVERY
def test_nothing_sounds_and_nothing_is_silent_for_too_long(family: str) -> None:
    subject = improviser(
        WildModel(family), "calm", 3, "music.longest_note_beats=2", "music.longest_rest_beats=1", EVENLY
    )
    steps = plan(subject, controls(), 600)
    longest = LONGEST_NOTE_S if encoding_for(family).tempo_bpm else 2 * 60 / 50
    assert max(lengths_s(steps)) < longest + 0.6
    silence, last = 0.0, 0.0
    sounding = 0
    for step in steps:
        if sounding:
            last = step.position.music_s
        sounding += len(step.started) - len(step.ended)
        silence = max(silence, step.position.music_s - last)
    assert silence < 60 / 60 + 0.5


@pytest.mark.parametrize(
    ("family", "seed"), [*((family, 0) for family in FAMILIES), *(("hands", s) for s in range(30, 46))]
)
def test_an_ending_closes_on_the_tonic(family: str, seed: int) -> None:
    subject, steps = improviser(WildModel(family, seed)), []
    steps += plan(subject, controls(), 60)
    while not steps[-1].finished:
        steps.append(subject.plan_step(controls(ending=True)))
        assert len(steps) < 1500
    assert_whole(steps, [])
    last = next(step for step in reversed(steps) if step.started)
    assert last.position.tick == last.position.bar_tick, "the last chord stands on the bar line"
    classes = {note.pitch % 12 for note in last.started}
    lowest = min(note.pitch for note in last.started) % 12
    triads = [key_of(np.roll([5.0, 2, 3.5, 2, 4.5, 4, 2, 4.5, 2, 3.5, 1.5, 4], t)).triad for t in range(12)]
    minors = [(t, (t + 3) % 12, (t + 7) % 12) for t in range(12)]
    assert any(classes <= set(triad) and lowest == triad[0] for triad in [*triads, *minors])
    assert len(last.started) >= (1 if family.startswith("melody") else 3)
    last_bar = [s for s in steps if s.position.tick > last.position.tick]
    assert not any(step.started or step.ended for step in last_bar[:-1]), "and is held to the end"


@pytest.mark.parametrize("family", ["pianist", "performance"])
def test_families_that_perform_bring_their_own_velocities(family: str) -> None:
    for strength in ("0", "1"):
        subject = improviser(WildModel(family), "calm", 1, f"music.expression={strength}")
        steps = plan(subject, controls(), 600)
        assert len({note.velocity for step in steps for note in step.started}) > 5
        assert all(note.on_s == step.position.music_s for step in steps for note in step.started)


def test_performance_has_no_tempo_and_the_pianist_has_rubato() -> None:
    steps = plan(improviser(WildModel("performance")), controls(overrides={"tempo": 60.0}), 100)
    assert {step.position.tempo_bpm for step in steps} == {120.0}
    for here, following in pairwise(steps):
        ticks = following.position.tick - here.position.tick
        assert following.position.music_s - here.position.music_s == pytest.approx(0.01 * ticks)
    steps = plan(improviser(WildModel("pianist")), controls(overrides={"tempo": 60.0}), 300)
    assert steps[-1].position.tempo_bpm == pytest.approx(60, abs=0.5)
    assert len({step.position.rubato for step in steps}) > 3
    strict = plan(improviser(WildModel("pianist"), "calm", 1, "music.expression=0"), controls(), 300)
    assert {step.position.rubato for step in strict} == {1.0}


# ----------------------------------------------------------------------------------------------- changes of model


def changing(first: str, second: str) -> tuple[Improviser, ControlState]:
    subject = improviser(WildModel(first))
    subject.apply(Offer("other", WildModel(second, seed=5)))
    return subject, controls(model="other")


@pytest.mark.parametrize(("first", "second"), list(product(FAMILIES, FAMILIES)))
def test_a_change_of_model_lands_on_the_bar_line(first: str, second: str) -> None:
    subject, changed = changing(first, second)
    steps = plan(subject, controls(), 30)
    while subject.position.ticks_to_bar_line == 0:
        steps += plan(subject, controls(), 1)
    bar, old = subject.position.bar, subject.model
    while subject.position.bar == bar:
        assert subject.model is old
        steps.append(subject.plan_step(changed))
    line = subject.position.tick
    sounding = set(held_ids(subject))
    step = subject.plan_step(changed)
    assert subject.model is not old
    assert step.started, "no gap"
    assert sounding <= {ended.note_id for ended in step.ends}, "what the old model held ends here"
    assert all(ended.off_s <= step.position.music_s + 0.05 for ended in step.ends)
    steps += [step, *plan(subject, changed, 60)]
    assert_whole(steps, held_ids(subject))
    bars = [s.position.bar for s in steps if s.position.tick == s.position.bar_tick]
    assert bars == list(range(1, len(bars) + 1))
    subject.apply(Rewind(line))
    assert subject.model is old, "not yet heard, so it can be taken back"
    assert set(held_ids(subject)) == sounding
    subject.apply(Rewind(steps[20].position.tick))
    assert_whole([*steps[:20], *plan(subject, controls(), 30)], held_ids(subject))


def test_an_ending_that_is_under_way_ends_in_the_other_model() -> None:
    subject, changed = changing("polyphony", "pianist")
    steps = plan(subject, controls(ending=True), 20)
    while not steps[-1].finished:
        steps.append(subject.plan_step(replace(changed, ending=True, model="other")))
        assert len(steps) < 1500
    assert subject.model.contract.family == "pianist"
    assert [step.position.bar for step in steps if step.finished] == [5]


class Laden:
    """Implements the engine's `Models`: gives what the test puts there."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.waiting: list[Loaded] = []

    def request(self, name: str) -> None:
        self.asked.append(name)

    def ready(self) -> Loaded | None:
        return self.waiting.pop(0) if self.waiting else None

    def lighter(self, name: str) -> str:
        return ""


def stage_with_models() -> tuple[Stage, Laden]:
    models = Laden()
    return Stage(WildModel("polyphony"), models=models), models


def test_the_engine_changes_the_model_while_it_plays() -> None:
    stage, models = stage_with_models()
    stage.play(3.0)
    stage.engine.act(SetModel("pianist"), stage.clock.now())
    stage.play(4.0)
    assert models.asked == ["pianist"]
    assert stage.engine.status().model == "polyphony", "until it is loaded the music goes on"
    models.waiting.append(Loaded("pianist", WildModel("pianist")))
    stage.play(6.0)
    assert stage.engine.status().model == "pianist"
    stage.engine.act(SetMood(-1.0, 1.0), stage.clock.now())
    stage.engine.act(SetModel(DEFAULT_MODEL), stage.clock.now())
    stage.play(6.0)
    assert models.asked == ["pianist"], "the first one is still there"
    assert stage.engine.status().model == "polyphony"
    onsets = sorted({note.on_s for note in stage.link.scheduled.values()})
    assert max(b - a for a, b in pairwise(onsets)) < 3.0
    file = music_file(stage.record.steps)
    ons = [message for track in file.tracks for message in track if message.type == "note_on"]
    assert len(ons) == sum(len(step.started) for step in stage.record.steps)
    stage.engine.act(End(), stage.clock.now())
    stage.play(20.0)
    assert not stage.engine.controls.playing
    assert_silent(stage)


def test_a_take_with_changes_of_model_is_made_again_the_same(tmp_path: Path) -> None:
    session = Session(WildModel("polyphony"), tmp_path, seed=3)
    for name in ("pianist", "performance", "melody"):
        session.engine.improviser.apply(Offer(name, WildModel(name)))
    for name in ("pianist", "performance", "pianist", "melody"):
        session.command(SetModel(name))
        session.play(7)
        session.command(SetMood(0.5, 0.5))
        session.play(1)
    session.recording.close()
    (path,) = tmp_path.glob("*.take*")
    records = recreate.chain(path)
    made, comparison = recreate.recreated(records, WildModel("polyphony"), lambda offer: WildModel(str(offer["asked"])))
    assert comparison.different == 0
    assert made == records
    assert {record["grid"] for record in records if record["k"] == "step"} == {4, 24, 50}
    file = export.midi_file(take.taken(path, records, 0))
    assert file.length == pytest.approx(32, abs=1.5), "a long step is no pause"


@pytest.mark.parametrize("family", ["pianist", "performance"])
def test_what_was_silenced_can_be_struck_again(family: str) -> None:
    subject = improviser(WildModel(family))
    for _ in range(10):
        plan(subject, controls(), 30)
        subject.apply(Release())
        plan(subject, controls(), 3)
        held = {note.pitch for note in subject.snapshot.held}
        assert set(subject.snapshot.decoder.sounding) <= held, "the model does not believe in keys that are up"


def test_panic_in_the_middle_of_a_change() -> None:
    stage, models = stage_with_models()
    models.waiting.append(Loaded("performance", WildModel("performance")))
    for _ in range(60):
        stage.play(0.13)
        stage.engine.act(AllNotesOff(), stage.clock.now())
    stage.link.send(Silence())
    assert_silent(stage)


def test_a_model_that_cannot_be_loaded_leaves_the_music_alone(caplog: pytest.LogCaptureFixture) -> None:
    stage, models = stage_with_models()
    models.waiting.append(Loaded("broken", None, "the model broken cannot be loaded"))
    stage.play(3.0)
    assert "the model broken cannot be loaded; the music goes on as before" in caplog.text
    assert_sound(stage)
    alone = Stage(WildModel("polyphony"))
    with pytest.raises(CommandError, match="the model pianist cannot be loaded here"):
        alone.engine.act(SetModel("pianist"), alone.clock.now())


def test_the_shelf_loads_beside_the_music(tmp_path: Path) -> None:
    for name in ("a.onnx", "b.onnx", "bad.onnx"):
        (tmp_path / name).write_text("")
    may_go_on = threading.Event()

    def load(path: Path) -> WildModel:
        may_go_on.wait()
        if path.stem == "bad":
            raise ModelError("it is bad")
        return WildModel("melody")

    def wait() -> Loaded:
        while True:
            if found := shelf.ready():
                return found
            threading.Event().wait(0.001)

    shelf = ModelLoader(load)
    shelf.request(str(tmp_path / "a.onnx"))
    assert shelf.ready() is None
    shelf.request(str(tmp_path / "bad.onnx"))
    shelf.request(str(tmp_path / "b.onnx"))
    may_go_on.set()
    assert [Path(wait().name).stem for _ in range(2)] == ["a", "b"], "of what is asked for meanwhile, the last"
    shelf.request(str(tmp_path / "bad.onnx"))
    assert wait() == Loaded(str(tmp_path / "bad.onnx"), None, "it is bad")
    shelf.close()
    with pytest.raises(ModelError, match=r"none.onnx is not there; there are: .*polyphony"):
        shelf.request(str(tmp_path / "none.onnx"))


def test_the_shipped_models_can_be_asked_for_by_name() -> None:
    shelf = ModelLoader(lambda _: WildModel("polyphony"), beside=False)
    assert "polyphony" in shelf.names
    assert {f"{name}.onnx" for name in shelf.names} == {path.name for path in shipped_models().glob("*.onnx")}
    shelf.request("polyphony")
    assert (loaded := shelf.ready()) is not None
    assert loaded.model is not None
