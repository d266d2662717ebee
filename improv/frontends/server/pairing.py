"""Pairing: the links that let another device in, and the list of those that are in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from improv.frontends.server.access import ONE_TIME_TOKEN_LIVES_S, Credentials
from improv.frontends.server.addresses import Address, is_local, reachable
from improv.frontends.server.paired_devices import ROLES
from improv.frontends.server.peer import others_work_here


class Pairing:
    """page: host and port at which the page is served; port 0: it is not. names: of this computer in the network.

    address: where a server in front gives the page to others, ending in "/"; empty: there is none.
    """

    WAY_IN = "/enter"

    def __init__(
        self,
        credentials: Credentials,
        page: Callable[[], tuple[str, int]],
        names: Iterable[str] = (),
        address: str = "",
    ) -> None:
        self._credentials, self._page, self._names, self._address = credentials, page, tuple(names), address

    def links(self) -> dict[str, Any]:
        """A way in that is good once, written with each address of the page; or why there is none.

        {"links": [{"address", "network", "link"}], "minutes", "trouble"}.
        """
        host, port = self._page()
        if not port:
            return _none("the page is not served (web.enabled, or its port is taken)")
        if is_local(host) and not self._address and not others_work_here():  # whose browser it is: not told everywhere
            return _none(
                f"the page is open to this computer only, at http://{host}:{port}; other devices come in after "
                "`improv config --set web.host=0.0.0.0` and a new start"
            )
        token = self._credentials.one_time_token()
        there = [] if is_local(host) else [Address(name) for name in self._names]
        hidden = self._address and is_local(host)  # who comes by the server in front has no other way
        own = [] if hidden else [*reachable(host), *there]
        bases = [(f"http://{address.host}:{port}/", address.network) for address in own]
        bases = [(self._address, "")] * bool(self._address) + bases
        links = [
            {"address": base.rstrip("/"), "network": network, "link": f"{base}{self.WAY_IN[1:]}#{token}"}
            for base, network in bases
        ]
        return {"links": links, "minutes": ONE_TIME_TOKEN_LIVES_S / 60, "trouble": ""}

    def devices(self) -> list[dict[str, Any]]:
        """Who is let in, the latest first: {"id", "name", "paired", "seen", "connected", "role"}.

        role: curator, visitor, or empty: as the address says.
        """
        return [
            {
                "id": device.device_id,
                "name": device.name,
                "paired": device.paired,
                "seen": device.seen,
                "connected": self._credentials.connected(device.device_id),
                "role": device.role,
            }
            for device in self._credentials.devices.all()
        ]

    def revoke(self, device_id: str) -> bool:
        """Shut a device out at once; whether it was there."""
        return self._credentials.revoke(device_id)

    def give_role(self, device_id: str, role: str) -> str:
        """Make a device a curator's or a visitor's; what is wrong with that, or ""."""
        if role not in ROLES:
            return f"a role must be {' or '.join(ROLES)} (got {role[:60]!r})"
        return "" if self._credentials.give_role(device_id, role) else "that device is not on the list"

    @property
    def fault(self) -> str:
        """Why the list is not on the disk, or empty."""
        return self._credentials.devices.fault


def _none(trouble: str) -> dict[str, Any]:
    return {"links": [], "minutes": 0.0, "trouble": trouble}
