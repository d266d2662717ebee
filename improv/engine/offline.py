"""Music without waiting for it: the daemon's own engine on a manual clock, into a list of planned steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from improv.clock import ManualClock
from improv.control.commands import Command
from improv.control.midi_map import MidiMap
from improv.control.state import ControlState
from improv.engine.beginnings import told
from improv.engine.engine import Engine
from improv.engine.settings import EngineSettings
from improv.improviser.improviser import Improviser
from improv.improviser.operations import Operation, Rewind
from improv.improviser.planned_step import PlannedStep
from improv.improviser.settings import Settings as ImproviserSettings
from improv.model.loader import ModelLoader
from improv.model.onnx_model import Model
from improv.music.primer import Primer
from improv.player.observers import Observers
from improv.player.protocol import (
    Bend,
    Instruction,
    MoveOff,
    PlannedNote,
    Revoked,
    Schedule,
    Silence,
    Statistics,
    ToEngine,
)


class ManualLink:
    """A player that has all the time of the world: waiting for it moves the manual clock on.

    Keeps which notes were sent by when, so that a revocation answers as the real player would.
    """

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.statistics = Statistics()
        self.observers = Observers()
        self.scheduled: dict[int, PlannedNote] = {}

    def send(self, record: Instruction) -> None:
        self.observers.tell(record)
        match record:
            case Schedule(notes):
                self.scheduled |= {note.note_id: note for note in notes}
            case MoveOff(offs):
                self._move_offs(offs)
            case Silence():
                self._silence()
            case Bend():
                self._bend(record)

    def revoke(self, first_note_id: int) -> tuple[int, ...]:
        already_sent = tuple(sorted(self._take_back(first_note_id)))
        self.observers.tell(Revoked(0, first_note_id, already_sent))
        return already_sent

    def poll(self, timeout_s: float) -> list[ToEngine]:
        self._clock.wait(self._clock.now() + timeout_s)
        return []

    def beat(self) -> str:
        return ""

    def _take_back(self, first_note_id: int) -> list[int]:
        """The ids that were sent by now stay."""
        now_s = self._clock.now()
        later = {note_id: note for note_id, note in self.scheduled.items() if note_id >= first_note_id}
        for note_id, note in later.items():
            if note.on_s > now_s:
                del self.scheduled[note_id]
        return [note_id for note_id, note in later.items() if note.on_s <= now_s]

    def _move_offs(self, offs: Iterable[tuple[int, float]]) -> None:
        now_s = self._clock.now()
        for note_id, off_s in offs:
            if (note := self.scheduled.get(note_id)) and note.off_s > now_s:
                self.scheduled[note_id] = note._replace(off_s=max(off_s, note.on_s))

    def _silence(self) -> None:
        now_s = self._clock.now()
        self.scheduled = {
            note_id: note._replace(off_s=min(note.off_s, now_s))
            for note_id, note in self.scheduled.items()
            if note.on_s <= now_s
        }

    def _bend(self, bend: Bend) -> None:
        now_s = self._clock.now()
        for note_id, note in self.scheduled.items():
            if note.on_s > now_s:
                note = note._replace(on_s=bend.moved_s(note.on_s))
            if note.off_s > now_s:
                note = note._replace(off_s=max(bend.moved_s(note.off_s), note.on_s))
            self.scheduled[note_id] = note


class StepList:
    """Keeps planned steps; those that were revoked are forgotten."""

    def __init__(self) -> None:
        self.steps: list[PlannedStep] = []

    def __call__(self, operation: Operation, step: PlannedStep | None) -> None:
        """Observe an improviser."""
        if step is not None:
            self.add(step)
        elif isinstance(operation, Rewind):
            self.forget(operation.tick)

    def add(self, step: PlannedStep) -> None:
        self.steps.append(step)

    def forget(self, tick: int) -> None:
        while self.steps and self.steps[-1].position.tick >= tick:
            self.steps.pop()


class OfflineSettings(NamedTuple):
    """What the music hangs on beside the commands: the parts of the configuration that the engine is given.

    provider: that models run on which are asked for while the music goes on, as model.provider takes it.
    """

    improviser: ImproviserSettings
    engine: EngineSettings
    midi_map: MidiMap
    provider: str = "auto"


def render(
    settings: OfflineSettings,
    model: Model,
    controls: ControlState,
    seconds: float,
    seed: int,
    commands: Sequence[tuple[float, Command]] = (),
    primer: Primer | None = None,
) -> list[PlannedStep]:
    """Improvise `seconds` of music. controls: that it begins under. commands: (seconds from the beginning, command), in
    order of time. primer: bars that the music goes on from.

    The same arguments give the same steps.
    """
    clock, steps = ManualClock(), StepList()
    improviser = Improviser(model, settings.improviser, controls, seed, steps)
    if primer is not None:
        improviser.apply(told(primer, controls.model, model))
    engine = Engine(
        improviser,
        ManualLink(clock),
        clock,
        controls,
        settings.midi_map,
        settings.engine,
        models=ModelLoader(provider=settings.provider, beside=False),
    )
    waiting = list(commands)
    while clock.now() < seconds:
        limit_s = min(0.05, seconds - clock.now())
        if waiting:
            limit_s = min(limit_s, max(waiting[0][0] - clock.now(), 0.0))
        engine.turn(limit_s)
        while waiting and waiting[0][0] <= clock.now():
            engine.act(waiting.pop(0)[1], clock.now())
    return [step for step in steps.steps if step.position.music_s < seconds]
