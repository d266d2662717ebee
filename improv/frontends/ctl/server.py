"""The socket of `improv ctl`, `status` and `watch`: JSON lines over a socket that only this user can open."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import os
import secrets
from pathlib import Path
from typing import Any

from improv.frontends.ctl.discovery import UNIX_SOCKETS, place_of
from improv.frontends.jsonlines import LineError, decode, encode
from improv.frontends.server.broker import Broker
from improv.frontends.server.pairing import Pairing
from improv.frontends.settings import FrontendsSettings

LONGEST_LINE = 1 << 16


class CtlServer:
    """Commands, and what is asked about those who come in by the page."""

    def __init__(self, broker: Broker, pairing: Pairing) -> None:
        self._broker, self._pairing = broker, pairing
        self._token = ""
        self._talks: set[asyncio.Task[None]] = set()

    async def serve(self, settings: FrontendsSettings) -> None:
        """Serve until cancelled. Where no socket can be made a sentence says so; the other frontends go on."""
        try:
            place = place_of(settings.name, settings.pid)
            place.path.unlink(missing_ok=True)
            server = await self._open(place.path)
        except OSError as error:
            self._broker.say("ctl", f"`improv ctl` will not work: {error.strerror or error}.")
            return
        try:
            async with server:
                await server.serve_forever()
        finally:
            for talk in self._talks:
                talk.cancel()
            with contextlib.suppress(OSError):
                place.path.unlink()

    async def _open(self, path: Path) -> asyncio.Server:
        if UNIX_SOCKETS:
            return await asyncio.start_unix_server(self._talk, path, limit=LONGEST_LINE)
        self._token = secrets.token_urlsafe(24)
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0, limit=LONGEST_LINE)
        port = server.sockets[0].getsockname()[1]
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"port": port, "token": self._token}, file)
        return server

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        task.add_done_callback(self._talks.discard)
        try:
            if self._token and not hmac.compare_digest((await reader.readline()).strip(), self._token.encode()):
                return
            while line := await reader.readline():
                await self._answer(line, writer)
        except (OSError, ValueError):  # ValueError: a line was too long
            return
        finally:
            writer.close()

    async def _answer(self, line: bytes, writer: asyncio.StreamWriter) -> None:
        try:
            message = decode(line)
        except LineError as error:
            await _send(writer, {"kind": "answer", "ok": False, "error": str(error)})
            return
        match message.get("kind", "command"):
            case "tables":
                await _send(writer, self._broker.hello or {"kind": "hello"})
            case "state":
                await _send(writer, {"kind": "state", "state": self._broker.state})
            case "link":
                await _send(writer, {"kind": "link", **self._pairing.links()})
            case "devices":
                answer = {"devices": self._pairing.devices(), "fault": self._pairing.fault}
                await _send(writer, {"kind": "devices", **answer})
            case "revoke":
                await _send(writer, {"kind": "revoke", "ok": self._pairing.revoke(str(message.get("id")))})
            case "role":
                wrong = self._pairing.give_role(str(message.get("id")), str(message.get("role")))
                await _send(writer, {"kind": "role", "ok": not wrong, "error": wrong})
            case "people":
                self._broker.people_changed()
                await _send(writer, {"kind": "people", "ok": True})
            case "watch":
                with self._broker.subscribed() as subscriber:
                    while True:
                        await _send(writer, await subscriber.get())
            case _:
                await _send(writer, await self._broker.command(message, "ctl"))


async def _send(writer: asyncio.StreamWriter, message: Any) -> None:
    writer.write(encode(message))
    await writer.drain()
