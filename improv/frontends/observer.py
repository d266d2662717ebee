"""Shows the frontends what goes to the player and what comes from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from improv.midi.fine_controls import FineControls
from improv.midi.messages import control_of, key_of
from improv.player.protocol import Instruction, MoveOff, PlannedNote, Received, Revoked, Schedule, Silence, ToEngine

CONTROL_EVERY_S = 0.05  # a knob sends hundreds of values a second: so many are shown that one sees which it is


class Viewer(Protocol):
    """Who is shown it."""

    @property
    def connected(self) -> bool: ...
    def post(self, message: Mapping[str, Any]) -> None: ...


class FrontendsObserver:
    """Observes the link to the player and tells the frontends of every note, key and knob.

    A bend moves notes by some milliseconds: nobody sees that, so it is not shown.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._control_s = -CONTROL_EVERY_S
        self._fine = FineControls()

    def observe(self, record: Instruction | ToEngine) -> None:
        """Implements `Observer`."""
        if not self._viewer.connected:
            return
        match record:
            case Schedule(notes):
                self._show_planned(notes)
            case MoveOff(offs):
                self._viewer.post({"kind": "ends", "ends": [[note_id, round(off_s, 4)] for note_id, off_s in offs]})
            case Revoked(_, first_note_id, already_sent):
                self._viewer.post({"kind": "revoked", "from": first_note_id, "kept": list(already_sent)})
            case Silence():
                self._viewer.post({"kind": "silence"})
            case Received(message, received_s):
                self._show_person(message, received_s)

    def _show_planned(self, notes: Sequence[PlannedNote]) -> None:
        shown = [
            {"id": n.note_id, "pitch": n.pitch, "velocity": n.velocity, "on_s": round(n.on_s, 4)}
            for n in notes
            if not n.is_pedal
        ]
        pedals = [{"id": n.note_id, "on_s": round(n.on_s, 4)} for n in notes if n.is_pedal]
        if shown:
            self._viewer.post({"kind": "notes", "notes": shown})
        if pedals:
            self._viewer.post({"kind": "pedals", "pedals": pedals})

    def _show_person(self, message: bytes, received_s: float) -> None:
        if (key := key_of(message)) is not None:
            _, pitch, velocity = key
            self._viewer.post({"kind": "person", "pitch": pitch, "velocity": velocity, "at_s": round(received_s, 4)})
        elif (turned := control_of(message)) is not None:
            self._show_control(*turned, received_s)

    def _show_control(self, channel: int, control: int, value: int, received_s: float) -> None:
        meanings = self._fine.hear(channel, control, value)  # of every one: the halves of a pair come together
        if received_s - self._control_s < CONTROL_EVERY_S:
            return
        self._control_s = received_s
        shown = {"kind": "control", "channel": channel + 1, "control": control, "value": value}
        finest = meanings[0]
        if isinstance(finest.control, str) and (
            finest.control.startswith("nrpn") or self._fine.is_fine(channel, finest.control)
        ):
            shown |= {"name": finest.control, "value": finest.coarse}
        self._viewer.post(shown)
