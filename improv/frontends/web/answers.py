"""Answers where nobody made a fault: the engine is being replaced, or the machine has no room at the moment."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from improv.frontends.server.broker import REPLACED
from improv.frontends.web.command_line import Ran, refused

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

RETRY_AFTER_S = 2  # an engine that failed is back by then
FINISHES_WITHIN_S, ENDS_WITHIN_S = 0.05, 0.1  # the next engine waits for the addresses


def unavailable(sentence: str) -> Response:
    """It cannot be done now, and may be done in a moment."""
    return JSONResponse({"ok": False, "error": sentence}, 503, {"Retry-After": str(RETRY_AFTER_S)})


def answered(answer: dict[str, Any]) -> Response:
    """The answer to a command. later: it may be taken in a moment."""
    if answer.get("later"):
        return unavailable(answer["error"])
    return JSONResponse(answer, 200 if answer["ok"] else 422)


def failed(ran: Ran) -> Response:
    """The answer where a command line did not do what it was asked for."""
    return unavailable(ran.sentence) if ran.later else refused(ran.sentence)


def told(ran: Ran) -> Response:
    """What a command line has printed as JSON."""
    return failed(ran) if (table := ran.table) is None else JSONResponse(table)


async def _no_room(request: Request, error: Exception) -> Response:
    """No file handles, no memory, no processes, no disk: they may be there again in a moment."""
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    return unavailable(f"this cannot be done now: {reason}")


async def _nobody(request: Request, error: Exception) -> Response:
    """Whoever asked is gone."""
    return Response(status_code=499)


NO_FAULTS = {OSError: _no_room, MemoryError: _no_room, ClientDisconnect: _nobody}
"""Exceptions that are no faults of the program, and what is answered then: for Starlette's exception_handlers."""


class Requests:
    """All that are under way: when the engine is gone, each has an answer before the process ends."""

    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[Any]] = set()

    def answering(self, app: ASGIApp) -> ASGIApp:
        """The application, with an answer of 503 for a request that is cut off."""

        async def surely(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                await self._answer(app, scope, receive, send)
            else:
                await app(scope, receive, send)

        return surely

    async def _answer(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        task = asyncio.current_task()
        assert task is not None
        self._under_way.add(task)
        try:
            await app(scope, receive, sending)
        except asyncio.CancelledError:
            if begun:
                raise
            await unavailable(REPLACED.sentence)(scope, receive, send)
        finally:
            self._under_way.discard(task)

    async def end(self) -> None:
        """Cut off what is under way, after a moment: who waited for the engine passes its answer on, a file is read."""
        if under_way := set(self._under_way):
            _, late = await asyncio.wait(under_way, timeout=FINISHES_WITHIN_S)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=ENDS_WITHIN_S)
