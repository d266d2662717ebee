"""ALSA through the alsa-midi package: the kernel's sequencer queue sends each message when it is due.

What was handed over goes out on time even while this process is held up.
"""

from __future__ import annotations

from typing import Any

from improv.clock import Clock, SystemClock
from improv.player.drivers.base import MidiSystemError, is_wanted
from improv.player.drivers.jack_frames import FrameClock
from improv.player.drivers.opening import load_optional, opening
from improv.player.drivers.port_labels import Address, PortLabels
from improv.player.drivers.port_peer import peers_of
from improv.player.drivers.rtmidi_port import find_port
from improv.player.protocol import PlayerSettings

LEAD_S = 0.005  # the process may be held up for so long without anybody hearing it
LOOKS_AT_OPENING = 5
MOST_PER_POLL = 4096
NANOSECONDS = 1_000_000_000


def load_alsa() -> Any:
    """The alsa_midi module, imported late: it is optional and needs libasound."""
    return load_optional("alsa_midi", "alsa-midi")


class AlsaDriver:
    """Implements `Driver`. Nothing is opened before `open()`."""

    name = "ALSA"

    def __init__(self, settings: PlayerSettings, clock: Clock | None = None) -> None:
        self.lead_s, self.settle_s = LEAD_S, 2 * LEAD_S
        self.arrivals = -1
        self.gone = False
        self._settings = settings
        self._clock = clock or SystemClock()
        self._alsa: Any = None
        self._client: Any = None
        self._queue: Any = None
        self._ports: dict[bool, Any] = {}  # True: our output, False: our input
        self._last_ns = 0  # nothing is sent before what was sent before
        self._labels = {True: PortLabels[Address](), False: PortLabels[Address]()}
        self._seen: dict[bool, dict[str, Address]] = {True: {}, False: {}}
        self._peers = peers_of(settings)

    @property
    def output_name(self) -> str:
        return (self._peers[True].name or self._settings.virtual_port_name) if self._client else ""

    @property
    def input_name(self) -> str:
        return (self._peers[False].name or self._settings.virtual_port_name) if False in self._ports else ""

    def connections(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return self._peers[True].virtual(), self._peers[False].virtual()

    def open(self) -> None:
        self._alsa = load_alsa()
        self.gone = False
        with opening(self, self._alsa.ALSAError, OSError):
            self._open()

    def _open(self) -> None:
        alsa, settings, name = self._alsa, self._settings, self._settings.virtual_port_name
        client = self._client = alsa.SequencerClient(name)
        for is_output, wanted in ((True, settings.output_port), (False, settings.input_port)):
            if wanted:
                found = find_port(self._names(is_output), wanted, "output" if is_output else "input")
                addresses = {name: label for label, name in self._full_names(is_output).items()}
                self._peers[is_output].choose(addresses[found])
        self._queue = client.create_queue(name)
        self._queue.start()
        client.drain_output()
        self._times, self._last_ns = FrameClock(NANOSECONDS), 0
        for _ in range(LOOKS_AT_OPENING):
            self._look_at_the_clock()
        self._ports[True] = client.create_port(name, alsa.READ_PORT)
        if settings.with_input:
            self._ports[False] = client.create_port(
                f"{name} in", alsa.WRITE_PORT, timestamping=True, timestamp_real=True, timestamp_queue=self._queue
            )
            self.arrivals = getattr(client, "_fd", -1)  # what its own waiting uses; without it: polled
        self._connect()

    def close(self) -> None:
        """What the kernel has not sent yet is lost; the loop waits for it (`settle_s`) before."""
        client, self._client = self._client, None
        self._ports, self._queue, self.arrivals = {}, None, -1
        if client is not None:
            client.close()

    def send(self, message: bytes, due_s: float | None = None) -> None:
        """Never before what was sent before: a note's end must not overtake its beginning."""
        if self._client is None:
            return
        due_ns = self._times.frame_at(self._clock.now() if due_s is None else due_s)
        self._last_ns = max(self._last_ns, due_ns, 0)
        at = self._alsa.RealTime(self._last_ns // NANOSECONDS, self._last_ns % NANOSECONDS)
        event = self._alsa.MidiBytesEvent(message, time=at, relative=False)
        try:
            self._client.event_output(event, queue=self._queue, port=self._ports[True])
            self._client.drain_output()  # event_output_direct() of 1.0.4 does not send either
        except self._alsa.ALSAError:  # check() tells what it is
            self.gone = True

    def receive(self, now_s: float) -> list[tuple[float, bytes]]:
        """Stamped by the kernel."""
        arrived: list[tuple[float, bytes]] = []
        while self._client is not None and len(arrived) < MOST_PER_POLL:
            try:
                if not self._client.event_input_pending(True):
                    break
                event = self._client.event_input(prefer_bytes=True)
            except self._alsa.ALSAError:  # a flood: the kernel has thrown away what it had no room for
                break
            message = bytes(getattr(event, "midi_bytes", b""))
            if is_wanted(message):
                time = event.time
                at_s = now_s if time is None else self._times.second_at(time.seconds * NANOSECONDS + time.nanoseconds)
                arrived.append((at_s, message))
        return arrived

    def outputs(self) -> list[str]:
        return self._names(True) if self._client else []

    def inputs(self) -> list[str]:
        return self._names(False) if self._client else []

    def check(self) -> str:
        if self._client is None:
            return ""
        try:
            if self.gone:
                self._client.get_client_info()  # raises when the sequencer itself is gone
                self.gone = False
            self._look_at_the_clock()
            return self._connect()
        except (self._alsa.ALSAError, OSError) as error:
            raise MidiSystemError(f"ALSA failed: {error}") from error

    def _look_at_the_clock(self) -> None:
        real = self._client.get_queue_status(self._queue.queue_id).real_time
        self._times.look(self._clock.now(), real.seconds * NANOSECONDS + real.nanoseconds)

    def _connect(self) -> str:
        """Connect to what came back; a sentence when a port that was asked for by name went or is there again."""
        notices = []
        for is_output in self._ports:
            there = self._others(is_output)
            before, self._seen[is_output] = self._seen[is_output], there
            appeared = [name for name, address in there.items() if before.get(name, address) != address]
            connected = self._connected(is_output, there)
            again, notice = self._peers[is_output].look(connected, there, appeared)
            for name in again:
                self._subscribe(is_output, there[name])
            notices.append(notice)
        return " ".join(filter(None, notices))

    def _subscribe(self, is_output: bool, peer: Address) -> None:
        ours = (self._client.client_id, self._ports[is_output].port_id)
        try:
            if is_output:
                self._client.subscribe_port(ours, peer)
            else:
                self._client.subscribe_port(peer, ours)
        except self._alsa.ALSAError:  # it went away again, or refuses: no harm to the rest
            pass

    def _connected(self, is_output: bool, there: dict[str, Address]) -> list[str]:
        kind = self._alsa.SubscriptionQueryType.READ if is_output else self._alsa.SubscriptionQueryType.WRITE
        ours = (self._client.client_id, self._ports[is_output].port_id)
        addresses = {
            (query.addr.client_id, query.addr.port_id) for query in self._client.list_port_subscribers(ours, kind)
        }
        return [name for name, address in there.items() if address in addresses]

    def _others(self, is_output: bool) -> dict[str, Address]:
        """Ports of others that ours could be connected to: label (see `PortLabels`) -> address."""
        return self._labels[is_output].look(
            {
                (port.client_id, port.port_id): f"{port.client_name}:{port.name}"
                for port in self._client.list_ports(output=is_output, input=not is_output, type=0, sort=False)
                if port.client_id != self._client.client_id
            }
        )

    def _full_names(self, is_output: bool) -> dict[str, str]:
        """Label -> name with address, as rtmidi names them."""
        there = self._others(is_output)
        return {label: self._labels[is_output].full_name(address) for label, address in there.items()}

    def _names(self, is_output: bool) -> list[str]:
        return list(self._full_names(is_output).values())
