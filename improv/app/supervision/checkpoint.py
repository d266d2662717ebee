"""What an engine needs to go on where the one before it was: written with each beat of the music and each command."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any, NamedTuple

from improv.app.supervision.lifeline import Lifeline, Signs
from improv.app.supervision.orders import DEFAULT_CONFIG
from improv.config import Config
from improv.control.state import ControlState
from improv.engine.engine import Engine
from improv.improviser import snapshot_bytes
from improv.model.onnx_model import DEFAULT_MODEL
from improv.model.plain_model import PLAIN
from improv.music.mood import Glide
from improv.takes.schema import controls_of, controls_record


class Checkpoint(NamedTuple):
    """Bytes of it are for processes of one run of the program.

    controls: as a take says them. memory: of the improviser, b"" where there is none. music_s: where the music was.
    seed: of the improviser. config: the effective one. outputs, inputs: what the ports were connected
    to. take_id: of the take that was written, or "". scene: that was recalled last, and its place in the set list.
    """

    controls: dict[str, Any]
    finished: bool
    memory: bytes
    music_s: float
    seed: int
    config: Config
    outputs: tuple[tuple[str, ...], ...]
    inputs: tuple[str, ...]
    take_id: str
    scene: tuple[str, int] = ("", 0)

    def packed(self) -> bytes:
        return pickle.dumps(tuple(self), pickle.HIGHEST_PROTOCOL)

    @classmethod
    def unpacked(cls, data: bytes | None) -> Checkpoint | None:
        """The way back; None when there is nothing, or nothing that fits."""
        if data is None:
            return None
        try:
            return cls(*pickle.loads(data))
        except Exception:  # pickle raises whatever damaged bytes make it raise
            return None

    def control_state(self) -> ControlState:
        """What was commanded. ValueError when it does not fit this version."""
        return controls_of(self.controls)


def from_the_beginning(controls: ControlState, music_s: float) -> ControlState:
    """The same commands for music that begins at second 0, where it was at `music_s`: glides and journeys go on."""
    course = controls.course
    if course is not None:
        course = replace(course, start_s=course.start_s - music_s, joined=_earlier(course.joined, music_s))
    return replace(controls, glide=_earlier(controls.glide, music_s), course=course)


def _earlier(glide: Glide, seconds: float) -> Glide:
    return replace(glide, start_s=glide.start_s - seconds)


class Rest(NamedTuple):
    """What only the daemon knows of a checkpoint."""

    config: Config
    outputs: tuple[tuple[str, ...], ...]
    inputs: tuple[str, ...]
    take_id: str


class Fallen(NamedTuple):
    """What an engine was given less of, and what it plays with instead: the next one may be given it again.

    config: the one before. instead: the one now. models: `model` and `instead_of` of the controls before. model: that
    plays now. level: of improv.app.supervision.orders.
    """

    config: Config
    instead: Config
    models: dict[str, Any]
    model: str
    level: int

    def degraded(self, model: str, config: Config) -> tuple[str, ...]:
        """What is done without, a sentence each. model, config: that are in force now; somebody may have chosen others
        meanwhile.
        """
        found = []
        before = self.models["instead_of"] or self.models["model"] or DEFAULT_MODEL
        if model == self.model != before:
            now = "rules alone play" if model == PLAIN else f"the model {model} plays"
            found.append(f"{now} instead of {before}, because engines failed")
        if self.level >= DEFAULT_CONFIG and config is self.instead:
            found.append("the default configuration holds, without page, OSC and ctl, because engines failed")
        return tuple(found)

    def config_before(self, config: Config) -> Config:
        """For a checkpoint: the one before, unless it was read again meanwhile."""
        return self.config if config is self.instead else config

    def controls_before(self, record: dict[str, Any]) -> dict[str, Any]:
        """Likewise, unless another model was chosen meanwhile."""
        return record | self.models if record["model"] == self.model else record


class CheckpointWriter:
    """Called every turn of the engine. fallen: what it was given less of."""

    def __init__(self, lifeline: Lifeline, engine: Engine, fallen: Fallen | None = None) -> None:
        self._lifeline, self._engine, self._fallen = lifeline, engine, fallen
        self._memory = b""
        self._beat = -1
        self._written: tuple[object, ...] = ()
        self._signs = Signs()

    def turn(self, rest: Rest, keys: set[tuple[int, int]], overdue_s: float, pids: tuple[int, int]) -> None:
        """A sign of life, and a checkpoint where something changed that an engine after this one must know.

        keys: that may sound. overdue_s: since a note should have begun, 0 while none is owed.
        """
        signs, engine, fallen = self._signs, self._engine, self._fallen
        playing_turns = signs.playing_turns + engine.controls.playing
        self._signs = Signs(signs.turns + 1, playing_turns, overdue_s, *pids)
        position = engine.improviser.position
        beat = position.tick // position.ticks_per_beat
        state = (beat, engine.before, engine.improviser.model, *rest)
        if state != self._written:
            self._written = state
            if beat != self._beat:
                self._beat = beat
                self._memory = self._remembered()
            controls = controls_record(engine.controls)
            if fallen is not None:
                rest = rest._replace(config=fallen.config_before(rest.config))
                controls = fallen.controls_before(controls)
            before = (controls, engine.before.finished, self._memory, position.music_s, engine.improviser.seed)
            self._lifeline.save(Checkpoint(*before, *rest, engine.before.last).packed(), engine.controls.model)
        self._lifeline.beat(self._signs, keys)

    def _remembered(self) -> bytes:
        try:
            return snapshot_bytes.packed(snapshot_bytes.memory_of(self._engine.improviser))
        except ValueError:
            return b""  # without it a new piece begins under the same commands
