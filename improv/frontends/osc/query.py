"""OSCQuery: the whole tree of addresses as JSON over HTTP, and values over a WebSocket to whoever listens.

After the OSCQuery proposal of Vidvox, https://github.com/Vidvox/OSCQueryProposal.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from improv.frontends.jsonlines import LineError, decode
from improv.frontends.osc.packet import write
from improv.frontends.osc.server import OscServer, flat
from improv.frontends.osc.tree import ROOT, find
from improv.frontends.server.broker import Broker
from improv.frontends.web.answers import NO_FAULTS

ATTRIBUTES = ("FULL_PATH", "CONTENTS", "TYPE", "ACCESS", "RANGE", "DESCRIPTION", "VALUE", "UNIT", "CLIPMODE")
MOST_LISTENED = 1000


def application(broker: Broker, server: OscServer, name: str, port: Callable[[], int]) -> Starlette:
    """name: of the daemon. port: where this is served, once it is."""

    async def query(request: Request) -> Response:
        if "HOST_INFO" in request.query_params:
            return JSONResponse(_host_info(name, server.port, port()))
        if server.tree is None:
            return PlainTextResponse("the music engine has not answered yet", 503)
        node = find(server.tree.described(broker.state), request.url.path)
        if node is None:
            return PlainTextResponse("no such address", 404)
        asked = next(iter(request.query_params), "")
        if not asked:
            return JSONResponse(node)
        if asked not in ATTRIBUTES:
            return PlainTextResponse(f"unknown attribute; allowed: {', '.join(ATTRIBUTES)}", 400)
        if asked not in node:
            return Response(status_code=204)  # the node has no such attribute
        return JSONResponse({asked: node[asked]})

    async def listen(socket: WebSocket) -> None:
        await socket.accept()
        wanted: set[str] = set()
        with broker.subscribed() as subscriber:
            telling = asyncio.create_task(_tell(socket, subscriber.get, wanted))
            try:
                while True:
                    _obey(await socket.receive_text(), wanted)
            except (WebSocketDisconnect, KeyError, RuntimeError):
                telling.cancel()
            await asyncio.wait((telling,))

    routes = [WebSocketRoute("/{path:path}", listen), Route("/{path:path}", query)]
    return Starlette(routes=routes, exception_handlers=NO_FAULTS)


def _host_info(name: str, udp_port: int, port: int) -> dict[str, Any]:
    extensions = {"ACCESS", "VALUE", "RANGE", "DESCRIPTION", "UNIT", "CLIPMODE", "LISTEN"}
    not_here = {"TAGS", "EXTENDED_TYPE", "CRITICAL", "PATH_CHANGED", "OVERLOADS", "HTML"}
    return {
        "NAME": name,
        "OSC_PORT": udp_port,
        "OSC_TRANSPORT": "UDP",
        "WS_PORT": port,
        "EXTENSIONS": dict.fromkeys(sorted(extensions), True) | dict.fromkeys(sorted(not_here), False),
    }


def _obey(text: str, wanted: set[str]) -> None:
    """{"COMMAND": "LISTEN", "DATA": "/brainmusic/state/tempo_bpm"}; everything else is left out."""
    with contextlib.suppress(LineError):
        message = decode(text)
        path = message.get("DATA")
        if isinstance(path, str) and message.get("COMMAND") == "LISTEN" and len(wanted) < MOST_LISTENED:
            wanted.add(path)
        elif isinstance(path, str) and message.get("COMMAND") == "IGNORE":
            wanted.discard(path)


async def _tell(socket: WebSocket, get: Any, wanted: set[str]) -> None:
    told: dict[str, Any] = {}
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            message: Mapping[str, Any] = await get()
            if message["kind"] != "state":
                continue
            for name, value in message["state"].items():
                for address, shown in flat(f"{ROOT}/state/{name}", value):
                    if address in wanted and told.get(address, ...) != shown:
                        told[address] = shown
                        await socket.send_bytes(write(address, shown))
