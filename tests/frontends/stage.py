"""All frontends in the test's own event loop, with an engine that a test plays."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

from improv.clock import SystemClock
from improv.config import Config
from improv.config.adapters import frontends_settings
from improv.control.command_table import table_as_json
from improv.control.locks import OF_THE_CURATOR
from improv.control.published_state import State, fields_as_json
from improv.frontends.jsonlines import LineBuffer, decode, encode
from improv.frontends.server.serving import Frontends
from improv.frontends.settings import FrontendsSettings

LIMIT_S = 60.0


def hello() -> dict[str, Any]:
    """What the engine says first."""
    return {
        "kind": "hello",
        "commands": table_as_json(),
        "curators": list(OF_THE_CURATOR),
        "fields": fields_as_json(),
        "state": State(tempo_bpm=96.0, bar=3).as_json(),
        "moods": {"happy": [1.0, 1.0], "sad": [-1.0, -1.0]},
        "models": [],
        "attributes": {},
        "now_s": SystemClock().now(),
    }


def settings_with(**settings: Any) -> FrontendsSettings:
    """The configuration's, without a folder of the user's, but for some."""
    nowhere = {"data_folder": "", "takes_folder": "", "beginnings_folder": ""}
    return frontends_settings(Config(), pid=0)._replace(**{**nowhere, **settings})


class Scene:
    """Frontends that serve, and the engine's end of their socket."""

    def __init__(self, settings: FrontendsSettings) -> None:
        self._ours, theirs = socket.socketpair()
        self._theirs = theirs
        self._ours.setblocking(False)
        theirs.setblocking(False)
        self.frontends = Frontends(theirs, settings)
        self.broker = self.frontends.broker
        self.commands: list[dict[str, Any]] = []
        self.logged: list[str] = []
        self.refusal = ""
        self.answering = True

    async def tell(self, message: dict[str, Any]) -> None:
        """The engine says something."""
        stamped = {"now_s": SystemClock().now(), **message}
        await asyncio.get_running_loop().sock_sendall(self._ours, encode(stamped))

    async def engine(self) -> None:
        """Keeps what is commanded and answers it."""
        buffer = LineBuffer()
        while data := await asyncio.get_running_loop().sock_recv(self._ours, 1 << 16):
            for line in buffer.feed(data):
                message = decode(line)
                if message.get("kind") == "log":
                    self.logged.append(message["text"])
                    continue
                self.commands.append(message)
                if self.answering:
                    wrong = {"ok": False, "error": self.refusal} if self.refusal else {"ok": True}
                    await self.tell({"kind": "answer", "id": message["id"], **wrong})

    async def until(self, condition: Any) -> None:
        """Until something holds; TimeoutError when it never does."""
        async with asyncio.timeout(LIMIT_S):
            while not condition():
                await asyncio.sleep(0.002)

    @property
    def port(self) -> int:
        """Of the page."""
        return self.frontends._page[1]

    async def http(
        self, path: str, method: str = "GET", body: bytes = b"", host: str = "", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """One request, written by hand so that it can be as wrong as a test wants it: status, headers, body."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host or f'127.0.0.1:{self.port}'}", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body)}"] if body else []
        with contextlib.suppress(OSError):
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            await writer.drain()
        answer = b""
        with contextlib.suppress(OSError):
            answer = await asyncio.wait_for(reader.read(), LIMIT_S)
        writer.close()
        head, _, rest = answer.partition(b"\r\n\r\n")
        first, *others = head.decode("latin-1").split("\r\n")
        found = dict(line.split(": ", 1) for line in others)
        return int(first.split()[1]) if first else 0, {name.lower(): value for name, value in found.items()}, rest

    async def command(self, **message: Any) -> Any:
        """By HTTP: the answer."""
        _, _, body = await self.http("/api/command", "POST", json.dumps(message).encode())
        return json.loads(body)


@contextlib.asynccontextmanager
async def scene(**settings: Any) -> AsyncIterator[Scene]:
    """Frontends with the page on a free port; OSC and ctl where settings ask for them."""
    here = Scene(settings_with(**{"port": 0, "osc": False, "ctl": False, **settings}))
    tasks = [asyncio.create_task(here.frontends.run()), asyncio.create_task(here.engine())]
    try:
        await here.tell(hello())
        await here.until(lambda: here.broker.hello and (here.port or not here.frontends._settings.web))
        yield here
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        here._ours.close()
        here._theirs.close()
