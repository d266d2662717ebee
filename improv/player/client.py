"""The engine's side of the player: starts the process, speaks to it, and puts a new one in its place when it fails."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from improv.clock import Clock
from improv.errors import PlayerError, PortError
from improv.player.child import Child
from improv.player.ledger import Ledger
from improv.player.liveness import Liveness
from improv.player.observers import Observers
from improv.player.protocol import (
    Connected,
    Dropped,
    Failed,
    Instruction,
    MoveOff,
    PlannedNote,
    PlayerSettings,
    Pong,
    PortsChanged,
    Quit,
    Ready,
    Revoked,
    Rewire,
    Rewired,
    Schedule,
    Statistics,
    ToEngine,
)
from improv.player.revocations import Revocations

if TYPE_CHECKING:
    import socket

FROZEN_AFTER_S = 3.0  # without an answer to a ping, where the machine gives it no time
START_LIMIT_S = 15.0  # a machine under load may take so long to start a process
REVOKE_LIMIT_S = 0.1  # so long the answer to a revocation is waited for
NOTES_PER_RECORD = 256  # about 15 kB: less than the pipe holds


class PlayerClient:
    """Implements `improv.player.protocol.Link`. Starts nothing before `start()`. Used by one thread."""

    def __init__(
        self, settings: PlayerSettings, clock: Clock, spare: Child | None = None, *, keeps_spare: bool = False
    ) -> None:
        """spare: a process that waits already, to be used for the first start. keeps_spare: another waits always."""
        self.settings = settings  # with what the ports are connected to now, for the next player
        self._clock = clock
        self._liveness = Liveness(spare, keeps_spare=keeps_spare)
        self._inbox: deque[ToEngine] = deque()
        self._ledger = Ledger()
        self._revocations = Revocations()
        self._ready: Ready | None = None
        self._was_ready = self._closed = False
        self.observers = Observers()
        """Told what passes: `Dropped` also names scheduled notes that were lost with a player that failed."""
        self.statistics = Statistics()
        """As of the last heartbeat of the present player process."""
        self.restarts = 0
        self.also: socket.socket | None = None
        """poll() comes back as well when this becomes readable: a command of a frontend does not wait for the turn."""

    @property
    def pid(self) -> int | None:
        return self._liveness.pid

    @property
    def connected(self) -> bool:
        """Whether the notes go to somebody: to a port that was named, or to one that was connected to ours."""
        return self._ready is not None and self._ready.driver != "none" and self.settings.reaches_somebody

    def may_sound(self) -> set[tuple[int, int]]:
        """(channel, pitch) of all that was scheduled and has not surely ended yet."""
        return self._ledger.may_sound(self._clock.now())

    def start(self, hung: tuple[tuple[int, int], ...] | None = None) -> None:
        """Start the process; does not wait for it. OSError where that cannot be done.

        hung: (channel, pitch) that a player before may have left sounding; then a port that is missing is waited for.
        """
        self._liveness.start(self.settings, hung, self._clock.now())
        self._ready, self.statistics = None, Statistics()

    def wait_ready(self, timeout_s: float = START_LIMIT_S) -> Ready:
        """The ports are open. Raises PortError if a named port is not there, PlayerError if the process fails."""
        deadline_s = self._clock.now() + timeout_s
        while self._ready is None:
            for record in self._inbox:
                if isinstance(record, Failed):
                    raise PortError(record.reason)
            if not self._liveness.listens:
                raise PlayerError("The player process ended before its ports were open.")
            left_s = deadline_s - self._clock.now()
            if left_s <= 0:
                raise PlayerError(f"The player process was not ready within {timeout_s:g} s.")
            self._read(left_s)
        return self._ready

    def send(self, record: Instruction) -> None:
        """Hand a record over. ValueError for a note that MIDI cannot express: it would end the player."""
        self._ledger.enter(record)
        self.observers.tell(record)
        self.settings = _for_the_next(self.settings, record)
        if isinstance(record, Schedule):
            self._schedule(record.notes)
        else:
            self._liveness.send(record)

    def revoke(self, first_note_id: int, timeout_s: float = REVOKE_LIMIT_S) -> tuple[int, ...]:
        """Drop all notes with an id >= first_note_id that were not sent; returns the ids that were, ascending.

        A player that does not answer in time is believed to have sent what was due.
        """
        asked_s = self._clock.now()
        self._liveness.send(asked := self._revocations.ask(first_note_id))
        self._await_revoked(asked_s + timeout_s)
        if (sent := self._revocations.end()) is None:
            sent = self._ledger.begun(first_note_id, asked_s)
        self._ledger.revoke(first_note_id, sent)
        self.observers.tell(Revoked(asked.request_id, first_note_id, sent))
        return sent

    def poll(self, timeout_s: float = 0.0) -> list[ToEngine]:
        """What arrived, waiting for it at most timeout_s. Heartbeats are kept here (`statistics`).

        After a restart the new player's Ready comes as PortsChanged.
        """
        if not self._liveness.listens and not self._inbox and timeout_s > 0:
            self._clock.wait(self._clock.now() + timeout_s)  # waits for beat() to start a new one
        else:
            self._read(0.0 if self._inbox else timeout_s, self.also)
        arrived = list(self._inbox)
        self._inbox.clear()
        for record in arrived:
            self.observers.tell(record)
        return arrived

    def beat(self) -> str:
        """Heartbeat, to be called at least every half second.

        Returns a sentence when the player was replaced (all that was scheduled is lost; plan anew), else "".
        """
        liveness = self._liveness
        if self._closed or (liveness.child is None and liveness.restart_at_s is None):
            return ""
        now_s = self._clock.now()
        liveness.beat(now_s)
        self._read(0.0)
        liveness.ping(now_s)
        liveness.stand_by(now_s, ready=self._ready is not None)
        return self._supervise(now_s)

    def close(self, timeout_s: float = 2.0) -> None:
        """Let the player silence everything and end; kill it if it takes longer. May be called twice."""
        self._closed = True
        self._liveness.send(Quit())
        self._liveness.end(timeout_s)
        self._inbox.clear()
        self._ledger.clear()

    def _schedule(self, notes: Sequence[PlannedNote]) -> None:
        for first in range(0, len(notes), NOTES_PER_RECORD):
            self._liveness.send(Schedule(tuple(notes[first : first + NOTES_PER_RECORD])))
        if not self._liveness.listens:
            self._tell_lost(notes)
        self._ledger.prune(self._clock.now())

    def _supervise(self, now_s: float) -> str:
        liveness = self._liveness
        limit_s = FROZEN_AFTER_S if self._ready is not None else START_LIMIT_S
        if failure := liveness.failing(now_s, limit_s, at_work=_at_work(self._ready, self.settings)):
            self._fail(now_s, failure)
        if liveness.restart_at_s is None or now_s < liveness.restart_at_s:
            return ""
        try:
            self.start(self._ledger.hang())
        except OSError as error:  # no file handles, no processes, no memory: they may be there again in a moment
            liveness.fail(now_s, liveness.failure)
            return (
                f"The player process {liveness.failure} and cannot be started anew ({error.strerror or error}); "
                f"tried again in {liveness.restart_at_s - now_s:g} s."
            )
        self.restarts += 1
        self._ledger.hung.clear()
        return f"The player process {liveness.failure} and was started anew."

    def _fail(self, now_s: float, failure: str) -> None:
        """What was not to sound before the player's last sign of life is lost with it."""
        if self._liveness.child is not None:
            self._liveness.child.hang_up()
        self._tell_lost([note for note in self._ledger.notes if note.on_s > self._liveness.alive_s])
        self._liveness.fail(now_s, failure)

    def _read(self, timeout_s: float, also: socket.socket | None = None) -> None:
        """Take what is in the pipe into the inbox, waiting at most timeout_s for the first record (or for `also`)."""
        child = self._liveness.child
        if child is None or not child.listens:
            return
        for record in child.receive(timeout_s, also):
            self._sort_in(record)
        if not child.listens:
            self._liveness.heard(self._clock.now())  # it ended just now

    def _sort_in(self, record: ToEngine) -> None:
        self._liveness.heard(self._clock.now())
        self.settings = _for_the_next(self.settings, record)
        if isinstance(record, Dropped):
            self.observers.tell(record)
        elif isinstance(record, Revoked):
            if lost := self._revocations.take(record, self._ledger):
                self._liveness.send(MoveOff(tuple((note_id, self._clock.now()) for note_id in lost)))
        elif isinstance(record, Pong):
            self._liveness.answered(self._clock.now())
            self.statistics = record.statistics
        elif isinstance(record, Ready):
            self._ready = record
            self._liveness.answered(self._clock.now())
            if self._was_ready:
                notice = record.notice or "The player process is ready again."
                self._inbox.append(PortsChanged(record.driver, record.output_name, record.input_name, notice))
            self._was_ready = True
        elif not isinstance(record, Connected):
            if isinstance(record, PortsChanged) and self._ready is not None:
                self._ready = self._ready._replace(driver=record.driver)
            self._inbox.append(record)

    def _await_revoked(self, deadline_s: float) -> None:
        """Until the answer to the last Revoke is there, or it is too late; what has come by then is read."""
        in_time = True
        while in_time and self._liveness.listens and not self._revocations.answered:
            left_s = deadline_s - self._clock.now()
            in_time = left_s > 0
            self._read(max(left_s, 0.0))

    def _tell_lost(self, notes: Sequence[PlannedNote]) -> None:
        if notes:
            self.observers.tell(Dropped(tuple(note.note_id for note in notes)))


def _at_work(ready: Ready | None, settings: PlayerSettings) -> bool:
    """Whether the ports are open; while they are looked for, the MIDI system may keep the player waiting."""
    return ready is not None and (ready.driver != "none" or settings.driver == "null")


def _for_the_next(settings: PlayerSettings, record: Instruction | ToEngine) -> PlayerSettings:
    """With which the next player is started, should this one die: its ports, and what they are connected to."""
    match record:
        case Rewire(outputs, input_port):
            return settings.rewired(outputs, input_port)
        case Rewired(ports, input_port):
            named = zip(settings.outputs, ports, strict=False)
            return settings.rewired(tuple(output._replace(port=port) for output, port in named), input_port)
        case Connected(connected, into):
            return settings._replace(output_connections=connected, input_connections=into)
    return settings
