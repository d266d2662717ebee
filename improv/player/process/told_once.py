"""What became of the notes, of each told once: of a note that several outputs play the first of them tells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from improv.player.process.note_log import NoteLog
from improv.player.process.output import Output
from improv.player.process.queue import DueMessage
from improv.player.protocol import PlannedNote


class ToldOnce:
    """outputs: in their order. note_log: gets every note that was sent, but no pedal."""

    def __init__(self, outputs: Sequence[Output], note_log: NoteLog | None) -> None:
        self.notes_dropped = 0
        """Notes that were left out since the start; a pedal is none."""
        self._outputs, self._note_log = outputs, note_log

    def begun(self, number: int, begun: Iterable[tuple[DueMessage, float]]) -> None:
        """Output `number` (from 0) sent these note-ons, each with the time at which it was out."""
        if self._note_log is not None:
            for due, out_s in begun:
                if due.note is not None and not due.note.is_pedal and self._is_first(number, due.note):
                    self._note_log.add(due.note, out_s)

    def dropped(self, number: int, notes: Iterable[PlannedNote]) -> tuple[int, ...]:
        """Output `number` left these notes out; returns the ids of those that nobody told of."""
        told = [note for note in notes if note.note_id >= 0 and self._is_first(number, note)]  # below 0: clicks
        self.notes_dropped += sum(not note.is_pedal for note in told)
        return tuple(note.note_id for note in told)

    def _is_first(self, number: int, note: PlannedNote) -> bool:
        return not any(earlier.plays(note) for earlier in self._outputs[:number])
