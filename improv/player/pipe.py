"""One end of the pipe between engine and player. Sending never blocks: a frozen peer must not freeze this side too."""

from __future__ import annotations

import select
import sys
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import socket
    from multiprocessing.connection import Connection

OUTBOX = 4096  # records kept while the peer does not read; the oldest is lost after that
UNWATCHED_S = 0.003  # so soon the other descriptor is looked at where two cannot be waited for
SELECT_LIMIT = 1024  # select() knows no file descriptors from here on


class PipeEnd(Protocol):
    """What the player's loop needs of a pipe."""

    def poll(self, timeout_s: float, also: int | None = None) -> bool:
        """Wait until something can be received (or the pipe closed), at most timeout_s.

        also: another file descriptor that ends the wait when it can be read, or None (or -1).
        """
        ...

    def receive(self) -> Any:
        """The next record. Raises EOFError when the other end is closed."""
        ...

    def send(self, record: object, *, urgent: bool = False) -> None:
        """Hand a frozen record over, or keep it until the peer reads again; urgent: before all that waits."""
        ...


class Pipe:
    """A multiprocessing connection with an outbox."""

    def __init__(self, connection: Connection[Any, Any]) -> None:
        self._connection = connection
        self._outbox: deque[object] = deque(maxlen=OUTBOX)
        # select() waits to the microsecond, Connection.poll() to the millisecond and at ten times the cost;
        # on Windows select() takes sockets only.
        self._selectable = sys.platform != "win32" and connection.fileno() < SELECT_LIMIT

    def poll(self, timeout_s: float, also: socket.socket | int | None = None) -> bool:
        """also: comes back at once (with what is true of this pipe) when that becomes readable, too."""
        if self._outbox:
            self._flush()
        other = -1 if also is None else also if isinstance(also, int) else also.fileno()
        if self._selectable:
            ends: tuple[Any, ...] = (self._connection,) if other < 0 else (self._connection, other)
            return self._connection in select.select(ends, (), (), max(0.0, timeout_s))[0]
        if other >= 0:
            timeout_s = min(timeout_s, UNWATCHED_S)
        try:
            return self._connection.poll(max(0.0, timeout_s))
        except OSError:  # Windows says so when the other end is closed; receive() says it in the common way
            return True

    def receive(self) -> Any:
        try:
            return self._connection.recv()
        except OSError as error:
            raise EOFError from error

    def send(self, record: object, *, urgent: bool = False) -> None:
        if urgent:  # a heartbeat never waits behind input
            if len(self._outbox) == OUTBOX:
                self._outbox.popleft()
            self._outbox.appendleft(record)
        else:
            self._outbox.append(record)
        self._flush()

    def close(self) -> None:
        self._outbox.clear()
        self._connection.close()

    def _flush(self) -> None:
        try:
            while self._outbox and self._has_room():
                self._connection.send(self._outbox.popleft())
        except OSError:
            self._outbox.clear()  # the other end is closed: receive() tells

    def _has_room(self) -> bool:
        """A Unix socket is writable while a quarter of its 200 kB is used at most; a record takes 20 kB at most."""
        return not self._selectable or bool(select.select((), (self._connection,), (), 0)[1])
