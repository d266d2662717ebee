"""What the improviser hands out: one grid step with the notes that begin and end in it."""

from __future__ import annotations

from typing import NamedTuple

from improv.music.mood import Mood
from improv.music.position import Position


class StartedNote(NamedTuple):
    """A note that begins: its id, pitch, velocity, and its onset in seconds of the music.

    hand: 0 left, 1 right, -1 where the model does not say.
    """

    note_id: int
    pitch: int
    velocity: int
    on_s: float
    hand: int = -1


class EndedNote(NamedTuple):
    """A note that ends: its id and the time in seconds of the music."""

    note_id: int
    off_s: float


class PressedPedal(NamedTuple):
    """The sustain pedal goes down: its id, of one count with those of notes, and the time in seconds of the music."""

    note_id: int
    on_s: float


class PlannedStep(NamedTuple):
    """One grid step, planned. `finished`: an ending was asked for and this is its end; nothing follows.

    pedal_up: the end of a pedal that was pressed before. pedal_down: it goes down, after that.
    """

    position: Position
    started: tuple[StartedNote, ...]
    ended: tuple[EndedNote, ...]
    mood: Mood
    revision: int
    finished: bool = False
    pedal_up: EndedNote | None = None
    pedal_down: PressedPedal | None = None

    @property
    def ends(self) -> tuple[EndedNote, ...]:
        """Of the notes that end in it, and of the pedal that was down before it."""
        return self.ended if self.pedal_up is None else (*self.ended, self.pedal_up)

    @property
    def begun_ids(self) -> tuple[int, ...]:
        """Of the notes, and of the pedal, that begin in it, ascending."""
        pedal = () if self.pedal_down is None else (self.pedal_down.note_id,)
        return (*(note.note_id for note in self.started), *pedal)
