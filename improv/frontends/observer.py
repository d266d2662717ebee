"""Shows the faces what goes to the player and what comes from it: a link that passes everything on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from improv.player.protocol import Bend, Link, PlannedNote, Pulses, Received, Statistics, ToEngine

NOTE_OFF, NOTE_ON, CONTROL = 0x80, 0x90, 0xB0
CONTROL_EVERY_S = 0.05  # a knob sends hundreds of values a second: so many are shown that one sees which it is


class Viewer(Protocol):
    """Who is shown it."""

    @property
    def connected(self) -> bool: ...
    def post(self, message: Mapping[str, Any]) -> None: ...


class Mirror:
    """An engine's link to the player that tells the faces about every note."""

    def __init__(self, link: Link, viewer: Viewer) -> None:
        self._link, self._viewer = link, viewer
        self._control_s = -CONTROL_EVERY_S

    @property
    def statistics(self) -> Statistics:
        return self._link.statistics

    def schedule(self, notes: Sequence[PlannedNote]) -> None:
        self._link.schedule(notes)
        if notes and self._viewer.connected:
            shown = [
                {"id": n.note_id, "pitch": n.pitch, "velocity": n.velocity, "on_s": round(n.on_s, 4)} for n in notes
            ]
            self._viewer.post({"kind": "notes", "notes": shown})

    def move_offs(self, offs: Iterable[tuple[int, float]]) -> None:
        moved = tuple(offs)
        self._link.move_offs(moved)
        if moved and self._viewer.connected:
            self._viewer.post({"kind": "ends", "ends": [[note_id, round(off_s, 4)] for note_id, off_s in moved]})

    def revoke(self, first_note_id: int) -> tuple[int, ...]:
        sent = self._link.revoke(first_note_id)
        self._viewer.post({"kind": "revoked", "from": first_note_id, "kept": list(sent)})
        return sent

    def silence(self) -> None:
        self._link.silence()
        self._viewer.post({"kind": "silence"})

    def bend(self, bend: Bend) -> None:
        self._link.bend(bend)  # by some milliseconds: nobody sees that

    def pulse(self, pulses: Pulses) -> None:
        self._link.pulse(pulses)

    def stop_clock(self, due_s: float) -> None:
        self._link.stop_clock(due_s)

    def poll(self, timeout_s: float) -> list[ToEngine]:
        arrived = self._link.poll(timeout_s)
        if self._viewer.connected:
            for record in arrived:
                if isinstance(record, Received):
                    self._show_person(record)
                    self._show_control(record)
        return arrived

    def beat(self) -> str:
        return self._link.beat()

    def _show_person(self, record: Received) -> None:
        message = record.message
        if len(message) != 3 or message[0] & 0xF0 not in (NOTE_OFF, NOTE_ON):
            return
        velocity = message[2] if message[0] & 0xF0 == NOTE_ON else 0
        at_s = round(record.received_s, 4)
        self._viewer.post({"kind": "person", "pitch": message[1], "velocity": velocity, "at_s": at_s})

    def _show_control(self, record: Received) -> None:
        message = record.message
        if len(message) != 3 or message[0] & 0xF0 != CONTROL or record.received_s - self._control_s < CONTROL_EVERY_S:
            return
        self._control_s = record.received_s
        channel = (message[0] & 0x0F) + 1
        self._viewer.post({"kind": "control", "channel": channel, "control": message[1], "value": message[2]})
