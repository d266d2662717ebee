"""The notes that were handed to the player and have not ended: what a failed player may have lost or left sounding."""

from __future__ import annotations

import math
from collections.abc import Iterable

from improv.player.protocol import Bend, Instruction, MoveOff, PlannedNote, Schedule, Silence

LEDGER_NOTES = 1024
LEDGER_KEEP_S = 1.0  # a note may have been moved or be late by less


class Ledger:
    """By note_id, in the order in which they were handed over."""

    def __init__(self) -> None:
        self._notes: dict[int, PlannedNote] = {}
        self.hung: set[tuple[int, int]] = set()
        """(channel, pitch) that a player which failed may have left sounding."""

    def __len__(self) -> int:
        return len(self._notes)

    def __contains__(self, note_id: object) -> bool:
        return note_id in self._notes

    @property
    def notes(self) -> tuple[PlannedNote, ...]:
        return tuple(self._notes.values())

    def enter(self, record: Instruction) -> None:
        """Follow what an instruction does to the notes. ValueError for a note that MIDI cannot express."""
        match record:
            case Schedule(notes):
                for note in notes:
                    _check(note)
                self._notes |= {note.note_id: note for note in notes}
            case MoveOff(offs):
                for note_id, off_s in offs:
                    if (known := self._notes.get(note_id)) is not None:
                        self._notes[note_id] = known._replace(off_s=off_s)
            case Bend():
                self._notes = {note_id: _bent(note, record) for note_id, note in self._notes.items()}
            case Silence():
                self.clear()

    def begun(self, first_note_id: int, at_s: float) -> tuple[int, ...]:
        """The ids >= first_note_id, ascending, of notes that were due by at_s."""
        return tuple(sorted(i for i, note in self._notes.items() if i >= first_note_id and note.on_s <= at_s))

    def revoke(self, first_note_id: int, sent: Iterable[int]) -> None:
        """Forget the notes with an id >= first_note_id, but for those that were sent."""
        kept = set(sent)
        self._notes = {i: note for i, note in self._notes.items() if i < first_note_id or i in kept}

    def may_sound(self, now_s: float) -> set[tuple[int, int]]:
        """(channel, pitch) of what hangs, and of all notes that have not surely ended by now."""
        ended_s = now_s - LEDGER_KEEP_S
        return self.hung | {(note.channel, note.pitch) for note in self._notes.values() if note.off_s > ended_s}

    def hang(self) -> tuple[tuple[int, int], ...]:
        """The player failed: all its notes may hang. Returns what hangs now, ascending."""
        self.hung |= {(note.channel, note.pitch) for note in self._notes.values()}
        self._notes.clear()
        return tuple(sorted(self.hung))

    def prune(self, now_s: float) -> None:
        """Forget notes that ended a while ago; of what is left, the oldest beyond LEDGER_NOTES."""
        if len(self._notes) > LEDGER_NOTES // 4:
            ended_s = now_s - LEDGER_KEEP_S
            self._notes = {i: note for i, note in self._notes.items() if note.off_s > ended_s}
        for note_id in list(self._notes)[: max(0, len(self._notes) - LEDGER_NOTES)]:
            del self._notes[note_id]

    def clear(self) -> None:
        self._notes.clear()


def _bent(note: PlannedNote, bend: Bend) -> PlannedNote:
    on_s = bend.moved_s(note.on_s) if note.on_s > bend.from_s else note.on_s
    return note._replace(on_s=on_s, off_s=bend.moved_s(note.off_s))


def _check(note: PlannedNote) -> None:
    """Raise ValueError for what cannot be sent: it would end the player."""
    for name, value, first, last in (
        ("channel", note.channel, 0, 15),
        ("pitch", 0 if note.is_pedal else note.pitch, 0, 127),
        ("velocity", note.velocity, 1, 127),
    ):
        if not first <= value <= last:
            raise ValueError(f"{name} must be in {first}..{last}, got {value}")
    if not (math.isfinite(note.on_s) and math.isfinite(note.off_s)):
        raise ValueError(f"on_s and off_s must be finite, got {note.on_s} and {note.off_s}")
