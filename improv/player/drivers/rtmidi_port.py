"""One MIDI port through python-rtmidi: virtual, or connected to an existing port by name."""

from __future__ import annotations

import contextlib
import re
from typing import Any

from improv.errors import PortError

ALSA_ADDRESS = re.compile(r" \d+:\d+$")  # "Piano:Piano MIDI 1 24:0": the numbers change when it is plugged in again


def plain_name(name: str) -> str:
    return ALSA_ADDRESS.sub("", name)


def find_port(names: list[str], wanted: str, direction: str) -> str:
    """The one name that contains `wanted` (letter case ignored); a whole name wins over a part of others.

    Raises PortError with the names that are there.
    """
    whole = [name for name in names if wanted.lower() in (name.lower(), plain_name(name).lower())]
    matches = whole or [name for name in names if wanted.lower() in name.lower()]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise PortError(f"More than one MIDI {direction} is named like {wanted!r}: {', '.join(matches)}.")
    there = f"there are: {', '.join(names)}" if names else "there is none at all"
    raise PortError(f"No MIDI {direction} is named like {wanted!r}; {there}.")


class RtMidiPort:
    """Client and port of one direction. `client` is an `rtmidi.MidiOut` or `rtmidi.MidiIn`."""

    def __init__(self, client: Any, direction: str, own_name: str) -> None:
        self.client = client
        self.direction = direction
        self.own_name = own_name
        self.peer = ""  # full name of the existing port, empty for a virtual one
        self.connected = False
        self._twins: set[str] = set()  # full names of other ports that are called the same, at the last look

    @property
    def name(self) -> str:
        return self.peer or self.own_name

    def names(self) -> list[str]:
        return list(self.client.get_ports())

    def resolve(self, wanted: str) -> None:
        """Choose the existing port, before any port of ours is open (so that ours is never chosen)."""
        self.peer = find_port(self.names(), wanted, self.direction) if wanted else ""

    def open(self) -> None:
        if self.peer:
            names = self.names()
            self._twins = {name for name in names if plain_name(name) == plain_name(self.peer)} - {self.peer}
            self.client.open_port(names.index(self.peer), self.own_name)
        else:
            self.client.open_virtual_port(self.own_name)
        self.connected = True

    def check(self) -> str:
        """Notice that the peer went, or came back (then connect to it again). A sentence, or empty.

        Of several devices of one name it is the one that was not there when ours went.
        """
        there = self._find_peer()
        if self.connected and there is None:
            self.connected = False
            return f"The MIDI {self.direction} {self.peer!r} is gone; it is used again as soon as it is back."
        if not self.connected and there is not None:
            self.peer = there
            self.client.close_port()  # a connection to a port that was unplugged stays dead until opened anew
            self.open()
            return f"The MIDI {self.direction} {self.name!r} is back."
        return ""

    def close(self) -> None:
        self.connected = False
        with contextlib.suppress(OSError):
            self.client.close_port()
        self.client.delete()

    def _find_peer(self) -> str | None:
        """Full name under which the peer is there now, "" for a virtual port, None when it is not there."""
        if not self.peer:
            return ""
        alike = {name for name in self.names() if plain_name(name) == plain_name(self.peer)}
        if self.connected:
            if self.peer in alike:
                self._twins = alike - {self.peer}
            return self.peer if self.peer in alike else None
        return self.peer if self.peer in alike else min(alike - self._twins, default=None)
