"""Which part of the music each planned note belongs to, worked out only where an output asks for it."""

from __future__ import annotations

from collections.abc import Container

from improv.improviser.planned_step import PlannedStep
from improv.music.parts import Struck, parted


class NoteParts:
    """Remembers what was planned and has not ended: a melody note is one that nothing held lies above."""

    def __init__(self) -> None:
        self._struck: dict[int, Struck] = {}  # id -> key and hand

    def of(self, step: PlannedStep, sounding: Container[int]) -> list[tuple[str, ...]]:
        """The parts of each of the notes that begin in a step. sounding: ids that have not ended."""
        return [*parted([(note.pitch, note.hand) for note in step.started], self._held(step, sounding))]

    def remember(self, step: PlannedStep, sounding: Container[int]) -> None:
        """A step was planned. sounding: ids of before that have not ended."""
        self._struck = {i: struck for i, struck in self._struck.items() if i in sounding}
        self._struck |= {note.note_id: (note.pitch, note.hand) for note in step.started}

    def _held(self, step: PlannedStep, sounding: Container[int]) -> list[Struck]:
        """What sounds on from before a step."""
        first_id = min(step.begun_ids, default=0)
        over = {ended.note_id for ended in step.ended}
        return [
            struck
            for note_id, struck in self._struck.items()
            if note_id < first_id and note_id not in over and note_id in sounding
        ]
