"""Planned notes in order of time, and the ledger of those that sound.

Pure: no waiting, no ports, no clock. Whoever calls says what time it is. All `*_s` are seconds of the monotonic clock.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Container, Iterable
from typing import NamedTuple

from improv.midi.messages import all_off, pressed, released
from improv.player.process.bounds import LONGEST_NOTE_S, LONGEST_PEDAL_S, MOST_SOUNDING, Strikes
from improv.player.protocol import Bend, PlannedNote, Statistics

OFF, ON = 0, 1  # order of sending at the same instant: ends, then beginnings

REMEMBERED_IDS = 2048  # sent ids that revoke() can name; a look-ahead of seconds holds far fewer notes
LATENESS_WINDOW = 1024  # note-ons that the statistics look back on
STALE_ENTRIES = 256  # the heap is rebuilt when it holds so many more entries than there is live work


class DueMessage(NamedTuple):
    """A MIDI message to be sent now. `note` is the note that begins with it, None for note-offs."""

    message: bytes
    due_s: float
    note: PlannedNote | None = None


class _Entry(NamedTuple):
    """A place in the heap. Valid only while the note's own record still says the same time."""

    due_s: float
    order: int
    sequence: int
    note_id: int


class NoteQueue:
    """Every note-on that leaves here is followed by exactly one note-off; a revoked note never leaves.

    The sustain pedal is a key among the others (PEDAL_KEY): whatever ends notes lets it rise. late_note_limit_s: a
    note-on later than this is dropped.
    """

    def __init__(self, late_note_limit_s: float) -> None:
        self._late_note_limit_s = late_note_limit_s
        self._heap: list[_Entry] = []
        self._sequence = itertools.count()
        self._pending: dict[int, PlannedNote] = {}
        self._sounding: dict[int, PlannedNote] = {}
        self._sounding_id: dict[tuple[int, int], int] = {}  # (channel, pitch) -> note_id
        self._sent_ids: deque[int] = deque(maxlen=REMEMBERED_IDS)
        self._channels: set[int] = set()
        self._lateness_s: deque[float] = deque(maxlen=LATENESS_WINDOW)
        self._notes_sent = self._notes_dropped = 0
        self._dropped: list[PlannedNote] = []
        self._strikes = Strikes()

    @property
    def sounding(self) -> int:
        """How many notes sound; a pedal is none."""
        return sum(not note.is_pedal for note in self._sounding.values())

    def schedule(self, notes: Iterable[PlannedNote]) -> None:
        """Queue notes. An id that is queued or sounding already is ignored."""
        for note in notes:
            if note.note_id in self._pending or note.note_id in self._sounding:
                continue
            self._pending[note.note_id] = _ending(note, note.off_s)
            self._push(note.on_s, ON, note.note_id)

    def move_offs(self, offs: Iterable[tuple[int, float]]) -> None:
        """Move the ends of notes: (note_id, off_s). Notes that ended already are ignored."""
        for note_id, off_s in offs:
            if (note := self._pending.get(note_id)) is not None:
                self._pending[note_id] = _ending(note, off_s)
            elif (note := self._sounding.get(note_id)) is not None:
                self._sounding[note_id] = _ending(note, off_s)
                self._push(self._sounding[note_id].off_s, OFF, note_id)
        self._drop_stale()

    def bend(self, bend: Bend) -> None:
        """Move all that is queued, and the ends of what sounds."""
        for notes in (self._pending, self._sounding):
            for note_id, note in notes.items():
                notes[note_id] = note._replace(on_s=bend.moved_s(note.on_s), off_s=bend.moved_s(note.off_s))
        self._heap = [entry._replace(due_s=bend.moved_s(entry.due_s)) for entry in self._heap]
        heapq.heapify(self._heap)

    def sent_since(self, first_note_id: int) -> tuple[int, ...]:
        """The ids >= first_note_id that were sent, ascending."""
        return tuple(sorted(note_id for note_id in self._sent_ids if note_id >= first_note_id))

    def revoke(self, first_note_id: int, keep: Container[int] = ()) -> tuple[int, ...]:
        """Forget what was not sent of the ids >= first_note_id; returns those that were sent, ascending.

        keep: ids that stay queued (another output has sent them already).
        """
        for note_id in [note_id for note_id in self._pending if note_id >= first_note_id and note_id not in keep]:
            del self._pending[note_id]
        self._drop_stale()
        return self.sent_since(first_note_id)

    def next_due_s(self) -> float | None:
        """When the next message is due, or None."""
        while self._heap and not self._is_live(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0].due_s if self._heap else None

    def pop_due(self, now_s: float, lead_s: float = 0.0) -> list[DueMessage]:
        """What must be sent at now_s, in order. Note-ons that are too late are dropped whole, note-offs never are.

        lead_s: how long before its deadline the driver wants a message.
        """
        due: list[DueMessage] = []
        while (next_s := self.next_due_s()) is not None and next_s <= now_s + lead_s:
            entry = heapq.heappop(self._heap)
            due += self._begin(entry.note_id, now_s) if entry.order == ON else [self._end(entry.note_id)]
        return due

    def end_sounding(self) -> list[bytes]:
        """Note-offs for all that sounds, then all notes off and pedal up. What is queued stays queued."""
        offs = [self._end(note_id).message for note_id in sorted(self._sounding)]
        return offs + all_off(sorted(self._channels))

    def silence(self) -> list[bytes]:
        """As `end_sounding`, and the queue is emptied."""
        self._pending.clear()
        self._heap.clear()
        return self.end_sounding()

    def take_dropped(self) -> tuple[PlannedNote, ...]:
        """The notes that were dropped since the last call."""
        dropped = tuple(self._dropped)
        self._dropped.clear()
        return dropped

    def count_lateness(self, lateness_s: float) -> None:
        """Tell how late a note-on was really sent, for the statistics."""
        self._lateness_s.append(lateness_s)

    def statistics(self) -> Statistics:
        ordered = sorted(self._lateness_s) or [0.0]
        return Statistics(
            notes_sent=self._notes_sent,
            notes_dropped=self._notes_dropped,
            sounding=self.sounding,
            lateness_p50_s=ordered[len(ordered) // 2],
            lateness_p99_s=ordered[len(ordered) * 99 // 100],
            lateness_max_s=ordered[-1],
        )

    def _begin(self, note_id: int, now_s: float) -> list[DueMessage]:
        """The note-on, after the end of a note that still sounds on the same key."""
        note = self._pending.pop(note_id)
        key = (note.channel, note.pitch)
        late = now_s - note.on_s > self._late_note_limit_s
        if late or len(self._sounding) >= MOST_SOUNDING or not self._strikes.allows(key, now_s):
            self._notes_dropped += not note.is_pedal
            self._dropped.append(note)
            return []
        older = self._sounding_id.get(key)
        messages = [] if older is None else [self._end(older)._replace(due_s=note.on_s)]
        self._sounding[note_id] = note
        self._sounding_id[key] = note_id
        self._sent_ids.append(note_id)
        self._channels.add(note.channel)
        self._notes_sent += not note.is_pedal
        self._push(note.off_s, OFF, note_id)
        return [*messages, DueMessage(pressed(note.channel, note.pitch, note.velocity), note.on_s, note)]

    def _end(self, note_id: int) -> DueMessage:
        note = self._sounding.pop(note_id)
        del self._sounding_id[note.channel, note.pitch]
        return DueMessage(released(note.channel, note.pitch), note.off_s)

    def _push(self, due_s: float, order: int, note_id: int) -> None:
        heapq.heappush(self._heap, _Entry(due_s, order, next(self._sequence), note_id))

    def _is_live(self, entry: _Entry) -> bool:
        note = (self._pending if entry.order == ON else self._sounding).get(entry.note_id)
        return note is not None and entry.due_s == (note.on_s if entry.order == ON else note.off_s)

    def _drop_stale(self) -> None:
        """Rebuild the heap when revoked and moved entries outweigh the live ones: memory stays bounded for months."""
        live = len(self._pending) + len(self._sounding)
        if len(self._heap) > 2 * live + STALE_ENTRIES:
            self._heap = [entry for entry in self._heap if self._is_live(entry)]
            heapq.heapify(self._heap)


def _ending(note: PlannedNote, off_s: float) -> PlannedNote:
    """With another end: not before its beginning, and not after LONGEST_NOTE_S, or LONGEST_PEDAL_S."""
    longest_s = LONGEST_PEDAL_S if note.is_pedal else LONGEST_NOTE_S
    return note._replace(off_s=min(max(note.on_s, off_s), note.on_s + longest_s))
