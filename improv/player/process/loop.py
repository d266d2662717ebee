"""The player's loop: waits for the next deadline, sends, listens. One thread, no decisions about music.

It waits on the pipe until shortly before the next deadline, sleeps, and spins for the rest. It can be driven turn by
turn on a manual clock with any driver.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence

from improv.clock import Clock
from improv.player.pipe import PipeEnd
from improv.player.process.input_reader import InputReader
from improv.player.process.note_log import NoteLog
from improv.player.process.output import Output
from improv.player.process.port_choice import PortChoice, described
from improv.player.process.told_once import ToldOnce
from improv.player.protocol import (
    Bend,
    Connected,
    Dropped,
    MoveOff,
    Ping,
    PlayerSettings,
    Pong,
    PortsChanged,
    Pulses,
    Quit,
    Revoke,
    Revoked,
    Rewire,
    Schedule,
    Silence,
    Statistics,
    StopClock,
)

LEAD_S = 0.001  # the pipe is left alone for so long before a deadline: reading a large record takes 0.2 ms
SPIN_S = 0.00015  # a sleep ends about 0.1 ms late
LONGEST_WAIT_S = 0.1  # so soon a signal to end is seen
SWAP_POLL_S = 0.002  # while other ports are being opened
QUIET_S = 0.005  # housekeeping waits for a gap of this length between notes
POSTPONED_S = 0.01
LONGEST_POSTPONED_S = 0.25
COLLECT_EVERY_S = 60.0
RECORDS_PER_TURN = 64


class Player:
    """Outputs and pipe together. `run_once()` is one turn. The first output's driver has the input."""

    def __init__(
        self,
        pipe: PipeEnd,
        outputs: Sequence[Output],
        clock: Clock,
        settings: PlayerSettings,
        *,
        note_log: NoteLog | None = None,
        spin_s: float = SPIN_S,
    ) -> None:
        self.outputs = tuple(outputs)
        self._pipe = pipe
        self._connected = Connected(tuple(() for _ in outputs), ())
        self._clock = clock
        self._settings = settings
        self._note_log = note_log
        self._told = ToldOnce(self.outputs, note_log)
        self._spin_s = spin_s
        now_s = clock.now()
        self._input = InputReader(outputs[0].ports, settings.input_poll_s, now_s)
        self._next_check_s = now_s + settings.port_poll_s
        self._check_wanted_s = self._next_check_s
        self._next_collect_s = now_s + COLLECT_EVERY_S
        self._ping_s = now_s
        self._engine_hangs = False
        self._choice = PortChoice(self.outputs, settings)
        self.ended = False

    def run_once(self) -> bool:
        """One turn: listen until something is due, send it, look after the input and the ports. False at the end."""
        self._listen()
        self._send_due()
        now_s = self._clock.now()
        for record in self._input.read(now_s):
            self._pipe.send(record)
        self._watch_engine(now_s)
        for output in self.outputs:
            output.end_owed()
        for record in self._choice.look():
            self._pipe.send(record)
        for output in self.outputs:
            if output.ports.driver.gone:  # told by the system: no reason to wait for the next look
                self._check(output)
        if now_s >= self._next_check_s:
            self._keep_house(now_s)
        return not self.ended

    def close(self) -> None:
        """End all that sounds, wait until that is out, close the ports."""
        self._silence()
        for output in self.outputs:
            output.send_all(output.clock_out.stop())
        self._clock.wait(self._clock.now() + max(output.ports.driver.settle_s for output in self.outputs))
        for output in self.outputs:
            output.close()
        if self._note_log is not None:
            self._note_log.close()

    def start(self, hung: Sequence[tuple[int, int]] = ()) -> None:
        """Programs, and after a restart the ends of the notes that the predecessor left sounding."""
        for output in self.outputs:
            output.end_hung(hung)
            output.start()

    def _listen(self) -> None:
        now_s = self._clock.now()
        try:
            if not self._pipe.poll(self._wake_s(now_s) - now_s, self._input.arrivals):
                return
            for _ in range(RECORDS_PER_TURN):
                self._handle(self._pipe.receive())
                if self.ended or not self._pipe.poll(0):
                    return
        except EOFError:
            self.ended = True

    def _wake_s(self, now_s: float) -> float:
        wait_s = SWAP_POLL_S if self._choice.under_way else LONGEST_WAIT_S
        wake_s = min(now_s + wait_s, self._next_check_s)
        if (input_s := self._input.wake_s()) is not None:
            wake_s = min(wake_s, input_s)
        due_s = self._next_s()
        return wake_s if due_s is None else min(wake_s, due_s - LEAD_S)

    def _next_s(self) -> float | None:
        """When the next message of any output is to be handed over, or None."""
        return min((next_s for output in self.outputs if (next_s := output.next_s()) is not None), default=None)

    def _handle(self, record: object) -> None:  # noqa: C901 (a flat table of cases)
        match record:
            case Schedule(notes):
                for output in self.outputs:
                    output.schedule(notes)
            case MoveOff(offs):
                for output in self.outputs:
                    output.move_offs(offs)
            case Revoke(request_id, first_note_id):
                self._pipe.send(Revoked(request_id, first_note_id, self._revoke(first_note_id)), urgent=True)
            case Silence():
                self._silence()
            case Bend():
                for output in self.outputs:
                    output.bend(record)
            case Pulses():
                for output in self.outputs:
                    output.plan_clock(record)
            case StopClock(due_s):
                for output in self.outputs:
                    output.stop_clock(due_s)
            case Rewire():
                for answer in self._choice.rewire(record):
                    self._pipe.send(answer)
            case Ping():
                self._ping_s, self._engine_hangs = self._clock.now(), False
                statistics = together(self.outputs)._replace(notes_dropped=self._told.notes_dropped)
                self._pipe.send(Pong(statistics), urgent=True)
            case Quit():
                self.ended = True

    def _revoke(self, first_note_id: int) -> tuple[int, ...]:
        """What one output has sent already stays on all: they may be ahead of each other."""
        sent = {note_id for output in self.outputs for note_id in output.queue.sent_since(first_note_id)}
        for output in self.outputs:
            output.queue.revoke(first_note_id, sent)
        return tuple(sorted(sent))

    def _silence(self) -> None:
        for output in self.outputs:
            output.send_all(output.queue.silence())

    def _send_due(self) -> None:
        due_s = self._next_s()
        if due_s is None or self.ended:
            return
        now_s = self._clock.now()
        if due_s - now_s > LEAD_S + 1e-6:
            return
        if due_s > now_s:
            self._clock.wait(due_s - self._spin_s)
            while self._clock.now() < due_s:
                pass
        now_s = self._clock.now()
        for number, output in enumerate(self.outputs):
            self._told.begun(number, output.send_due(now_s))
            if ids := self._told.dropped(number, output.queue.take_dropped()):
                self._pipe.send(Dropped(ids))

    def _watch_engine(self, now_s: float) -> None:
        """An engine that says nothing for long leaves no note sounding. What it planned already is still played."""
        if not self._engine_hangs and now_s - self._ping_s > self._settings.engine_timeout_s:
            self._engine_hangs = True
            for output in self.outputs:
                output.send_all(output.queue.end_sounding() + output.clock_out.stop())

    def _keep_house(self, now_s: float) -> None:
        """Ports, log and garbage, in a gap between notes."""
        due_s = self._next_s()
        if due_s is not None and due_s - now_s < QUIET_S and now_s < self._check_wanted_s + LONGEST_POSTPONED_S:
            self._next_check_s = now_s + POSTPONED_S
            return
        self._next_check_s = self._check_wanted_s = now_s + self._settings.port_poll_s
        for output in self.outputs:
            self._check(output)
        if not self._choice.under_way:
            self._tell_connections()
        if self._note_log is not None:
            self._note_log.flush()
        if now_s >= self._next_collect_s:
            self._next_collect_s = now_s + COLLECT_EVERY_S
            gc.collect(0)

    def _check(self, output: Output) -> None:
        change = output.check()
        if change is not None:
            self._pipe.send(self._of_all(change))

    def _of_all(self, change: PortsChanged) -> PortsChanged:
        """Names and drivers of all outputs; as long as another one plays, the music goes on without a gap."""
        if len(self.outputs) == 1:
            return change
        names = described(self.outputs)
        return PortsChanged(names.driver, names.output_name, names.input_name, change.notice, goes_on=True)

    def _tell_connections(self) -> None:
        told = [output.ports.connections for output in self.outputs]
        connected = Connected(tuple(outputs for outputs, _ in told), told[0][1])
        if connected != self._connected:
            self._connected = connected
            for output in self.outputs:
                output.connected_anew()
            self._pipe.send(connected)


def together(outputs: Sequence[Output]) -> Statistics:
    """Counts of all outputs added up, the lateness of the one that is latest, the lead of the one that needs most."""
    each = [output.queue.statistics() for output in outputs]
    counts = [sum(column) for column in zip(*(one[:3] for one in each), strict=True)]
    late = [max(column) for column in zip(*(one[3:6] for one in each), strict=True)]
    return Statistics(*counts, *late)._replace(lead_s=max(output.lead_s for output in outputs))
