"""Whose program is at the other end of a connection on this computer: loopback is open to every user who works on it.

Linux tells the user of each socket in /proc/net, as it would by SO_PEERCRED for a Unix socket. Elsewhere, and for a
socket that is gone already, it counts whether anybody else has an account here.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
from functools import cache
from pathlib import Path
from typing import NamedTuple

FIRST_PERSON, LAST_PERSON = 1000, 60_000  # user ids of people; 501 and above where Apple counts
NO_SHELLS = ("nologin", "false", "sync", "halt", "shutdown")
PROC_NET = Path("/proc/net")


class Peer(NamedTuple):
    """An address on this computer, as asyncio gives it."""

    host: str
    port: int


def is_users_own(peer: Peer, protocol: str) -> bool:
    """Whether a program of this user, or of the administrator, sends from there. protocol: tcp or udp."""
    owner = owner_of(peer, protocol)
    if owner is None:
        return not others_work_here()
    return owner in (0, os.getuid())


def owner_of(peer: Peer, protocol: str) -> int | None:
    """The user id behind a socket of this computer, or None where that cannot be known."""
    wanted = _as_in_proc(peer)
    for table in (protocol, f"{protocol}6"):
        with contextlib.suppress(OSError):
            for line in (PROC_NET / table).read_text().splitlines()[1:]:
                fields = line.split()
                if len(fields) > 7 and fields[1] in wanted:
                    return int(fields[7])
    return None


@cache
def others_work_here() -> bool:
    """Whether another person has an account on this computer. Without a list of accounts (Windows): nobody has."""
    try:
        import pwd
    except ImportError:
        return False
    people = (one for one in pwd.getpwall() if FIRST_PERSON <= one.pw_uid <= LAST_PERSON or 501 <= one.pw_uid < 600)
    return any(one.pw_uid != os.getuid() and not one.pw_shell.endswith(NO_SHELLS) for one in people)


def _as_in_proc(peer: Peer) -> set[str]:
    """As /proc/net writes it: 32-bit words in the order of this processor. A UDP socket may be bound to any address."""
    try:
        address = ipaddress.ip_address(peer.host.partition("%")[0])
    except ValueError:
        return set()
    mapped = getattr(address, "ipv4_mapped", None)
    addresses = [address] if mapped is None else [address, mapped]
    if isinstance(address, ipaddress.IPv4Address):
        addresses.append(ipaddress.IPv6Address(f"::ffff:{address}"))
    anywhere = [type(one)(0) for one in addresses]
    return {f"{_words(one)}:{peer.port:04X}" for one in [*addresses, *anywhere]}


def _words(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    packed = address.packed
    return "".join(packed[at : at + 4][::-1].hex() for at in range(0, len(packed), 4)).upper()
