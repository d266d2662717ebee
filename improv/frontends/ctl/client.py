"""The other end of the socket of `improv ctl`: finds a daemon, asks it, and says in a sentence when there is none."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from improv.errors import NotRunningError
from improv.frontends.ctl.discovery import UNIX_SOCKETS, Place, places
from improv.frontends.jsonlines import LineBuffer, decode, encode

ANSWER_WITHIN_S = 10.0
READ_BYTES = 1 << 16
ENVIRONMENT = "BRAINMUSIC_TO"


def choose(wanted: str = "") -> Place:
    """The daemon with this name or process id; without one the only one that is there.

    NotRunningError when there is none, or when there are several to choose from.
    """
    wanted = wanted or os.environ.get(ENVIRONMENT, "")
    there = places()
    found = [place for place in there if wanted in ("", place.name, str(place.pid))]
    listed = ", ".join(f"{place.name} (process {place.pid})" for place in there)
    if not there:
        raise NotRunningError("no BrainMusic of this user is playing; start one with `improv run`")
    if not found:
        raise NotRunningError(f"no BrainMusic called {wanted!r} is playing; there is {listed}")
    if len(found) > 1:
        raise NotRunningError(f"several are playing: {listed}; choose one with --to NAME or --to PROCESS")
    return found[0]


class Client:
    """A connection to one daemon. NotRunningError when it does not answer."""

    def __init__(self, place: Place) -> None:
        self._place, self._lines, self._buffer = place, list[bytes](), LineBuffer()
        try:
            self._socket = _connect(place.path)
        except (OSError, ValueError, KeyError) as error:
            if isinstance(error, ConnectionRefusedError):  # nobody listens there: what a daemon that was killed left
                with contextlib.suppress(OSError):
                    place.path.unlink()
            raise NotRunningError(f"{place.name} (process {place.pid}) does not answer; is it still playing?") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close()

    def ask(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Send a message, return what comes back first."""
        return next(self.listen(message))

    def listen(self, message: Mapping[str, Any], timeout_s: float | None = ANSWER_WITHIN_S) -> Iterator[dict[str, Any]]:
        """Send a message, yield all that comes back until the daemon ends."""
        self._socket.settimeout(timeout_s)
        try:
            self._socket.sendall(encode(message))
            while True:
                while self._lines:
                    yield decode(self._lines.pop(0))
                data = self._socket.recv(READ_BYTES)
                if not data:
                    raise ConnectionError
                self._lines += self._buffer.feed(data)
        except OSError:
            raise NotRunningError(f"{self._place.name} (process {self._place.pid}) has ended") from None


def _connect(path: Path) -> socket.socket:
    if UNIX_SOCKETS:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(ANSWER_WITHIN_S)
        try:
            connection.connect(str(path))
        except OSError:
            connection.close()
            raise
        return connection
    address = json.loads(path.read_text())
    connection = socket.create_connection(("127.0.0.1", int(address["port"])), ANSWER_WITHIN_S)
    connection.sendall(str(address["token"]).encode() + b"\n")
    return connection
