"""Real implementations of improv's borders that are scripted: a model that plays given tokens, a player that fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from improv.clock import ManualClock
from improv.config import Config, adapters, load
from improv.control.state import ControlState
from improv.engine.engine import Engine
from improv.engine.models import Models
from improv.engine.offline import ManualLink, StepList
from improv.improviser.improviser import Improviser
from improv.improviser.planned_step import EndedNote, PlannedStep, StartedNote
from improv.model import conditioning
from improv.model.metadata import FORMAT_VERSION, Contract
from improv.model.onnx_model import Float32Array, Model, State
from improv.model.patience import BoundedModel, Patience
from improv.model.vocabulary import Encoding, PolyphonyEncoding
from improv.music.mood import CORNERS, Glide, Mood
from improv.player.protocol import Dropped, Instruction, PortsChanged, Received, Rewire, Silence, ToEngine

ENCODING = PolyphonyEncoding()
WANTED = 40.0  # a logit that no other token comes near


def contract(**changes: object) -> Contract:
    """What a model of this version says about itself."""
    values = {
        "format_version": FORMAT_VERSION,
        "name": "scripted",
        "family": "polyphony",
        "fingerprint": ENCODING.fingerprint,
        "ticks_per_beat": 4,
        "conditioning": conditioning.specification(),
        "training_data": "none",
        "licence": "none",
        "created": "2026-01-01",
        "held_out_loss": 1.0,
    }
    return Contract(**(values | changes))  # type: ignore[arg-type]


class ScriptedModel:
    """Implements `Model`: wants the tokens of a script, one after the other, round and round.

    Its state is its place in the script, so that going back to an old state goes back in the script. Where the wanted
    token is not legal, the others are equally likely. `conditions` keeps every condition that it was given.
    """

    def __init__(self, script: Sequence[int], preamble: Sequence[int] = ()) -> None:
        self.contract = contract()
        self.encoding: Encoding = ENCODING
        self._preamble, self._script = list(preamble), list(script)
        self.conditions: list[Float32Array] = []
        self.fed: list[int] = []

    def initial_state(self, batch: int) -> State:
        return (np.zeros((1, batch, 1), np.float32),)

    def step(self, token_id: int, condition: Float32Array, state: State) -> tuple[Float32Array, State]:
        self.fed.append(token_id)
        self.conditions.append(condition)
        place = int(state[0][0, 0, 0])
        after = place - len(self._preamble)
        wanted = self._preamble[place] if after < 0 else self._script[after % len(self._script)]
        logits = np.zeros((len(condition), self.encoding.size), np.float32)
        logits[:, wanted] = WANTED
        return logits, (state[0] + 1,)


class Failing(ScriptedModel):
    """A scripted model that misbehaves in the steps that `when` says, counted from 0 since it was made.

    how: raise, nan, inf, shape (of the logits), rows (one missing), state (of another shape), or nothing at all.
    """

    def __init__(self, script: Sequence[int], how: str, when: Callable[[int], bool]) -> None:
        super().__init__(script)
        self._how, self._when, self.steps = how, when, 0

    def step(self, token_id: int, condition: Float32Array, state: State) -> tuple[Float32Array, State]:
        self.steps += 1
        logits, after = super().step(token_id, condition, state)
        if not self._when(self.steps - 1):
            return logits, after
        match self._how:
            case "raise":
                raise RuntimeError("the network is tired")
            case "nan" | "inf":
                logits[0, 7] = float(self._how)
            case "shape":
                logits = logits[:, :5]
            case "rows":
                logits = logits[:1]
            case "state":
                after = (*after, after[0])
            case _:
                return None  # type: ignore[return-value]
        return logits, after


class Slow(ScriptedModel):
    """A scripted model that takes `row_s` of a clock for each row of each step."""

    def __init__(self, script: Sequence[int], row_s: float = 0.0) -> None:
        super().__init__(script)
        self.row_s = row_s
        self.clock: ManualClock | None = None
        self.rows: list[int] = []

    def step(self, token_id: int, condition: Float32Array, state: State) -> tuple[Float32Array, State]:
        self.rows.append(len(condition))
        if self.clock is not None:
            self.clock.wait(self.clock.now() + self.row_s * len(condition))
        return super().step(token_id, condition, state)


def controls(mood: str | Mood = "calm", **changes: object) -> ControlState:
    """As at the start, in a mood."""
    point = CORNERS[mood] if isinstance(mood, str) else mood
    first = ControlState(glide=Glide(point, point), glide_s=0.0, intensity=0.5, temperature=1.0)
    return replace(first, **changes)  # type: ignore[arg-type]


def improviser(model: Model, mood: str = "calm", seed: int = 1, *settings: str) -> Improviser:
    """With the default configuration, changed by `section.key=value` settings."""
    return Improviser(model, adapters.improviser_settings(load(None, settings, {})), controls(mood), seed)


class FallibleLink(ManualLink):
    """A player on the manual clock that brings messages, fails and answers as a test tells it."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.arriving: list[tuple[float, ToEngine]] = []
        self.notices: list[str] = []
        self.sent_early: Callable[[int], bool] = lambda _: False
        self.calls: list[str] = []
        self.rewired: list[Rewire] = []
        self._lost: list[int] = []
        self._stall_s = 0.0

    def stall(self, seconds: float) -> None:
        """The machine stands still at the next poll."""
        self._stall_s = seconds

    def poll(self, timeout_s: float) -> list[ToEngine]:
        timeout_s += self._stall_s
        self._stall_s = 0.0
        now_s = self._clock.now()
        if self.arriving:
            timeout_s = min(timeout_s, max(self.arriving[0][0] - now_s, 0.0))
        super().poll(timeout_s)
        arrived = [record for at_s, record in self.arriving if at_s <= self._clock.now()]
        self.arriving = self.arriving[len(arrived) :]
        for record in arrived:
            self.observers.tell(record)
        return arrived

    def beat(self) -> str:
        if self._lost:
            self.observers.tell(Dropped(tuple(self._lost)))
        self._lost = []
        return self.notices.pop(0) if self.notices else ""

    def drop(self, note_id: int) -> None:
        """It came too late."""
        del self.scheduled[note_id]
        self.observers.tell(Dropped((note_id,)))

    def revoke(self, first_note_id: int) -> tuple[int, ...]:
        self.calls.append("revoke")
        return super().revoke(first_note_id)

    def _take_back(self, first_note_id: int) -> list[int]:
        early = {i: note for i, note in self.scheduled.items() if i >= first_note_id and self.sent_early(i)}
        sent = super()._take_back(first_note_id)
        self.scheduled |= early
        return [*{*sent, *early}]

    def send(self, record: Instruction) -> None:
        if isinstance(record, Silence):
            self.calls.append("silence")
        if isinstance(record, Rewire):
            self.rewired.append(record)
        super().send(record)

    def lose_everything(self) -> None:
        """As when the player's process dies: what was to come is lost, what sounds is ended by the next one."""
        self._lost += [note.note_id for note in self.scheduled.values() if note.on_s > self._clock.now()]
        super()._silence()
        self.notices.append("The player process ended unexpectedly and was started anew.")

    def change_ports(self, at_s: float) -> None:
        self.arriving.append((at_s, PortsChanged("none", "", "", "The port went away.")))

    def press(self, at_s: float, control: int, value: int, channel: int = 0) -> None:
        """A control change arrives."""
        self.arriving.append((at_s, Received(bytes((0xB0 | channel, control, value)), at_s)))


