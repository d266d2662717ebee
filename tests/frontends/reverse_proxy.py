"""A server in front of the page's, as nginx or Caddy stand there: it lies below a path."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import NamedTuple

LONGEST_HEAD = 1 << 16


class Proxy(NamedTuple):
    """Gives what is asked below `path` to `port` of this computer, and nothing else."""

    path: str
    port: int

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request and its answer, or a WebSocket from its beginning to its end."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError), _ending(writer):
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
            method, address, version = first.split()
            if not address.startswith(self.path):
                writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                await writer.drain()
                return
            upgrades = any(line.lower().startswith("upgrade:") for line in lines)
            if not upgrades:
                lines = [line for line in lines if not line.lower().startswith("connection:")] + ["Connection: close"]
            visitor = writer.get_extra_info("peername")[0]
            lines += [f"X-Forwarded-For: {visitor}", "X-Forwarded-Proto: http"]
            inside, outside = await asyncio.open_connection("127.0.0.1", self.port, limit=LONGEST_HEAD)
            with _ending(outside):
                first = f"{method} /{address.removeprefix(self.path)} {version}"
                outside.write("\r\n".join([first, *lines, "", ""]).encode("latin-1"))
                asking = asyncio.create_task(_pass_on(reader, outside))
                await _pass_on(inside, writer)
                asking.cancel()
                await asyncio.wait((asking,))


@contextlib.contextmanager
def _ending(writer: asyncio.StreamWriter) -> Iterator[None]:
    """Closed at the end: what was written first, unless we are told to end."""
    try:
        yield
    except asyncio.CancelledError:
        writer.transport.abort()
        raise
    finally:
        writer.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()


@contextlib.contextmanager
def in_front(proxy: Proxy, port: int) -> Iterator[None]:
    """The proxy at a port of this computer, in a thread of its own."""
    ready, ended = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        talks: set[asyncio.Task[None]] = set()  # a loop holds its tasks weakly

        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            talks.add(talk := asyncio.create_task(proxy.carry(reader, writer)))
            talk.add_done_callback(talks.discard)

        server = await asyncio.start_server(begin, "127.0.0.1", port, limit=LONGEST_HEAD)
        loops.append(asyncio.get_running_loop())
        ready.set()
        await ended.wait()
        server.close()
        for _ in range(20):  # turns of the loop: what was just accepted talks in the second, what ended is closed later
            for talk in talks:
                talk.cancel()
            await asyncio.sleep(0)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(60)
        yield
    finally:
        for loop in loops:
            loop.call_soon_threadsafe(ended.set)
        thread.join()
