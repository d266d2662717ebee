"""What we send ourselves, as it passes on its way to the player: so that our own echo is known, and what to end."""

from __future__ import annotations

from collections import deque

from improv.player.protocol import Bend, Instruction, Link, PlannedNote, Schedule, Statistics, ToEngine

REMEMBERED_NOTES = 256


class OwnNotes:
    """A link that keeps in mind the notes that go through it. Implements `improv.player.protocol.Link`."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._coming: deque[PlannedNote] = deque(maxlen=REMEMBERED_NOTES)
        self._begun: deque[PlannedNote] = deque(maxlen=REMEMBERED_NOTES)
        self.notes_begun = 0
        """How many were not taken back before they began, without pedals."""

    @property
    def statistics(self) -> Statistics:
        """As of the last heartbeat."""
        return self._link.statistics

    def send(self, record: Instruction) -> None:
        """Hand it over, without waiting."""
        self._link.send(record)
        if isinstance(record, Schedule):
            self._coming.extend(record.notes)
        elif isinstance(record, Bend):
            moved = [
                note._replace(on_s=record.moved_s(note.on_s)) if note.on_s > record.from_s else note
                for note in self._coming
            ]
            self._coming = deque(moved, maxlen=REMEMBERED_NOTES)

    def revoke(self, first_note_id: int) -> tuple[int, ...]:
        """Take back the notes from that id on; returns the ids of those that were sent."""
        sent = self._link.revoke(first_note_id)
        kept = [note for note in self._coming if note.note_id < first_note_id or note.note_id in sent]
        self._coming = deque(kept, maxlen=REMEMBERED_NOTES)
        return sent

    def poll(self, timeout_s: float) -> list[ToEngine]:
        """What arrived, waiting for it at most timeout_s."""
        return self._link.poll(timeout_s)

    def beat(self) -> str:
        """Heartbeat; a sentence when the player was replaced, else empty."""
        return self._link.beat()

    def begun(self, now_s: float) -> list[PlannedNote]:
        """The notes that have begun since the last time."""
        begun = [note for note in self._coming if note.on_s <= now_s]
        if begun:
            self._coming = deque((note for note in self._coming if note.on_s > now_s), maxlen=REMEMBERED_NOTES)
            self._begun.extend(begun)
            self.notes_begun += sum(not note.is_pedal for note in begun)
        return begun

    def sounding(self) -> list[int]:
        """Ids of notes that have begun, and of which some may have ended meanwhile."""
        return [note.note_id for note in self._begun]
