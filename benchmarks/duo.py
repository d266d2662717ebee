"""The daemon's own path on the manual clock with a person in it: engine, improviser, model, and what was sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.persons import Person
from improv.clock import ManualClock
from improv.config import Config, adapters
from improv.config.reading import load
from improv.control.commands import AllNotesOff, Command, SetMode
from improv.control.published_state import State
from improv.engine.beginnings import told
from improv.engine.engine import Engine
from improv.engine.offline import ManualLink
from improv.improviser.improviser import Improviser
from improv.model.onnx_model import Model, OnnxModel, resolve
from improv.music.mood import CORNERS
from improv.music.primer import Primer
from improv.player.protocol import Instruction, Received, Schedule, ToEngine

START_S = 100.0
STATUS_EVERY_S = 0.25


class PersonLink(ManualLink):
    """A player to whom somebody's messages come at their times, and what we send comes back, if it is to."""

    def __init__(self, clock: ManualClock, messages: Sequence[tuple[float, bytes]]) -> None:
        super().__init__(clock)
        self.arriving = deque((START_S + at_s, message) for at_s, message in messages)
        self.planned_s: dict[int, float] = {}
        self.echo: tuple[float, int] | None = None  # delay in s, semitones
        self.echoed = 0
        self._echoes: dict[tuple[int, bool], float] = {}

    def send(self, record: Instruction) -> None:
        super().send(record)
        if isinstance(record, Schedule):
            self.planned_s |= {note.note_id: self._clock.now() for note in record.notes}

    def poll(self, timeout_s: float) -> list[ToEngine]:
        now_s, until_s = self._clock.now(), self._clock.now() + timeout_s
        if self.arriving:
            until_s = min(until_s, max(self.arriving[0][0], now_s))
        until_s = min(until_s, now_s + 0.01) if self.echo else until_s
        super().poll(until_s - now_s)
        arrived: list[ToEngine] = []
        while self.arriving and self.arriving[0][0] <= self._clock.now():
            at_s, message = self.arriving.popleft()
            arrived.append(Received(message, at_s))
        return [*arrived, *self._come_back()]

    def _come_back(self) -> list[Received]:
        if self.echo is None:
            return []
        now_s, (delay_s, shift) = self._clock.now(), self.echo
        back: list[Received] = []
        for note in [one for one in self.scheduled.values() if not one.is_pedal]:
            for at_s, down in ((note.on_s + delay_s, True), (note.off_s + delay_s, False)):
                key = (note.note_id, down)
                if at_s <= now_s and key not in self._echoes and (down or (note.note_id, True) in self._echoes):
                    self._echoes[key] = at_s
                    self.echoed += down
                    pitch = min(max(note.pitch + shift, 0), 127)
                    message = bytes((0x90 if down else 0x80, pitch, note.velocity if down else 0))
                    back.append(Received(message, at_s))
        return sorted(back, key=lambda record: record.received_s)


class ListeningModel:
    """A model that remembers when it was told which note begins."""

    def __init__(self, model: Model, clock: ManualClock) -> None:
        self._model, self._clock = model, clock
        self.begun: list[tuple[float, int]] = []  # (clock s, pitch)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def step(self, token_id: int, condition: Any, state: Any) -> Any:
        encoding = self._model.encoding
        if encoding.starts_note(token_id):
            self.begun.append((self._clock.now(), int(encoding.start_pitches[token_id - encoding.starts.start])))
        return self._model.step(token_id, condition, state)


@dataclass
class Played:
    """What came of it. ours: rows of (on_s, off_s, pitch, velocity), of keys alone. Seconds are the person's."""

    ours: NDArray[np.float64]
    ids: list[int]
    planned_s: dict[int, float]
    begun: list[tuple[float, int]]
    states: list[tuple[float, State]]
    left_sounding: int
    longest_gap_s: float
    echoed: int = 0
    heard: int = 0


class Stage:
    """One model for many performances."""

    def __init__(self, name: str = "") -> None:
        self.model = OnnxModel(resolve(name), "cpu")

    def play(
        self,
        person: Person,
        seconds: float,
        mode: str,
        mood: str = "calm",
        seed: int = 1,
        settings: Sequence[str] = (),
        commands: Sequence[tuple[float, Command]] = (),
        echo: tuple[float, int] | None = None,
        primer: Primer | None = None,
    ) -> Played:
        """The person plays with us in this mode; commands: (second, command), ascending. primer: bars that we go on
        from.
        """
        config: Config = load(None, ["mood.glide_s=0", *settings], {})
        clock = ManualClock(START_S)
        link = PersonLink(clock, person.messages())
        link.echo = echo
        first = adapters.initial_controls(config, CORNERS[mood])
        model: Any = ListeningModel(self.model, clock)
        improviser = Improviser(model, adapters.improviser_settings(config), first, seed)
        if primer is not None:
            improviser.apply(told(primer, first.model, self.model))
        midi_map = config.controls.midi_map(config.mood.moods)
        engine = Engine(improviser, link, clock, first, midi_map, adapters.engine_settings(config))
        if mode != "solo":
            engine.act(SetMode(mode), clock.now())
        waiting, states, status_s = list(commands), list[tuple[float, State]](), START_S
        while clock.now() < START_S + seconds:
            engine.turn(0.02)
            while waiting and START_S + waiting[0][0] <= clock.now():
                engine.act(waiting.pop(0)[1], clock.now())
            if clock.now() >= status_s:
                states.append((clock.now() - START_S, engine.status()))
                status_s = clock.now() + STATUS_EVERY_S
        end_s = clock.now()
        sent = (note for note in link.scheduled.values() if note.on_s < end_s and not note.is_pedal)
        notes = sorted(sent, key=lambda note: note.on_s)
        rows = np.array([(n.on_s - START_S, min(n.off_s, end_s) - START_S, n.pitch, n.velocity) for n in notes])
        gaps = np.diff(rows[:, 0]) if len(rows) > 1 else np.array([seconds])
        engine.act(AllNotesOff(), clock.now())
        hanging = sum(note.off_s > clock.now() + 1e-6 for note in link.scheduled.values())
        return Played(
            rows.reshape(-1, 4),
            [note.note_id for note in notes],
            {note_id: at_s - START_S for note_id, at_s in link.planned_s.items()},
            [(at_s - START_S, pitch) for at_s, pitch in model.begun],
            states,
            hanging,
            float(gaps.max()) if len(gaps) else seconds,
            link.echoed,
            getattr(improviser, "_strikes", -1),
        )