class Stage:
    """An engine with all that it needs, on a manual clock."""

    def __init__(
        self,
        model: Model,
        mood: str = "calm",
        seed: int = 1,
        start_s: float = 100.0,
        settings: Sequence[str] = (),
        record: StepList | None = None,
        models: Models | None = None,
        bounded: bool = False,
    ) -> None:
        """bounded: the model is given up where it takes too long."""
        # A change of mood is at once, unless a test says otherwise.
        self.config: Config = load(None, ["mood.glide_s=0", *settings], {})
        self.clock = ManualClock(start_s)
        self.link = FallibleLink(self.clock)
        self.record = record or StepList()
        first = adapters.initial_controls(self.config, CORNERS[mood])
        patience = Patience(self.clock)
        model = BoundedModel(model, patience) if bounded else model
        self.improviser = Improviser(model, adapters.improviser_settings(self.config), first, seed, self.record)
        self.engine = Engine(
            self.improviser,
            self.link,
            self.clock,
            first,
            self.config.controls.midi_map(self.config.mood.moods),
            adapters.engine_settings(self.config),
            models=models,
            patience=patience,
        )

    def play(self, seconds: float) -> None:
        """Let the engine turn until so much time has passed."""
        end_s = self.clock.now() + seconds
        while self.clock.now() < end_s:
            self.engine.turn(min(0.05, end_s - self.clock.now()))


def plan(subject: Improviser, state: ControlState, steps: int) -> list[PlannedStep]:
    return [subject.plan_step(state) for _ in range(steps)]


def without_ids(steps: Sequence[PlannedStep]) -> list[tuple[object, ...]]:
    """Planned steps with their notes numbered from 1, for those that compare two plans."""
    numbers: dict[int, int] = {}

    def started(note: StartedNote) -> StartedNote:
        numbers[note.note_id] = len(numbers) + 1
        return note._replace(note_id=numbers[note.note_id])

    def ended(note: EndedNote) -> EndedNote:
        return note._replace(note_id=numbers.get(note.note_id, 0))

    def renumbered(step: PlannedStep) -> PlannedStep:
        up, down = step.pedal_up, step.pedal_down
        if up is not None:
            up = ended(up)
        ends, starts = tuple(map(ended, step.ended)), tuple(map(started, step.started))
        if down is not None:
            numbers[down.note_id] = len(numbers) + 1
            down = down._replace(note_id=numbers[down.note_id])
        return step._replace(ended=ends, started=starts, pedal_up=up, pedal_down=down)

    return [renumbered(step) for step in steps]


def assert_whole(steps: Sequence[PlannedStep], held: Sequence[int]) -> None:
    """Every note and pedal ends exactly once, after it began, or is held at the end; ids only rise."""
    began: dict[int, float] = {}
    last_id = 0
    for step in steps:
        for note in step.ended:
            assert note.off_s > began.pop(note.note_id)  # KeyError: ended twice, or never begun
        if step.pedal_up is not None:
            began.pop(step.pedal_up.note_id)
        for start in step.started:
            assert start.note_id > last_id
            last_id = start.note_id
            began[start.note_id] = start.on_s
        if step.pedal_down is not None:
            assert step.pedal_down.note_id > last_id
            last_id = step.pedal_down.note_id
            began[last_id] = step.pedal_down[1]
    assert sorted(began) == sorted(held)


def turned_to(mood: Mood) -> ControlState:
    """As after a change of mood."""
    return controls(mood, revision=1)


def held_ids(subject: Improviser) -> list[int]:
    """Ids of the notes that sound."""
    return [note_id for note_id, _ in subject.held]
