"""Who is connected to the virtual ports of a driver that does not tell: asked of the MIDI system by another client.

What was connected to a player that died is connected to the next one, as the drivers do that can tell by themselves.
"""

from __future__ import annotations

import contextlib
from collections import deque
from typing import Any, Protocol

from improv.player.drivers.alsa import load_alsa
from improv.player.drivers.base import MidiSystemError
from improv.player.drivers.jack import load_jack
from improv.player.drivers.port_labels import PortLabels
from improv.player.drivers.port_peer import Connections

REMEMBERED = 256  # ports that appeared between two looks


class System(Protocol):
    """What is asked of a MIDI system. An address is how the system knows a port now; its name is what stays."""

    errors: tuple[type[Exception], ...]
    """What its calls may raise."""
    period_s: float
    """For so long it gathers messages before it hands them over all at once; 0 where it does not."""

    def ports(self, *, sources: bool) -> dict[str, str]:
        """Address -> name of all ports that others can read from (sources), or write to."""
        ...

    def appeared(self) -> list[str]:
        """Names of ports that came since the last call, as far as the system tells."""
        ...

    def connected(self, address: str, *, is_source: bool) -> list[str]:
        """Addresses of what a port is connected to."""
        ...

    def connect(self, source: str, sink: str) -> None:
        """Connect two ports, by address."""
        ...

    def close(self) -> None:
        """Leave the system. May be called twice."""
        ...


class Wiring:
    """The connections of one output and one input of ours. To be made before those ports are opened.

    own: part of their names. outputs, inputs: what they were connected to before. Nothing here raises: a system that
    does not answer leaves the connections untold.
    """

    def __init__(self, system: System, own: str, outputs: tuple[str, ...] = (), inputs: tuple[str, ...] = ()) -> None:
        self._system, self._own = system, own
        self._connections = {True: Connections(outputs), False: Connections(inputs)}
        self._labels = {True: PortLabels[str](), False: PortLabels[str]()}
        self._seen: dict[bool, dict[str, str]] = {True: {}, False: {}}  # by label, as of the last look
        self._ends: dict[bool, str] = {}
        self._before: set[str] = set()
        with contextlib.suppress(*system.errors):
            self._before = {address for sources in (True, False) for address in system.ports(sources=sources)}

    @property
    def period_s(self) -> float:
        """For so long the system gathers messages before it hands them over all at once."""
        return self._system.period_s

    def opened(self) -> None:
        """Our ports are there now: they are those of our name that are new."""
        with contextlib.suppress(*self._system.errors):
            for is_output in (True, False):
                new = [
                    address
                    for address, name in self._system.ports(sources=is_output).items()
                    if address not in self._before and self._own in name
                ]
                if len(new) == 1:
                    self._ends[is_output] = new[0]
        self.look()

    def connections(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names of what our output and our input are connected to, or will be as soon as it is there."""
        return self._connections[True].wanted, self._connections[False].wanted

    def look(self) -> None:
        """About twice a second: see what people connected, and connect what came back."""
        with contextlib.suppress(*self._system.errors):
            told = self._system.appeared()
            for is_output, end in self._ends.items():
                self._look_at(is_output, end, told)

    def _look_at(self, is_output: bool, end: str, told: list[str]) -> None:
        system, ours = self._system, set(self._ends.values())
        others = {a: name for a, name in system.ports(sources=not is_output).items() if a not in ours}
        there = self._labels[is_output].look(others)
        labels = {address: label for label, address in there.items()}
        before, self._seen[is_output] = self._seen[is_output], there
        appeared = [name for name, address in there.items() if before.get(name, address) != address] + told
        connected = [labels[address] for address in system.connected(end, is_source=is_output) if address in others]
        for name in self._connections[is_output].look(connected, there, appeared):
            with contextlib.suppress(*system.errors):  # it went away again, or refuses: no harm to the rest
                system.connect(*((end, there[name]) if is_output else (there[name], end)))

    def close(self) -> None:
        """Leave the system."""
        with contextlib.suppress(*self._system.errors):
            self._system.close()


class AlsaSystem:
    """Implements `System` through the alsa-midi package. MidiSystemError where that or the sequencer is missing."""

    def __init__(self, name: str) -> None:
        self._alsa = load_alsa()
        self.period_s = 0.0
        self.errors = (self._alsa.ALSAError, OSError)
        try:
            self._client: Any = self._alsa.SequencerClient(name)
        except self.errors as error:
            raise MidiSystemError(f"ALSA cannot be asked: {error}") from error

    def ports(self, *, sources: bool) -> dict[str, str]:
        listed = self._client.list_ports(output=not sources, input=sources, type=0, sort=False)
        return {f"{port.client_id}:{port.port_id}": f"{port.client_name}:{port.name}" for port in listed}

    def appeared(self) -> list[str]:
        return []  # an address is never used again so soon

    def connected(self, address: str, *, is_source: bool) -> list[str]:
        kinds = self._alsa.SubscriptionQueryType
        found = self._client.list_port_subscribers(_numbers(address), kinds.READ if is_source else kinds.WRITE)
        return [f"{one.addr.client_id}:{one.addr.port_id}" for one in found]

    def connect(self, source: str, sink: str) -> None:
        self._client.subscribe_port(_numbers(source), _numbers(sink))

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _numbers(address: str) -> tuple[int, int]:
    client, _, port = address.partition(":")
    return int(client), int(port)


class JackSystem:
    """Implements `System` through the JACK-Client package. MidiSystemError where that or the server is missing."""

    def __init__(self, name: str) -> None:
        jack = load_jack()
        self.errors = (jack.JackError, OSError)
        self._appeared: deque[str] = deque(maxlen=REMEMBERED)
        try:
            self._client: Any = jack.Client(name, no_start_server=True)
            self._client.set_port_registration_callback(self._registered)
            self._client.activate()
            self.period_s = float(self._client.blocksize / self._client.samplerate)
        except self.errors as error:
            raise MidiSystemError(f"JACK cannot be asked: {error}") from error

    def ports(self, *, sources: bool) -> dict[str, str]:
        found = self._client.get_ports(is_midi=True, is_output=sources, is_input=not sources)
        return {port.name: port.name for port in found}

    def appeared(self) -> list[str]:
        return [self._appeared.popleft() for _ in range(len(self._appeared))]

    def connected(self, address: str, *, is_source: bool) -> list[str]:
        return [port.name for port in self._client.get_all_connections(address)]

    def connect(self, source: str, sink: str) -> None:
        self._client.connect(source, sink)

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _registered(self, port: Any, register: bool) -> None:
        """Called by JACK's thread."""
        if register:
            self._appeared.append(port.name)


def wiring(kind: str, own: str, outputs: tuple[str, ...], inputs: tuple[str, ...]) -> Wiring | None:
    """For virtual ports of ours in the system called so (API_NAMES), or None where nobody can be asked."""
    makers: dict[str, Any] = {"ALSA": AlsaSystem, "JACK": JackSystem}
    if kind not in makers:
        return None
    try:
        return Wiring(makers[kind](f"{own} ports"), own, outputs, inputs)
    except MidiSystemError:
        return None
