"""The page and its server: HTTP, and a WebSocket that passes the engine's messages through."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from improv.frontends.jsonlines import LineError, decode, encode
from improv.frontends.server.access import COOKIE, Credentials
from improv.frontends.server.broker import Broker, Teller
from improv.frontends.server.paired_devices import BY_ADDRESS, CURATOR, VISITOR, name_of
from improv.frontends.server.pairing import Pairing
from improv.frontends.server.rate_limit import Rates
from improv.frontends.server.visitors import NO_VISITORS, Visitors, told, without_people
from improv.frontends.settings import FrontendsSettings
from improv.frontends.web import texts
from improv.frontends.web.answers import NO_FAULTS, RETRY_AFTER_S, answered
from improv.frontends.web.beginnings_api import BeginningsApi
from improv.frontends.web.connection_limits import patient_protocol
from improv.frontends.web.journeys_api import JourneysApi
from improv.frontends.web.pairing_api import PairingApi
from improv.frontends.web.people_api import PeopleApi
from improv.frontends.web.settings_api import SettingsApi
from improv.frontends.web.takes_api import TakesApi

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from starlette.types import ASGIApp

LONGEST_MESSAGE = 1 << 16  # bytes of one command
MESSAGES_PER_S, MESSAGES_AT_ONCE = 200.0, 400.0  # a pad that is dragged sends 60 to 120
DROPPED_AT_MOST = 5000
ENTRIES_PER_S, ENTRIES_AT_ONCE = 0.1, 5.0  # guesses at the token, of one address
CONNECTIONS = 200
COOKIE_LIVES_S = 365 * 24 * 3600
RETRY_S = 5.0


def application(
    broker: Broker,
    credentials: Credentials,
    pairing: Pairing,
    settings: FrontendsSettings,
    visitors: Visitors = NO_VISITORS,
) -> Starlette:
    """Everything that is served, without the access control in front of it."""
    routes = _Pages(broker, credentials, visitors).routes()
    routes += PairingApi(pairing).routes(body_of)
    routes += SettingsApi(settings.config_file, settings.overrides).routes(body_of)
    if settings.beginnings_folder:
        routes += BeginningsApi(settings.beginnings_folder).routes(body_of)
    routes += JourneysApi(settings.config_file, settings.overrides, lambda: _mood(broker)).routes(body_of)
    if settings.takes_folder:
        routes += TakesApi(settings.takes_folder).routes(body_of)
        routes += PeopleApi(settings.takes_folder, broker).routes(body_of)
    routes.append(Mount("/static", StaticFiles(directory=texts.STATIC)))  # refuses what lies outside of it
    pages = Starlette(routes=routes, exception_handlers=NO_FAULTS)
    pages.router.redirect_slashes = False  # to an address that leaves out what stands before ours, behind a proxy
    return pages


def _mood(broker: Broker) -> tuple[float, float]:
    return float(broker.state.get("valence", 0.0)), float(broker.state.get("arousal", 0.0))


class _Pages:
    """The page, the state, the commands and the way in."""

    def __init__(self, broker: Broker, credentials: Credentials, visitors: Visitors) -> None:
        self._broker, self._credentials, self._visitors = broker, credentials, visitors
        self._entries = Rates(broker.clock, ENTRIES_PER_S, ENTRIES_AT_ONCE)

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/", self._page),
            Route("/api/state", self._state),
            Route("/api/commands", self._commands),
            Route("/api/command", self._command, methods=["POST"]),
            Route(Pairing.WAY_IN, self._enter),
            Route(Pairing.WAY_IN, self._redeem, methods=["POST"]),
            Route("/metrics", self._metrics),
            Route("/healthz", self._health),
            Route("/readyz", self._ready),
            WebSocketRoute("/live", self._live),
        ]

    async def _enter(self, request: Request) -> Response:
        """The way in from another computer: the one-time token stands behind the #, never sent or logged."""
        return texts.page(request, "enter.html")

    async def _redeem(self, request: Request) -> Response:
        if not self._entries.allow(request.client.host if request.client else ""):
            return PlainTextResponse("too many attempts; wait a little", 429)
        body = await body_of(request)
        name = name_of(request.headers.get("user-agent", ""))
        before = self._credentials.device_of(dict(request.headers.raw))
        role = BY_ADDRESS if before is None else before.role  # the same browser, let in again, gains nothing by it
        cookie = self._credentials.redeem(body.decode("utf-8", "replace").strip(), name, role) if body else ""
        if not cookie:
            self._broker.say("refused_token", "Somebody tried to open the page with a wrong token.")
            return PlainTextResponse("this link was used already, or has expired", 401)
        if before is not None:
            self._credentials.revoke(before.device_id)
        response = PlainTextResponse("ok")
        secure = request.url.scheme == "https"
        # Without a path the browser takes that of the way in: the cookie is for the page, and not for what else a
        # server in front of us has to give.
        response.set_cookie(
            COOKIE, cookie, max_age=COOKIE_LIVES_S, path=None, httponly=True, samesite="strict", secure=secure
        )
        return response

    async def _page(self, request: Request) -> Response:
        return texts.page(request, "index.html", VISITOR if self._is_visitor(request) else CURATOR)

    async def _state(self, request: Request) -> Response:
        if not self._broker.hello:
            return _not_yet()
        return JSONResponse(without_people(self._broker.state) if self._is_visitor(request) else self._broker.state)

    async def _commands(self, request: Request) -> Response:
        if not self._broker.hello:
            return _not_yet()
        return JSONResponse(
            {key: self._broker.hello.get(key) for key in ("commands", "fields", "moods", "models", "attributes")}
        )

    async def _command(self, request: Request) -> Response:
        body = await body_of(request)
        if body is None:
            return JSONResponse({"ok": False, "error": f"at most {LONGEST_MESSAGE} bytes"}, 413)
        try:
            message = decode(body)
        except LineError as error:
            return JSONResponse({"ok": False, "error": str(error)}, 400)
        visitor = self._is_visitor(request)
        return answered(await self._broker.command(message, "http", visitor=visitor))

    async def _metrics(self, request: Request) -> Response:
        return PlainTextResponse(metrics(self._broker), media_type="text/plain; version=0.0.4")

    async def _health(self, request: Request) -> Response:
        """Whether this process and the engine live; before the engine has spoken it may still be starting."""
        trouble = self._broker.trouble() if self._broker.hello else ""
        return PlainTextResponse(trouble or "ok", 503 if trouble else 200)

    async def _ready(self, request: Request) -> Response:
        """Whether music is made, or rests because somebody wants it so."""
        trouble = self._broker.trouble()
        return PlainTextResponse(trouble or "ok", 503 if trouble else 200)

    async def _live(self, socket: WebSocket) -> None:
        await socket.accept()
        visitor = self._is_visitor(socket)
        with self._broker.subscribed() as subscriber:
            reading = asyncio.create_task(_read(socket, self._broker, subscriber.put, visitor=visitor))
            writing = asyncio.create_task(_write(socket, subscriber.get, visitor=visitor))
            done, pending = await asyncio.wait((reading, writing), return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            await asyncio.wait((reading, writing))
            for task in done:
                task.exception()

    def _is_visitor(self, connection: HTTPConnection) -> bool:
        host = connection.client.host if connection.client else ""
        return self._visitors.by_page(host, self._credentials.role_of(dict(connection.headers.raw)))


def _not_yet() -> Response:
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    return PlainTextResponse("the music engine has not answered yet", 503, headers)


async def body_of(request: Request, longest: int = LONGEST_MESSAGE) -> bytes | None:
    """The whole body, or None when it is too long."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > longest:
            return None
    return body


async def _read(socket: WebSocket, broker: Broker, put: Callable[[dict[str, Any]], None], *, visitor: bool) -> None:
    """Take commands from a page. Too many are dropped, and told so once a second; far too many end the connection."""
    waiting: set[asyncio.Task[None]] = set()
    rates, tellings = Rates(broker.clock, MESSAGES_PER_S, MESSAGES_AT_ONCE), Rates(broker.clock, 1.0, 1.0)
    dropped = 0

    async def carry_out(message: dict[str, Any]) -> None:
        put(await broker.command(message, "page", visitor=visitor))

    def wrong(error: str) -> None:
        put({"kind": "answer", "id": None, "ok": False, "error": error})

    try:
        while dropped < DROPPED_AT_MOST:
            text = await socket.receive_text()
            await asyncio.sleep(0)  # what waits in the socket comes without a pause: the others want a turn, too
            if not rates.allow(""):
                dropped += 1
                broker.say("flood", f"A page sends more than {MESSAGES_PER_S:g} commands a second; they are left out.")
                if tellings.allow(""):
                    wrong(f"at most {MESSAGES_PER_S:g} commands a second; some were left out")
                continue
            try:
                message = decode(text)
            except LineError as error:
                wrong(str(error))
                continue
            task = asyncio.create_task(carry_out(message))
            waiting.add(task)
            task.add_done_callback(waiting.discard)
        await socket.close(1008, "too many messages")
    except (WebSocketDisconnect, KeyError, RuntimeError):  # KeyError: bytes came where a text should
        pass
    finally:
        for task in waiting:
            task.cancel()


async def _write(socket: WebSocket, get: Callable[[], Awaitable[Any]], *, visitor: bool) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            if (message := told(await get(), visitor=visitor)) is not None:
                await socket.send_text(encode(message).decode())


def metrics(broker: Broker) -> str:
    """Prometheus' text format: every number of the state, and what the frontends counted."""
    lines = []
    for one in broker.hello.get("fields", ()):
        value = broker.state.get(one["name"])
        if one["kind"] in ("number", "whole", "flag") and isinstance(value, int | float):
            name = f"brainmusic_{one['name']}"
            lines += [f"# HELP {name} {one['text']}", f"# TYPE {name} gauge", f"{name} {float(value):g}"]
    done_without = len(broker.state.get("degraded", ()))
    lines += ["# HELP brainmusic_degraded how many things are done without at present"]
    lines += ["# TYPE brainmusic_degraded gauge", f"brainmusic_degraded {done_without}"]
    lines += ["# TYPE brainmusic_faces_total counter"]
    lines += [f'brainmusic_faces_total{{what="{what}"}} {number}' for what, number in sorted(broker.counts.items())]
    lines += ["# TYPE brainmusic_listeners gauge", f"brainmusic_listeners {broker.subscribers}"]
    return "\n".join(lines) + "\n"


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None of them: the engine decides when we end."""
        yield


async def serve(
    broker: Teller,
    app: ASGIApp,
    what: str,
    host: str,
    port: int,
    listening: Callable[[str, int], None],
    proxies: Sequence[str] = (),
) -> None:
    """Serve until cancelled. A port that is taken is said in a sentence and tried again.

    what: the section of the configuration. listening: told the address once it is served. proxies: addresses and
    networks that are believed when they say for whom they ask, and whether by HTTPS (X-Forwarded-For, -Proto).
    """
    listening_socket = await _listen(broker, what, host, port)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # no address, no path, no secret of anybody is written down
        lifespan="off",
        ws="websockets-sansio",
        ws_max_size=LONGEST_MESSAGE,
        ws_max_queue=16,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        limit_concurrency=CONNECTIONS,
        http=patient_protocol(),
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    with listening_socket:
        serving = asyncio.create_task(server.serve([listening_socket]))
        listening(*listening_socket.getsockname()[:2])
        try:
            await asyncio.shield(serving)
        finally:
            server.should_exit = server.force_exit = True
            await serving


async def _listen(broker: Teller, what: str, host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        try:
            return socket.create_server((host, port), family=family)
        except (OSError, OverflowError) as error:
            broker.say(f"port_{what}_{port}", cannot_open(what, host, port, error))
            await asyncio.sleep(RETRY_S)


def cannot_open(what: str, host: str, port: int, error: Exception) -> str:
    """The sentence for a port that is taken or not there."""
    reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
    return (
        f"{what}: {host}:{port} cannot be opened: {reason}. The music goes on; choose another one in config.yaml, "
        "or close what uses it."
    )
