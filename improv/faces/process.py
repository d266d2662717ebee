"""The faces process: page, OSC and the door for `improv ctl`, in one event loop. Its death costs the music nothing."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket

from improv.clock import SystemClock
from improv.faces.settings import FacesSettings
from improv.spawn import LEFT_TO_THE_ENGINE

NICER = 5  # faces wait for the music, never the other way round


def faces_main(engine: socket.socket, settings: FacesSettings) -> None:
    """Body of the process, until the engine's end of the socket closes or SIGTERM."""
    for name in LEFT_TO_THE_ENGINE:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    _be_nice()
    engine.setblocking(False)
    with engine, contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt):
        asyncio.run(_serve(engine, settings))


def _be_nice() -> None:
    import os

    with contextlib.suppress(OSError, AttributeError):
        os.nice(NICER)


async def _serve(engine: socket.socket, settings: FacesSettings) -> None:
    from improv.faces.hub import Hub

    hub = Hub(engine, SystemClock())
    servers = [asyncio.create_task(_web(hub, settings))] if settings.web else []
    try:
        await hub.run()
    finally:
        for server in servers:
            server.cancel()
        await asyncio.wait(servers, timeout=1.0) if servers else None


async def _web(hub: object, settings: FacesSettings) -> None:
    from improv.faces import web
    from improv.faces.hub import Hub

    assert isinstance(hub, Hub)
    await web.serve(hub, settings)
