"""Who comes as a visitor: what a curator locks is refused to them, and what lies on the disk is not theirs.

A paired device may have a role of its own, which goes before its address.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from improv.frontends.server.access import lies_in
from improv.frontends.server.paired_devices import CURATOR, VISITOR

OF_ALL = ("/api/command", "/enter")
"""Where a visitor may send something: commands, which the engine looks at, and the way in."""
OF_THE_CURATOR = ("/api/people", "/api/devices", "/api/pair", "/api/settings", "/api/takes")
"""What a visitor does not even read."""


class Visitors:
    """pages, osc: whether those who come that way are visitors. curators: addresses and networks of those who are not,
    127.0.0.1 for this computer.
    """

    def __init__(self, *, pages: bool = False, osc: bool = False, curators: Iterable[str] = ()) -> None:
        self._pages, self._osc = pages, osc
        self._curators = tuple(ipaddress.ip_network(network) for network in curators)

    def by_page(self, host: str, role: str) -> bool:
        """Whether a page, or a program that speaks HTTP, is a visitor's. host: its address. role: of its device."""
        if role:
            return role == VISITOR
        return self._pages and not lies_in(host, self._curators)

    def by_osc(self, host: str) -> bool:
        """Whether a sender of OSC is a visitor. host: its address."""
        return self._osc and not lies_in(host, self._curators)

    def kept_from(self, host: str, role: str, method: str, path: str) -> bool:
        """Whether a request is none for whoever makes it: visitors read, and command."""
        if not self.by_page(host, role):
            return False
        private = any(path == one or path.startswith(f"{one}/") for one in OF_THE_CURATOR)
        return private or (method not in ("GET", "HEAD") and path not in OF_ALL)


NO_VISITORS = Visitors()


def told(message: Mapping[str, Any], *, visitor: bool) -> Mapping[str, Any] | None:
    """What the engine says, as a page is told it; None: not at all. A visitor's knows nothing of people, and no command
    that is the curator's.
    """
    kind = message.get("kind")
    if kind == "hello":
        message = {**message, "role": VISITOR if visitor else CURATOR}
    if not visitor:
        return message
    if kind == "people":
        return None
    if kind == "hello":
        curators = message.get("curators", ())
        message = {**message, "commands": [row for row in message["commands"] if row["name"] not in curators]}
    return {**message, "state": without_people(message["state"])} if "state" in message else message


def without_people(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """The published state without the person whose session runs."""
    return {**state, "session": ""}
