"""What ports are remembered by, where several have one name and addresses change when a device is plugged in again."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, count
from typing import Generic, TypeVar

Address = tuple[int, int]
"""Client and port, as ALSA's sequencer numbers them."""
A = TypeVar("A", Address, str)


class PortLabels(Generic[A]):
    """Gives each address a label and keeps it while the address is there.

    The first port of a name has the name for its label, a twin its name and address. A port that appears under a new
    address takes the label of one of its name that went: it is the same device in another socket.
    """

    def __init__(self) -> None:
        self._names: dict[A, str] = {}
        self._labels: dict[A, str] = {}
        self._left: dict[str, str] = {}  # label of a port that went -> its name, the last one last

    def look(self, there: Mapping[A, str]) -> dict[str, A]:
        """Label -> address of all ports. there: the ports that are there now, with their names."""
        for address in [a for a, name in self._names.items() if there.get(a) != name]:
            label = self._labels.pop(address)
            self._left.pop(label, None)
            self._left[label] = self._names.pop(address)
        for address, name in there.items():
            if address not in self._labels:
                self._names[address], self._labels[address] = name, self._label(address, name)
        return {self._labels[address]: address for address in there}

    def full_name(self, address: A) -> str:
        """Name and address of a port that was there at the last look."""
        return with_address(self._names[address], address)

    def _label(self, address: A, name: str) -> str:
        left = [label for label, its_name in self._left.items() if its_name == name]
        own = with_address(name, address)
        # A port that took the label of one that went may hold the very address of this one as its label.
        candidates = chain(reversed(left), (name, own), (f"{own} ({number})" for number in count(2)))
        label = next(label for label in candidates if label not in self._labels.values())
        self._left.pop(label, None)
        return label


def with_address(name: str, address: Address | str) -> str:
    """As rtmidi names a port."""
    return f"{name} {address if isinstance(address, str) else ':'.join(map(str, address))}"
