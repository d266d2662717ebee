"""The frontends process: page, OSC and the socket of `improv ctl`, in one event loop.

Its death costs the music nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import socket

from improv.frontends.settings import FrontendsSettings
from improv.processes import LEFT_TO_THE_ENGINE

NICER = 5  # frontends wait for the music, never the other way round


def frontends_main(engine: socket.socket, settings: FrontendsSettings) -> None:
    """Body of the process, until the engine's end of the socket closes or SIGTERM."""
    for name in LEFT_TO_THE_ENGINE:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):
        os.nice(NICER)
    engine.setblocking(False)
    # Only in this process, not where the music waits to begin: event loop and servers cost 0.1 s to import.
    import asyncio

    from improv.frontends.server.serving import serve

    # Windows' own loop cannot wait for a socket that it did not open.
    with (
        engine,
        contextlib.suppress(asyncio.CancelledError),
        asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as run,
    ):
        run.run(serve(engine, settings))
