"""Puts the frontends together: who is asked for in the settings, and what they share."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from improv.clock import SystemClock, wall_clock
from improv.errors import InputError
from improv.frontends.ctl.server import CtlServer
from improv.frontends.server.access import AccessControl, Credentials
from improv.frontends.server.addresses import ANYWHERE, in_url, is_local
from improv.frontends.server.announcing import OSC, OSCQUERY, PAGE, Service, announce
from improv.frontends.server.broker import Broker
from improv.frontends.server.paired_devices import Devices
from improv.frontends.server.pairing import Pairing
from improv.frontends.server.visitors import Visitors
from improv.frontends.settings import FrontendsSettings
from improv.processes import Backoff

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from improv.frontends.osc.server import OscServer
    from improv.frontends.web.answers import Requests

END_WITHIN_S = 1.5  # the engine kills us after 2
LONGEST_WARNING = 400
LOOK_EVERY_S, NETWORK_AGAIN_S = 0.2, 60.0  # until the ports are open; until mDNS is tried again


class Frontends:
    """Every frontend of one process."""

    def __init__(self, engine: socket.socket, settings: FrontendsSettings) -> None:
        self._settings = settings
        self.clock = SystemClock()
        self.broker = Broker(engine, self.clock)
        token = settings.token or _kept_token(settings.data_folder)
        kept = Path(settings.data_folder) / "devices.json" if settings.data_folder else None
        self._credentials = Credentials(token, self.clock, Devices(kept, token, wall_clock))
        self.pairing = Pairing(self._credentials, lambda: self._page, settings.names, settings.address)
        self._page = ("", 0)
        self._visitors = Visitors(pages=settings.visiting_pages, osc=settings.visiting_osc, curators=settings.curators)
        self._requests: Requests | None = None
        self.osc: OscServer | None = None
        self.query_port = 0
        """Of OSCQuery, as soon as it is served."""

    async def run(self) -> None:
        """Serve until the engine is gone."""
        settings = self._settings
        servers = [asyncio.create_task(self._kept_up(name, serve)) for name, serve in self._servers(settings)]
        try:
            await self.broker.run()
        finally:
            self.broker.lose()
            if self._requests is not None:
                await self._requests.end()
            for server in servers:
                server.cancel()
            if servers:
                await asyncio.wait(servers, timeout=END_WITHIN_S)

    async def _kept_up(self, name: str, serve: Callable[[], Coroutine[None, None, None]]) -> None:
        """Serve for ever: a frontend that fails is told of and served again, the others do not notice."""
        backoff = Backoff()
        while True:
            backoff.started(self.clock.now())
            try:
                await serve()
                return
            except Exception as error:
                wait_s = max(backoff.failed(self.clock.now()) - self.clock.now(), 0.0)
                text = f"{type(error).__name__}: {error}"[:LONGEST_WARNING]
                when = f"in {wait_s:.2g} s" if wait_s else "at once"
                self.broker.say(f"failed_{name}", f"{name} failed ({text}) and is served again {when}.", "error")
            await asyncio.sleep(wait_s)

    def _servers(self, settings: FrontendsSettings) -> Iterator[tuple[str, Callable[[], Coroutine[None, None, None]]]]:
        if settings.web:
            yield "the page", lambda: self._web(settings)
        if settings.osc:
            yield "OSC", lambda: self._osc(settings)
        if settings.mdns:
            yield "mDNS", lambda: self._announce(settings)
        if settings.ctl:
            yield "ctl", lambda: CtlServer(self.broker, self.pairing).serve(settings)

    async def _announce(self, settings: FrontendsSettings) -> None:
        """By mDNS, what other computers can reach, as soon as it is served."""
        while True:
            while (services := self._reachable(settings)) is None:
                await asyncio.sleep(LOOK_EVERY_S)
            try:
                await announce(settings.name, services)
            except InputError as error:  # no package, no network yet
                self.broker.say("mdns", f"{error}. The music goes on.")
            await asyncio.sleep(NETWORK_AGAIN_S)

    def _reachable(self, settings: FrontendsSettings) -> list[Service] | None:
        """What is open to other computers; None while a port of it is not open yet."""
        found = []
        if settings.web and not is_local(settings.host):
            found.append(Service(PAGE, settings.host, self._page[1]))
        if settings.osc and not is_local(settings.osc_host):
            found.append(Service(OSCQUERY, settings.osc_host, self.query_port))
            found.append(Service(OSC, settings.osc_host, self.osc.port if self.osc is not None else 0))
        return None if any(not service.port for service in found) else found

    async def _web(self, settings: FrontendsSettings) -> None:
        from improv.frontends.web import app as web

        app = web.application(self.broker, self._credentials, self.pairing, settings, self._visitors)
        guarded = AccessControl(
            app,
            self.broker,
            self.clock,
            self._credentials,
            settings.names,
            way_in=self.pairing.WAY_IN,
            address=settings.address,
            kept_from=self._visitors.kept_from,
        )
        await web.serve(
            self.broker, self._answering(guarded), "web", settings.host, settings.port, self._served, settings.proxies
        )

    async def _osc(self, settings: FrontendsSettings) -> None:
        from improv.frontends.osc import query
        from improv.frontends.osc import server as osc
        from improv.frontends.web import app as web

        loop = asyncio.get_running_loop()
        server = self.osc = osc.OscServer(
            self.broker, settings.osc_allow, verbose=settings.osc_verbose, visitors=self._visitors
        )
        while True:
            try:
                address = (settings.osc_host, settings.osc_port)
                transport, _ = await loop.create_datagram_endpoint(lambda: server, local_addr=address)
                break
            except OSError as error:
                self.broker.say("port_osc", web.cannot_open("osc", *address, error))
                await asyncio.sleep(web.RETRY_S)
        self.broker.say("osc", f"OSC: {settings.osc_host}:{server.port}", "info")
        app = query.application(self.broker, server, settings.name, lambda: self.query_port)
        guarded = AccessControl(app, self.broker, self.clock, self._credentials, settings.names, settings.osc_allow)
        try:
            await web.serve(
                self.broker,
                self._answering(guarded),
                "osc",
                settings.osc_host,
                settings.osc_query_port,
                self._query_served,
            )
        finally:
            transport.close()

    def _answering(self, app: ASGIApp) -> ASGIApp:
        """With an answer for each request that is under way when the engine is gone."""
        from improv.frontends.web.answers import Requests

        self._requests = self._requests or Requests()
        return self._requests.answering(app)

    def _query_served(self, host: str, port: int) -> None:
        self.query_port = port

    def _served(self, host: str, port: int) -> None:
        self._page = (host, port)
        shown = "127.0.0.1" if host in ANYWHERE else in_url(host)
        public = f", for others {self._settings.address}" if self._settings.address else ""
        elsewhere = "; `improv link` lets another device in" if public or not is_local(host) else ""
        self.broker.say("page", f"page: http://{shown}:{port}{public}{elsewhere}", "info")


class _ToTheEngine(logging.Handler):
    """What a library warns of goes into the engine's log, each logger once a minute, instead of across its panel."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(logging.WARNING)
        self._broker = broker

    def emit(self, record: logging.LogRecord) -> None:
        self._broker.say(f"log_{record.name}", f"{record.name}: {record.getMessage()}"[:LONGEST_WARNING])


async def serve(engine: socket.socket, settings: FrontendsSettings) -> None:
    """Serve until the engine is gone."""
    frontends = Frontends(engine, settings)
    logging.getLogger().addHandler(_ToTheEngine(frontends.broker))
    await frontends.run()


def _kept_token(folder: str) -> str:
    """The token in the user's data folder, made when it is missing; without a folder one for this run."""
    token = secrets.token_urlsafe(24)
    if not folder:
        return token
    path = Path(folder) / "token"
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(token + "\n")
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return path.read_text("ascii").strip() or token
    return token
