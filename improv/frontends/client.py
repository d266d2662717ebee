"""The engine's side of the frontends: starts their process, speaks to it, replaces it when it fails; never waits."""

from __future__ import annotations

import contextlib
import socket
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from improv.clock import Clock
from improv.frontends.jsonlines import LineBuffer, LineError, decode, encode
from improv.frontends.server.main import frontends_main
from improv.frontends.settings import FrontendsSettings
from improv.processes import Backoff, end, spawn

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

OUTBOX_BYTES = 1 << 20  # kept while the frontends do not read: a minute of dense music
SOCKET_BYTES = 1 << 18
READ_BYTES = 1 << 16  # at most so much is taken in one turn: a flood of commands must not hold up the music
STUCK_AFTER_S = 10.0  # unread for so long: the process hangs


class FrontendsClient:
    """Starts nothing before `start()`. Used by one thread; no call ever blocks."""

    def __init__(self, settings: FrontendsSettings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._process: SpawnProcess | None = None
        self._socket: socket.socket | None = None
        self._outbox: deque[bytes] = deque()
        self._outbox_bytes = 0
        self._state: bytes | None = None
        self._buffer = LineBuffer()
        self._wanted = False
        self._moved_s = self._restart_at_s = 0.0
        self._backoff = Backoff()
        self.restarts = 0
        self.dropped = 0
        """Messages that were lost because the frontends did not read."""

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def connected(self) -> bool:
        """Whether anybody is there to be told something."""
        return self._socket is not None

    @property
    def socket(self) -> socket.socket | None:
        """Readable when a command has arrived."""
        return self._socket

    def start(self) -> None:
        """Start the process; does not wait for it. Greet it first: what is posted waits in the socket.

        OSError where it cannot be started; `beat()` tries again.
        """
        if not self._settings.anything:
            return
        self._wanted = True
        ours, theirs = socket.socketpair()
        try:
            ours.setblocking(False)
            for one in (ours, theirs):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
            process = spawn(frontends_main, (theirs, self._settings), "brainmusic-frontends")
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()  # else the socket would not close with the process
        self._process, self._socket, self._buffer = process, ours, LineBuffer()
        self._moved_s = self._clock.now()
        self._backoff.started(self._moved_s)

    def post(self, message: Mapping[str, Any]) -> None:
        """Tell the frontends; kept while they do not read, dropped and counted when that becomes too much."""
        if self._socket is None:
            return
        line = encode({**message, "now_s": round(self._clock.now(), 6)})
        if self._outbox_bytes + len(line) > OUTBOX_BYTES:
            self.dropped += 1
            return
        if not self._outbox:
            self._moved_s = self._clock.now()
        self._outbox.append(line)
        self._outbox_bytes += len(line)
        self.flush()

    def post_state(self, state: Mapping[str, Any]) -> None:
        """Tell the state; one that has not left yet is replaced."""
        if self._socket is not None:
            self._state = encode({"kind": "state", "state": state, "now_s": round(self._clock.now(), 6)})
            self.flush()

    def flush(self) -> None:
        """Write what the socket takes."""
        try:
            while self._socket is not None:
                if not self._outbox:
                    if self._state is None:
                        return
                    self._outbox.append(self._state)
                    self._outbox_bytes += len(self._state)
                    self._state = None
                line = self._outbox[0]
                sent = self._socket.send(line)
                self._moved_s = self._clock.now()
                self._outbox_bytes -= sent
                if sent < len(line):
                    self._outbox[0] = line[sent:]
                else:
                    self._outbox.popleft()
        except BlockingIOError:
            return
        except OSError:
            self._disconnect()

    def receive(self) -> list[dict[str, Any]]:
        """What the frontends said since the last call; at most READ_BYTES of it."""
        if self._socket is None:
            return []
        try:
            data = self._socket.recv(READ_BYTES)
            if not data:
                raise ConnectionError
            return [decode(line) for line in self._buffer.feed(data)]
        except BlockingIOError:
            return []
        except (OSError, LineError):
            self._disconnect()
            return []

    def beat(self) -> str:
        """To be called every turn. Starts the frontends again when they failed; then returns a sentence, else ""."""
        if not self._wanted:
            return ""
        now_s = self._clock.now()
        if self._outbox and now_s - self._moved_s > STUCK_AFTER_S:
            self._disconnect()
        self.flush()
        if self._process is not None and (self._socket is None or not self._process.is_alive()):
            self._fail(now_s)
        if self._process is None and now_s >= self._restart_at_s:
            return self._start_again(now_s)
        return ""

    def close(self, timeout_s: float = 2.0) -> None:
        """End the process: it ends when the socket closes, and is killed if it takes longer. May be called twice."""
        self._wanted = False
        self._disconnect()
        process, self._process = self._process, None
        if process is not None:
            process.join(timeout_s)
            end(process)

    def _fail(self, now_s: float) -> None:
        self._disconnect()
        if self._process is not None:
            end(self._process)
            self._process = None
        self._restart_at_s = self._backoff.failed(now_s)

    def _start_again(self, now_s: float) -> str:
        try:
            self.start()
        except OSError as error:  # no file handles, no processes, no memory: they may be there again in a moment
            self._restart_at_s = self._backoff.failed(now_s)
            return (
                f"The process of page, OSC and improv ctl cannot be started ({error.strerror or error}); "
                f"the music goes on, it is tried again in {self._restart_at_s - now_s:g} s."
            )
        self.restarts += 1
        return "The process of page, OSC and improv ctl ended and was restarted; the music went on."

    def _disconnect(self) -> None:
        with contextlib.suppress(OSError):
            if self._socket is not None:
                self._socket.close()
        self._socket, self._state = None, None
        self._outbox.clear()
        self._outbox_bytes = 0
