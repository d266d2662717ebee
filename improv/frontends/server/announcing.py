"""Page, OSC and OSCQuery announced in the local network by mDNS (Bonjour, Avahi), so that nobody types an address."""

from __future__ import annotations

import asyncio
import importlib
import socket
from collections.abc import Iterable
from typing import Any, NamedTuple

from improv.errors import InputError
from improv.frontends.server.addresses import reachable

PAGE, OSCQUERY, OSC = "_http._tcp.local.", "_oscjson._tcp.local.", "_osc._udp.local."
LONGEST_LABEL = 63  # bytes of a name in DNS
NEEDS = "mDNS needs the package zeroconf: pip install 'brainmusic[mdns]'"


class Service(NamedTuple):
    """What is announced: kind is one of PAGE, OSCQUERY, OSC; host the address that is listened at."""

    kind: str
    host: str
    port: int


def label(name: str, computer: str) -> str:
    """The name that people see: which program on which computer; without the dots that part labels."""
    told = f"{name} on {computer.partition('.')[0]}".replace(".", " ")
    return told.encode()[:LONGEST_LABEL].decode(errors="ignore").strip()


async def announce(name: str, services: Iterable[Service]) -> None:
    """Announce services until cancelled, then take them back. InputError where that cannot be done.

    A name that another computer has already gets a number.
    """
    try:
        zeroconf: Any = importlib.import_module("zeroconf")
        asynchronous: Any = importlib.import_module("zeroconf.asyncio")
    except ImportError:
        raise InputError(NEEDS) from None
    computer = socket.gethostname()
    try:
        network = asynchronous.AsyncZeroconf(ip_version=zeroconf.IPVersion.V4Only)
    except OSError as error:
        raise InputError(f"mDNS cannot be used here: {error.strerror or error}") from error
    try:
        for service in services:
            info = asynchronous.AsyncServiceInfo(
                service.kind,
                f"{label(name, computer)}.{service.kind}",
                parsed_addresses=numeric(service.host),
                port=service.port,
                properties={"path": "/"} if service.kind == PAGE else {},
                server=f"{computer.partition('.')[0]}.local.",
            )
            await network.async_register_service(info, allow_name_change=True)
        await asyncio.Event().wait()
    except OSError as error:
        raise InputError(f"mDNS cannot be used here: {error.strerror or error}") from error
    finally:
        await network.async_unregister_all_services()
        await network.async_close()


def numeric(host: str) -> list[str]:
    """IPv4 addresses at which what listens at `host` is reached."""
    found = [address.host for address in reachable(host)]
    return [one for one in found if one.count(".") == 3 and one.replace(".", "").isdigit()]
