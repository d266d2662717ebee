"""Where this computer is reached from the network: one address for each network that it is in."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from typing import NamedTuple

import ifaddr

ANYWHERE = ("0.0.0.0", "::", "")
BRIDGES = ("docker", "br-", "veth", "virbr", "vmnet", "vboxnet", "podman", "cni", "lxc")  # to machines inside this one


class Address(NamedTuple):
    """host: as it stands in an address on the web. network: the name of the network adapter, or empty."""

    host: str
    network: str = ""


def is_local(host: str) -> bool:
    """Whether only this computer can come in there."""
    return host in ("127.0.0.1", "::1", "localhost")


def reachable(host: str) -> list[Address]:
    """The addresses of a server that listens at `host`, the one toward the default route first."""
    if host not in ANYWHERE:
        return [Address(in_url(host))]
    wanted = 6 if host == "::" else 4
    found = []
    with contextlib.suppress(OSError):
        for adapter in ifaddr.get_adapters():
            ips = (ip.ip if isinstance(ip.ip, str) else ip.ip[0] for ip in adapter.ips)
            if not adapter.nice_name.startswith(BRIDGES):
                found += [Address(in_url(ip), adapter.nice_name) for ip in ips if _is_useful(ip, wanted)]
    first = in_url(_toward_the_network(wanted))
    if first and first not in [address.host for address in found]:
        found.append(Address(first))
    return sorted(found, key=lambda address: address.host != first) or [Address(socket.gethostname())]


def in_url(host: str) -> str:
    """An IPv6 address stands in brackets."""
    return f"[{host}]" if ":" in host else host


def _is_useful(ip: str, version: int) -> bool:
    """Not loopback; not an IPv6 address that says its adapter as well, which browsers do not take."""
    try:
        address = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return False
    return address.version == version and not address.is_loopback and not (version == 6 and address.is_link_local)


def _toward_the_network(version: int) -> str:
    """This computer's address towards the network; nothing is sent to find it."""
    family, far = (socket.AF_INET6, "2001:db8::1") if version == 6 else (socket.AF_INET, "192.0.2.1")
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((far, 9))  # an address for documentation (RFC 5737, RFC 3849)
        return str(probe.getsockname()[0])
    return ""
