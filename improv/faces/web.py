"""The page and its server: HTTP, and a WebSocket that passes the engine's messages through."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from improv.faces.hub import Hub
from improv.faces.lines import LineError, decode, encode
from improv.faces.settings import FacesSettings
from improv.faces.takes import TakesOffice

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

STATIC = Path(__file__).parent / "static"
LONGEST_MESSAGE = 1 << 16  # bytes of one command


def application(hub: Hub, takes_folder: str = "") -> Starlette:
    """Everything that is served, without the doors in front of it."""

    async def page(request: Request) -> Response:
        file = STATIC / "index.html"
        if not file.is_file():
            return PlainTextResponse("BrainMusic plays. This installation has no page.")
        return FileResponse(file)

    async def state(request: Request) -> Response:
        return JSONResponse(hub.state) if hub.hello else _not_yet()

    async def commands(request: Request) -> Response:
        if not hub.hello:
            return _not_yet()
        return JSONResponse(
            {key: hub.hello.get(key) for key in ("commands", "fields", "moods", "models", "attributes")}
        )

    async def command(request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return JSONResponse({"ok": False, "error": f"at most {LONGEST_MESSAGE} bytes"}, 413)
        try:
            message = decode(body)
        except LineError as error:
            return JSONResponse({"ok": False, "error": str(error)}, 400)
        answer = await hub.command(message, "http")
        return JSONResponse(answer, 200 if answer["ok"] else 422)

    async def health(request: Request) -> Response:
        return PlainTextResponse("ok")

    async def ready(request: Request) -> Response:
        return PlainTextResponse("ok") if hub.hello else _not_yet()

    async def live(socket: WebSocket) -> None:
        await socket.accept()
        with hub.listening() as listener:
            reading = asyncio.create_task(_read(socket, hub, listener.put))
            writing = asyncio.create_task(_write(socket, listener.get))
            done, pending = await asyncio.wait((reading, writing), return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            await asyncio.wait((reading, writing))
            for task in done:
                task.exception()

    routes = [
        Route("/", page),
        Route("/api/state", state),
        Route("/api/commands", commands),
        Route("/api/command", command, methods=["POST"]),
        Route("/healthz", health),
        Route("/readyz", ready),
        WebSocketRoute("/live", live),
    ]
    if takes_folder:
        routes += TakesOffice(takes_folder).routes(_body)
    if STATIC.is_dir():
        routes.append(Mount("/static", StaticFiles(directory=STATIC)))
    return Starlette(routes=routes)


def _not_yet() -> Response:
    return PlainTextResponse("the engine has not spoken yet", 503)


async def _body(request: Request, longest: int = LONGEST_MESSAGE) -> bytes | None:
    """The whole body, or None when it is too long."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > longest:
            return None
    return body


async def _read(socket: WebSocket, hub: Hub, put: Callable[[dict[str, Any]], None]) -> None:
    waiting: set[asyncio.Task[None]] = set()

    async def carry_out(message: dict[str, Any]) -> None:
        put(await hub.command(message, "page"))

    with contextlib.suppress(WebSocketDisconnect):
        while True:
            text = await socket.receive_text()
            try:
                message = decode(text)
            except LineError as error:
                put({"kind": "answer", "id": None, "ok": False, "error": str(error)})
                continue
            task = asyncio.create_task(carry_out(message))
            waiting.add(task)
            task.add_done_callback(waiting.discard)
    for task in waiting:
        task.cancel()


async def _write(socket: WebSocket, get: Callable[[], Awaitable[Any]]) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await socket.send_text(encode(await get()).decode())


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None of them: the engine decides when we end."""
        yield


async def serve(hub: Hub, settings: FacesSettings) -> None:
    """Serve until cancelled. A port that is taken is said in a sentence and tried again."""
    listening = await _listen(hub, settings)
    config = uvicorn.Config(
        application(hub, settings.takes_folder),
        log_config=None,
        access_log=False,  # no address, no path, no secret of anybody is written down
        lifespan="off",
        ws="websockets-sansio",
        ws_max_size=LONGEST_MESSAGE,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    host, port = listening.getsockname()[:2]
    hub.say("page", f"page: http://{host}:{port}", "info")
    await server.serve([listening])


RETRY_S = 5.0


async def _listen(hub: Hub, settings: FacesSettings) -> socket.socket:
    while True:
        try:
            return socket.create_server((settings.host, settings.port), family=_family(settings.host))
        except OSError as error:
            hub.say(
                "port",
                f"The page cannot be served at {settings.host}:{settings.port}: {error.strerror or error}. "
                "The music goes on; set web.port to another one, or close what uses it.",
            )
            await asyncio.sleep(RETRY_S)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
