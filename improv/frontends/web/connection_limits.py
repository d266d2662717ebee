"""Connections that never finish what they began: each request has a time, each address has so many at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

CONNECTIONS_OF_ONE_ADDRESS = 48  # a page holds seven at most
REQUEST_WITHIN_S = 10.0  # head and body, from the connection or the end of the answer before


class PatientProtocol(H11Protocol):
    """uvicorn's protocol for HTTP/1.1 with those limits. A connection counts until it is lost, or becomes a WebSocket,
    which has limits of its own.
    """

    counts: ClassVar[Counter[str]]
    within_s: ClassVar[float]
    most: ClassVar[int]

    _counted = ""
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self._counted = str(peer[0]) if peer else "?"
        self.counts[self._counted] += 1
        if self.counts[self._counted] > self.most:
            transport.abort()
        else:
            self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._stop_waiting()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.transport.is_closing():
            self._wait()

    def handle_websocket_upgrade(self, event: Any) -> None:
        self._forget()
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._stop_waiting()
        self._timer = self.loop.call_later(self.within_s, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _forget(self) -> None:
        self._stop_waiting()
        if self._counted:
            self.counts[self._counted] -= 1
            if not self.counts[self._counted]:
                del self.counts[self._counted]
            self._counted = ""


def patient_protocol(
    within_s: float = REQUEST_WITHIN_S, most: int = CONNECTIONS_OF_ONE_ADDRESS
) -> type[PatientProtocol]:
    """For one server: its connections are counted together."""
    limits = {"counts": Counter(), "within_s": within_s, "most": most}
    return type("PatientProtocol", (PatientProtocol,), limits)
