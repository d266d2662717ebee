"""The supervisor: outlives engine, player and frontends, and puts another engine in the place of one that fails.

A second engine waits beside the one that plays, with everything imported and its model loaded: it takes over in a
fraction of the time that a start would take. The supervisor itself imports nothing that could fail with the engine.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import logging
import multiprocessing
import os
import signal
from collections.abc import Iterator
from multiprocessing.connection import wait
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

from improv.app.supervision.fallbacks import SHORT_LIFE_S, Fallbacks
from improv.app.supervision.lifeline import Lifeline, Signs
from improv.app.supervision.notify import Notifier
from improv.app.supervision.orders import NEW_PIECE, RETURNS, SENTENCES, Orders, engine_main
from improv.clock import Clock, SystemClock
from improv.process_state import WAITS_S, Stillness
from improv.processes import Backoff, end, spawn

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

log = logging.getLogger(__name__)

TICK_S = 0.05
# An engine that takes over makes its first turn within half a second, on a busy machine within fifteen. One that is
# given up makes the machine busier still: each next one has twice as long.
HUNG_START_S, LONGEST_START_S = 20.0, 160.0
READY_LOOKS = 40  # after so many looks at an engine that plays another one is made ready beside it
# Since a note was owed (engine.owed_notes): from when on a watchdog is not fed, and when another engine is tried.
UNWELL_S, SILENT_S = 20.0, 60.0
LONGEST_DELAY_S = 5.0  # between two tries
END_WITHIN_S = 8.0
TAKEN_BACK_WITHIN_S = 1.0  # an engine that is sound ends in so much time
CHILDREN_END_WITHIN_S = 0.4
FORCED_EXIT_CODE = 130
PIDFD = hasattr(os, "pidfd_open")


class EngineProcess(NamedTuple):
    """A process that plays, or waits for its orders."""

    process: SpawnProcess
    orders: Connection[Any, Any]

    def close(self) -> None:
        """Kill it if it still runs, and reap it."""
        self.orders.close()
        end(self.process)


class Supervisor:
    """options: the command line of `improv run`."""

    def __init__(self, options: argparse.Namespace, lifeline: Lifeline, clock: Clock) -> None:
        self._options = copy.copy(options)
        del self._options.terminal  # the engine has its own
        self._lifeline, self._clock = lifeline, clock
        self._engine: EngineProcess | None = None
        self._ready: EngineProcess | None = None
        self._notifier = Notifier()
        self._backoff = Backoff(LONGEST_DELAY_S, SHORT_LIFE_S)
        self._began = False  # an engine has played: from now on one that ends is replaced
        self._not_begun = 0  # engines in a row that never made a turn
        self._fallbacks = Fallbacks()
        self._started_s = self._retry_at_s = 0.0
        self._signs, self._unmoved, self._looks = Signs(), 0, 0
        self._stillness: Stillness | None = None
        self._plays = False  # it made music since the last look
        self._cannot_start = ""  # why, as it was said

    def run(self, signals: Signals) -> int:
        """Until the first engine cannot begin, or a signal asks for the end. Returns the exit code."""
        try:
            self._start(None)
            while not signals.stopping:
                self._pass_on(signals)
                signals.engine_pid = self._pid
                if (code := self._look()) is not None:
                    return code
            return self._end()
        finally:
            for one in (self._ready, self._engine):
                if one is not None:
                    one.close()

    @property
    def _pid(self) -> int:
        return (self._engine.process.pid or 0) if self._engine is not None else 0

    # ---------------------------------------------------------------------------------------------------- looking

    def _look(self) -> int | None:
        """Wait a moment, then see whether the engine lives; returns the exit code when it never began."""
        if self._engine is None:
            self._clock.wait(self._clock.now() + TICK_S)
            if self._clock.now() >= self._retry_at_s:
                self._try_again()
            return None
        if wait([self._engine.process.sentinel], TICK_S):
            self._engine.process.join()
            code = self._engine.process.exitcode or 0
            if not self._began and not self._lifeline.signs().turns:
                return code if code >= 0 else 1
            self._fail(_ended(code))
        elif reason := self._hangs():
            self._fail(reason)
        elif self._fallbacks.look(self._clock.now(), plays=self._plays):
            self._take_back()
        else:
            self._make_ready()
        return None

    def _hangs(self) -> str:
        """Why the engine is believed to hang, or ""."""
        before, self._signs = self._signs, self._lifeline.signs()
        now_s = self._clock.now()
        if not self._signs.turns:
            limit_s = min(HUNG_START_S * 2**self._not_begun, LONGEST_START_S)
            if not self._began or now_s - self._started_s <= limit_s:
                return ""
            self._not_begun += 1
            return f"did not begin within {limit_s:g} s"
        self._began, self._not_begun = True, 0
        if self._signs.turns != before.turns or self._stillness is None:
            self._unmoved = 0
            self._stillness = self._stillness or Stillness(self._pid)
            self._stillness.moved()
        # Counted in looks, not in seconds of the clock: a machine that stands still stops both.
        self._unmoved += 1
        self._looks += 1
        if self._unmoved * TICK_S > WAITS_S and self._unmoved * TICK_S > self._stillness.limit_s():
            return "did not move any more"
        self._plays = self._signs.playing_turns > before.playing_turns and not self._signs.overdue_s
        if self._signs.overdue_s > SILENT_S:
            return f"made no note for {SILENT_S:g} s in which one was owed"
        if self._signs.turns > before.turns and self._signs.overdue_s <= UNWELL_S:
            self._notifier.alive(now_s)
        return ""

    def _make_ready(self) -> None:
        """Another engine beside the one that plays, once that has played for a while."""
        if self._ready is not None and not self._ready.process.is_alive():
            self._ready.close()
            self._ready, self._looks = None, 0
        if self._ready is None and self._looks >= READY_LOOKS and self._clock.now() >= self._retry_at_s:
            try:
                self._ready = self._spawned(self._lifeline.model())
            except OSError:  # no handles, no processes, no memory left: they may be there again in a moment
                self._retry_at_s = self._clock.now() + LONGEST_DELAY_S

    # ---------------------------------------------------------------------------------------------------- replacing

    def _fail(self, reason: str) -> None:
        """Clear the engine away with all that it started, then put another one in its place."""
        assert self._engine is not None
        self._fallbacks.failed(self._clock.now(), silent=self._lifeline.signs().overdue_s > SILENT_S)
        self._clear_away(self._engine)
        self._retry_at_s = self._backoff.failed(self._clock.now())
        log.error("The music engine %s; another one takes its place: %s.", reason, SENTENCES[self._fallbacks.level])
        if self._clock.now() >= self._retry_at_s:
            self._try_again()

    def _take_back(self) -> None:
        """The engine has played well with less: the next one is given more. It ends in order."""
        assert self._engine is not None
        minutes = self._fallbacks.sound_s / 60
        self._fallbacks.take_back()
        if self._fallbacks.level < NEW_PIECE:
            return  # nothing was kept from it: only its piece had begun anew
        log.warning("All went well for %g minutes: %s.", minutes, RETURNS[self._fallbacks.level])
        self._engine.process.terminate()
        self._engine.process.join(TAKEN_BACK_WITHIN_S)
        self._clear_away(self._engine)
        self._try_again()

    def _clear_away(self, engine: EngineProcess) -> None:
        with _handles(self._lifeline.signs()) as children:
            engine.close()
            self._engine = None
            _see_end(children, self._clock)

    def _try_again(self) -> None:
        try:
            self._start(self._fallbacks.level)
        except OSError as error:
            self._retry_at_s = max(self._backoff.failed(self._clock.now()), self._clock.now() + 2 * TICK_S)
            self._fallbacks.could_not_start()
            if (why := error.strerror or str(error)) != self._cannot_start:
                log.error("No music engine can be started (%s); it is tried again every few seconds.", why)
            self._cannot_start = why

    def _start(self, fallback: int | None) -> None:
        self._lifeline.reset()
        ready, self._ready = self._ready, None
        if ready is not None and not ready.process.is_alive():
            ready.close()
            ready = None
        engine = ready or self._spawned("")
        with contextlib.suppress(OSError):  # it has just ended: the next look tells
            engine.orders.send(Orders(fallback))
        self._engine, self._cannot_start = engine, ""
        self._started_s = self._clock.now()
        self._backoff.started(self._started_s)
        self._fallbacks.started(self._started_s)
        self._signs, self._stillness, self._unmoved, self._looks = Signs(), None, 0, 0

    def _spawned(self, model: str) -> EngineProcess:
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        arguments = (theirs, self._lifeline.path, self._options, model)
        try:
            process = spawn(engine_main, arguments, "brainmusic-engine", has_children=True)
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        return EngineProcess(process, ours)

    # ---------------------------------------------------------------------------------------------------- signals

    def _pass_on(self, signals: Signals) -> None:
        for number in signals.take():
            if self._pid and self._lifeline.signs().turns:  # before that it would end by it
                with contextlib.suppress(OSError):
                    os.kill(self._pid, number)

    def _end(self) -> int:
        """Ask the engine to end, wait for it, kill it if it takes too long."""
        self._notifier.stopping()
        if self._engine is None:
            return 0
        if not self._lifeline.signs().turns:  # it does not listen yet, and nothing sounds
            self._engine.process.kill()
        else:
            self._engine.process.terminate()
        self._engine.process.join(END_WITHIN_S)
        code = self._engine.process.exitcode
        return code if code is not None and code >= 0 else 0


class Signals:
    """SIGINT and SIGTERM ask for the end, the second one ends at once. SIGHUP and SIGUSR1 are passed on."""

    def __init__(self) -> None:
        self.stopping = False
        self.engine_pid = 0
        """Of the engine that a forced end is to take along; 0: there is none."""
        self._passed_on: list[int] = []

    def install(self) -> None:
        """In the main thread only."""
        for name in ("SIGINT", "SIGTERM"):
            signal.signal(getattr(signal, name), self._stop)
        for name in ("SIGHUP", "SIGUSR1"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self._keep)

    def take(self) -> list[int]:
        """What is to be passed on and was not taken yet."""
        taken, self._passed_on = self._passed_on, []
        return taken

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self.stopping:
            if self.engine_pid:
                with contextlib.suppress(OSError):
                    os.kill(self.engine_pid, signal.SIGKILL)
            os._exit(FORCED_EXIT_CODE)  # the player sees the pipe close, and ends what sounds
        self.stopping = True

    def _keep(self, number: int, frame: FrameType | None) -> None:
        self._passed_on.append(number)


def supervise(options: argparse.Namespace) -> int:
    """Play, whatever fails, until a signal asks for the end. Returns the exit code."""
    signals = Signals()
    signals.install()
    with Lifeline.create() as lifeline:
        return Supervisor(options, lifeline, SystemClock()).run(signals)


def _ended(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"


@contextlib.contextmanager
def _handles(signs: Signs) -> Iterator[list[int]]:
    """Descriptors of the engine's children (Linux), else their process ids: a descriptor cannot come to mean another
    process.
    """
    found: list[int] = []
    try:
        for pid in (signs.player_pid, signs.frontends_pid):
            if pid and PIDFD:
                with contextlib.suppress(OSError):
                    found.append(os.pidfd_open(pid))
            elif pid:
                found.append(pid)
        yield found
    finally:
        for handle in found if PIDFD else ():
            os.close(handle)


def _see_end(children: list[int], clock: Clock) -> None:
    """The player ends its notes and itself as soon as its engine is gone; what does not end is killed: its ports and
    addresses are needed.
    """
    for handle in children:
        if not _gone(handle, clock):
            with contextlib.suppress(OSError):
                if PIDFD:
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
                else:
                    os.kill(handle, getattr(signal, "SIGKILL", signal.SIGTERM))
            _gone(handle, clock)


def _gone(handle: int, clock: Clock) -> bool:
    if PIDFD:
        return bool(wait([handle], CHILDREN_END_WITHIN_S))
    until_s = clock.now() + CHILDREN_END_WITHIN_S
    while clock.now() < until_s:
        try:
            os.kill(handle, 0)
        except OSError:
            return True
        clock.wait(clock.now() + TICK_S)
    return False
