"""As much of the alsa-midi package as the driver uses, on a sequencer of its own, for kernels without one."""

from __future__ import annotations

import importlib
import itertools
import os
from typing import Any, NamedTuple

import pytest

from improv.clock import Clock, SystemClock


class RealTime(NamedTuple):
    """Seconds and nanoseconds of a queue."""

    seconds: int
    nanoseconds: int


class ALSAError(Exception):
    """What the package raises."""


class SubscriptionQueryType:
    READ, WRITE = 0, 1


class Thing:
    """A record of whatever is asked for by name."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


class MidiBytesEvent:
    def __init__(self, midi_bytes: bytes, time: RealTime | None = None, relative: bool = False) -> None:
        self.midi_bytes, self.time = midi_bytes, time


class FakeSequencer:
    """The kernel's part. Stands in for the module `alsa_midi` once installed."""

    READ_PORT, WRITE_PORT = 1, 2
    RealTime, ALSAError, MidiBytesEvent, SubscriptionQueryType = (
        RealTime,
        ALSAError,
        MidiBytesEvent,
        SubscriptionQueryType,
    )

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        self.began_s = self.clock.now()
        self.clients: dict[int, FakeClient] = {}
        self.links: set[tuple[tuple[int, int], tuple[int, int]]] = set()
        self.sent: list[tuple[int, bytes]] = []
        self.broken = False
        self._numbers = itertools.count(128)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> FakeSequencer:
        real = importlib.import_module
        monkeypatch.setattr(importlib, "import_module", lambda name: self if name == "alsa_midi" else real(name))
        return self

    def SequencerClient(self, name: str) -> FakeClient:  # noqa: N802 - the package's own name
        if self.broken:
            raise ALSAError("No such file or directory")
        client = FakeClient(self, name, next(self._numbers))
        self.clients[client.client_id] = client
        return client

    def now(self) -> RealTime:
        """Of every queue: it began with the sequencer."""
        ns = round((self.clock.now() - self.began_s) * 1e9)
        return RealTime(ns // 10**9, ns % 10**9)


class FakeClient:
    """A program at the sequencer: ours, or another one."""

    def __init__(self, sequencer: FakeSequencer, name: str, client_id: int) -> None:
        self.sequencer, self.name, self.client_id = sequencer, name, client_id
        self.ports: list[Thing] = []
        self._buffer: list[tuple[MidiBytesEvent, Thing]] = []
        self.heard: list[tuple[RealTime | None, bytes]] = []
        self._fd, self._bell = os.pipe()

    def create_queue(self, name: str) -> Thing:
        return Thing(queue_id=0, start=lambda: None)

    def drain_output(self) -> int:
        for event, port in self._buffer:
            self._send(event, port)
        self._buffer.clear()
        return 0

    def get_queue_status(self, queue_id: int) -> Thing:
        self._check()
        return Thing(real_time=self.sequencer.now())

    def get_client_info(self) -> None:
        self._check()

    def create_port(self, name: str, caps: int, **stamping: object) -> Thing:
        port = Thing(client_name=self.name, client_id=self.client_id, name=name, port_id=len(self.ports), caps=caps)
        self.ports.append(port)
        return port

    def list_ports(self, *, output: bool, **other: object) -> list[Thing]:
        self._check()
        wanted = FakeSequencer.WRITE_PORT if output else FakeSequencer.READ_PORT
        return [port for client in self.sequencer.clients.values() for port in client.ports if port.caps & wanted]

    def subscribe_port(self, sender: tuple[int, int], dest: tuple[int, int]) -> None:
        self.sequencer.links.add((sender, dest))

    def list_port_subscribers(self, port: tuple[int, int], kind: int) -> list[Thing]:
        pairs = self.sequencer.links
        others = [dest for sender, dest in pairs if sender == port] if kind == 0 else [s for s, d in pairs if d == port]
        return [Thing(addr=Thing(client_id=client, port_id=number)) for client, number in others]

    def event_output(self, event: MidiBytesEvent, queue: Thing, port: Thing) -> None:
        self._check()
        self._buffer.append((event, port))

    def _send(self, event: MidiBytesEvent, port: Thing) -> None:
        assert event.time is not None
        self.sequencer.sent.append((event.time.seconds * 10**9 + event.time.nanoseconds, event.midi_bytes))
        for sender, (client, _) in self.sequencer.links:
            if sender == (self.client_id, port.port_id):
                self.sequencer.clients[client].hear(event.time, event.midi_bytes)

    def hear(self, at: RealTime | None, message: bytes) -> None:
        self.heard.append((at, message))
        os.write(self._bell, b"!")

    def event_input_pending(self, fetch: bool) -> int:
        return len(self.heard)

    def event_input(self, prefer_bytes: bool) -> MidiBytesEvent:
        os.read(self._fd, 1)
        at, message = self.heard.pop(0)
        return MidiBytesEvent(message, at)

    def close(self) -> None:
        del self.sequencer.clients[self.client_id]
        self.sequencer.links = {pair for pair in self.sequencer.links if self.client_id not in (pair[0][0], pair[1][0])}
        os.close(self._fd)
        os.close(self._bell)

    def _check(self) -> None:
        if self.sequencer.broken:
            raise ALSAError("No such device")
