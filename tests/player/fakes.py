"""Real implementations of the player's borders that need neither ports nor a second process."""

from __future__ import annotations

import heapq
import itertools
from typing import Any

from improv.clock import Clock
from improv.player.drivers.base import MidiSystemError
from improv.player.protocol import Link, PlannedNote, PlayerSettings, Schedule

LATE_NOTE_LIMIT_S = PlayerSettings().late_note_limit_s


class RecordingDriver:
    """Implements `Driver`: records what was sent, and when; hands over what a test puts into `incoming`."""

    name = "recording"
    settle_s = 0.0
    lead_s = 0.0
    arrivals = -1
    gone = False

    def __init__(self, clock: Clock, *, input_name: str = "keys") -> None:
        self._clock = clock
        self.output_name = "recording"
        self.input_name = input_name
        self.sent: list[tuple[float, bytes]] = []
        self.incoming: list[tuple[float, bytes]] = []
        self.notices: list[tuple[float, str]] = []
        self.dies_s = float("inf")
        self.is_open = False

    def open(self) -> None:
        self.is_open = True

    def close(self) -> None:
        self.is_open = False

    def send(self, message: bytes, due_s: float | None = None) -> None:
        if self.is_open:
            self.sent.append((self._clock.now(), message))

    def receive(self, now_s: float) -> list[tuple[float, bytes]]:
        arrived = [(at_s, message) for at_s, message in self.incoming if at_s <= now_s]
        self.incoming = [(at_s, message) for at_s, message in self.incoming if at_s > now_s]
        return arrived

    def outputs(self) -> list[str]:
        return [self.output_name]

    def inputs(self) -> list[str]:
        return [self.input_name]

    def connections(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return (), ()

    def check(self) -> str:
        now_s = self._clock.now()
        if now_s >= self.dies_s:
            raise MidiSystemError("The recording is gone.")
        notices = [notice for at_s, notice in self.notices if at_s <= now_s]
        self.notices = [(at_s, notice) for at_s, notice in self.notices if at_s > now_s]
        return " ".join(notices)


class ScriptedPipe:
    """Implements `PipeEnd` on a manual clock: records arrive at the times a test gave them; then the pipe closes."""

    def __init__(self, clock: Clock, script: list[tuple[float, object]], closes_s: float) -> None:
        self._clock = clock
        self._closes_s = closes_s
        self._order = itertools.count()
        self._script = [(at_s, next(self._order), record) for at_s, record in script]
        heapq.heapify(self._script)
        self.sent: list[tuple[float, Any]] = []

    def poll(self, timeout_s: float, also: int | None = None) -> bool:
        now_s = self._clock.now()
        next_s = self._script[0][0] if self._script else self._closes_s
        if next_s > now_s and timeout_s > 0:
            self._clock.wait(min(next_s, now_s + timeout_s))
        return next_s <= self._clock.now()

    def receive(self) -> Any:
        if not self._script:
            raise EOFError
        return heapq.heappop(self._script)[2]

    def send(self, record: object, *, urgent: bool = False) -> None:
        self.sent.append((self._clock.now(), record))


def note(note_id: int, on_s: float, off_s: float, pitch: int = 60, channel: int = 0) -> PlannedNote:
    return PlannedNote(note_id, channel, pitch, 80, on_s, off_s)


PROBE = bytes((0x90, 0, 1))
_probe_ids = itertools.count(1)


def probe(link: Link, now_s: float) -> None:
    """Send a note so short and soft that nobody takes it for music: what arrives of it says that a port listens."""
    link.send(Schedule((PlannedNote(-next(_probe_ids), 0, PROBE[1], PROBE[2], now_s, now_s),)))


def is_probe(message: bytes, pitch: int = PROBE[1]) -> bool:
    return len(message) == 3 and message[0] & 0xE0 == 0x80 and message[1] == pitch


def is_on(message: bytes) -> bool:
    return message[0] & 0xF0 == 0x90


def is_off(message: bytes) -> bool:
    return message[0] & 0xF0 == 0x80


def balance(messages: list[bytes]) -> dict[tuple[int, int], int]:
    """(channel, pitch) -> note-ons less note-offs, for keys where they differ. Fails if an off comes without an on."""
    open_notes: dict[tuple[int, int], int] = {}
    for message in messages:
        key = (message[0] & 0x0F, message[1])
        if is_on(message):
            open_notes[key] = open_notes.get(key, 0) + 1
        elif is_off(message):
            open_notes[key] = open_notes.get(key, 0) - 1
            assert open_notes[key] >= 0, f"note-off without a note-on: {message.hex(' ')}"
    return {key: count for key, count in open_notes.items() if count}
