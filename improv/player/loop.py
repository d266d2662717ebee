"""The player's loop: waits for the next deadline, sends, listens. One thread, no decisions about music.

It waits on the pipe until shortly before the next deadline, sleeps, and spins for the rest. It can be driven turn by
turn on a manual clock with any driver.
"""

from __future__ import annotations

import gc

from improv.clock import Clock
from improv.player.notelog import NoteLog
from improv.player.pipe import PipeEnd
from improv.player.ports import Ports
from improv.player.queue import DueMessage, NoteQueue
from improv.player.wire import (
    MoveOff,
    Ping,
    PlayerSettings,
    Pong,
    Quit,
    Received,
    Revoke,
    Revoked,
    Schedule,
    Send,
    Silence,
)

LEAD_S = 0.001  # the pipe is left alone for so long before a deadline: reading a large record takes 0.2 ms
SPIN_S = 0.00015  # a sleep ends about 0.1 ms late
LONGEST_WAIT_S = 0.1  # so soon a signal to end is seen
QUIET_S = 0.005  # housekeeping waits for a gap of this length between notes
POSTPONED_S = 0.01
LONGEST_POSTPONED_S = 0.25
COLLECT_EVERY_S = 60.0
RECORDS_PER_TURN = 64
BURST, BURST_S = 128, 0.025  # a JACK port loses events beyond about 256 a period (21 ms at 1024 frames)


class Player:
    """Queue, ports and pipe together. `run_once()` is one turn."""

    def __init__(
        self,
        pipe: PipeEnd,
        ports: Ports,
        clock: Clock,
        settings: PlayerSettings,
        *,
        note_log: NoteLog | None = None,
        spin_s: float = SPIN_S,
    ) -> None:
        self.queue = NoteQueue(settings.late_note_limit_s)
        self._pipe = pipe
        self._ports = ports
        self._clock = clock
        self._settings = settings
        self._note_log = note_log
        self._spin_s = spin_s
        now_s = clock.now()
        self._next_input_s = now_s
        self._next_check_s = now_s + settings.port_poll_s
        self._check_wanted_s = self._next_check_s
        self._next_collect_s = now_s + COLLECT_EVERY_S
        self._ping_s = now_s
        self._engine_hangs = False
        self._burst_began_s = now_s
        self._burst = 0
        self.ended = False

    def run_once(self) -> bool:
        """One turn: listen until something is due, send it, look after the input and the ports. False at the end."""
        self._listen()
        self._send_due()
        now_s = self._clock.now()
        self._receive(now_s)
        self._watch_engine(now_s)
        if now_s >= self._next_check_s:
            self._keep_house(now_s)
        return not self.ended

    def close(self) -> None:
        """End all that sounds, wait until that is out, close the ports."""
        self._send_all(self.queue.silence())
        self._clock.wait(self._clock.now() + self._ports.driver.settle_s)
        self._ports.driver.close()
        if self._note_log is not None:
            self._note_log.close()

    def send_now(self, messages: list[bytes]) -> None:
        """Send raw messages at once (after a restart: the ends of notes that the predecessor left sounding)."""
        self._send_all(messages)

    def _listen(self) -> None:
        now_s = self._clock.now()
        try:
            if not self._pipe.poll(self._wake_s(now_s) - now_s):
                return
            for _ in range(RECORDS_PER_TURN):
                self._handle(self._pipe.receive())
                if self.ended or not self._pipe.poll(0):
                    return
        except EOFError:
            self.ended = True

    def _wake_s(self, now_s: float) -> float:
        wake_s = min(now_s + LONGEST_WAIT_S, self._next_check_s)
        if self._ports.driver.input_name:
            wake_s = min(wake_s, self._next_input_s)
        due_s = self.queue.next_due_s()
        return wake_s if due_s is None else min(wake_s, due_s - LEAD_S)

    def _handle(self, record: object) -> None:
        match record:
            case Schedule(notes):
                self.queue.schedule(notes)
            case MoveOff(offs):
                self.queue.move_offs(offs)
            case Revoke(request_id, first_note_id):
                self._pipe.send(Revoked(request_id, self.queue.revoke(first_note_id)))
            case Send(message, due_s):
                self.queue.send(message, due_s)
            case Silence():
                self._send_all(self.queue.silence())
            case Ping(sent_s):
                self._ping_s, self._engine_hangs = self._clock.now(), False
                self._pipe.send(Pong(sent_s, self.queue.statistics()))
            case Quit():
                self.ended = True

    def _send_due(self) -> None:
        due_s = self.queue.next_due_s()
        if due_s is None or self.ended:
            return
        now_s = self._clock.now()
        if due_s - now_s > LEAD_S + 1e-6:
            return
        if due_s > now_s:
            self._clock.wait(due_s - self._spin_s)
            while self._clock.now() < due_s:
                pass
        for due in self.queue.pop_due(self._clock.now()):
            self._send(due.message)
            if due.note is not None:
                self._count(due)

    def _count(self, due: DueMessage) -> None:
        sent_s = self._clock.now()
        self.queue.count_lateness(sent_s - due.due_s)
        if self._note_log is not None and due.note is not None:
            self._note_log.add(due.note, sent_s)

    def _send_all(self, messages: list[bytes]) -> None:
        for message in messages:
            self._send(message)

    def _send(self, message: bytes) -> None:
        """Send, at most BURST messages in BURST_S."""
        now_s = self._clock.now()
        if now_s - self._burst_began_s >= BURST_S:
            self._burst_began_s, self._burst = now_s, 0
        elif self._burst >= BURST:
            self._burst_began_s, self._burst = self._burst_began_s + BURST_S, 0
            self._clock.wait(self._burst_began_s)
        self._burst += 1
        self._ports.driver.send(message)

    def _receive(self, now_s: float) -> None:
        if now_s < self._next_input_s or not self._ports.driver.input_name:
            return
        self._next_input_s = now_s + self._settings.input_poll_s
        for message in self._ports.driver.receive():
            self._pipe.send(Received(message, now_s))

    def _watch_engine(self, now_s: float) -> None:
        """An engine that says nothing for long leaves no note sounding. What it planned already is still played."""
        if not self._engine_hangs and now_s - self._ping_s > self._settings.engine_timeout_s:
            self._engine_hangs = True
            self._send_all(self.queue.end_sounding())

    def _keep_house(self, now_s: float) -> None:
        """Ports, log and garbage, in a gap between notes."""
        due_s = self.queue.next_due_s()
        if due_s is not None and due_s - now_s < QUIET_S and now_s < self._check_wanted_s + LONGEST_POSTPONED_S:
            self._next_check_s = now_s + POSTPONED_S
            return
        self._next_check_s = self._check_wanted_s = now_s + self._settings.port_poll_s
        if (change := self._ports.check()) is not None:
            self._send_all(self.queue.end_sounding())
            self._pipe.send(change)
        if self._note_log is not None:
            self._note_log.flush()
        if now_s >= self._next_collect_s:
            self._next_collect_s = now_s + COLLECT_EVERY_S
            gc.collect(0)
