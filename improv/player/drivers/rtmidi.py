"""ALSA, JACK, CoreMIDI and WinMM through python-rtmidi.

Input is polled: a callback would need the interpreter lock inside the driver's own thread.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import select
import socket
from typing import Any

from improv.errors import PortError
from improv.player.drivers.arrival_clock import ArrivalClock
from improv.player.drivers.base import MidiSystemError
from improv.player.drivers.opening import opening, quiet_stderr
from improv.player.drivers.rtmidi_port import RtMidiPort
from improv.player.drivers.wiring import Wiring, wiring
from improv.player.protocol import PlayerSettings

API_NAMES = {1: "CoreMIDI", 2: "ALSA", 3: "JACK", 4: "WinMM"}  # RtMidi's numbers
COREMIDI, ALSA, JACK, WINMM = API_NAMES
MOST_PER_POLL = 256  # messages taken in one go, so that a flood at the input cannot hold the notes up
JACK_SETTLE_S = 0.1  # two periods of 2048 frames at 48 kHz, rounded up


def load_rtmidi() -> Any:
    """The rtmidi module, imported late: on Linux it needs libasound, and it costs 10 ms."""
    try:
        return importlib.import_module("rtmidi")
    except ImportError as error:
        raise MidiSystemError(
            f"python-rtmidi cannot be loaded ({error}); on Debian `sudo apt install libasound2` gives what it needs."
        ) from error


def open_sockets() -> set[int]:
    """File descriptors of this process that are sockets (Linux; elsewhere none are found)."""
    found = set()
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):  # the one that lists them is closed again
                if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                    found.add(int(name))
    return found


def jack_sockets(candidates: set[int]) -> list[socket.socket]:
    """Copies of those sockets that lead to a JACK server; they hang up when it dies."""
    copies = [socket.socket(fileno=os.dup(descriptor)) for descriptor in candidates]
    for copy in [copy for copy in copies if not _is_jack(copy)]:
        copies.remove(copy)
        copy.close()
    return copies


def _is_jack(connection: socket.socket) -> bool:
    try:
        peer = connection.getpeername()
    except OSError:
        return False
    return isinstance(peer, str) and os.path.basename(peer).startswith("jack_")


def jack_period_s() -> float:
    """Length of the JACK server's period, asked through the JACK-Client package; 0 where that is not installed."""
    try:
        jack: Any = importlib.import_module("jack")
        client = jack.Client("BrainMusic period", no_start_server=True)
    except Exception:  # not installed, no libjack, no server: then the period is not known
        return 0.0
    period_s = float(client.blocksize / client.samplerate)
    client.close()
    return period_s


class RtMidiDriver:
    """Implements `Driver`. Nothing is opened before `open()`."""

    def __init__(self, api: int, settings: PlayerSettings) -> None:
        self.name = API_NAMES[api]
        self.settle_s = JACK_SETTLE_S if api == JACK else 0.0
        self.lead_s = 0.0
        self.arrivals = -1
        self.gone = False  # rtmidi never tells
        self._api = api
        self._settings = settings
        self._virtual_ports = api != WINMM
        self._output: RtMidiPort | None = None
        self._input: RtMidiPort | None = None
        self._server: list[socket.socket] = []
        self._wiring: Wiring | None = None
        self._arrival_clock = ArrivalClock()
        self._early_s = 0.0  # half of a JACK period: all of its messages are handed over when it begins

    @property
    def output_name(self) -> str:
        return self._output.name if self._output else ""

    @property
    def input_name(self) -> str:
        return self._input.name if self._input else ""

    def open(self) -> None:
        with opening(self, OSError):  # rtmidi's errors are OSErrors
            self._open()

    def _open(self) -> None:
        rtmidi, name = load_rtmidi(), self._settings.virtual_port_name
        if self._virtual_ports and not (self._settings.output_port and self._settings.input_port):
            self._wiring = wiring(self.name, name, self._settings.connections, self._settings.input_connections)
        if self._api == JACK and self._settings.with_input:
            # Each client more that is opened costs up to a quarter of a second in which there is no music.
            self._early_s = (self._wiring.period_s if self._wiring is not None else jack_period_s()) / 2
        others = open_sockets()
        output = self._output = RtMidiPort(rtmidi.MidiOut(self._api, name=name), "output", name)
        output.resolve(self._settings.output_port)
        if not (self._virtual_ports or output.peer):
            raise PortError(self._choose_a_port(output.names()))
        if self._settings.with_input and (self._virtual_ports or self._settings.input_port):
            client = rtmidi.MidiIn(self._api, name=f"{name} in")
            self._input = RtMidiPort(client, "input", name)
            self._input.resolve(self._settings.input_port)
            client.ignore_types(sysex=True, timing=False, active_sense=True)
            self._input.open()
        output.open()
        self._server = jack_sockets(open_sockets() - others) if self._api == JACK else []
        if self._wiring is not None:
            self._wiring.opened()

    def close(self) -> None:
        """Input first. Afterwards the clients are gone for good: a send after close would crash the process."""
        with quiet_stderr():
            for port in (self._input, self._output):
                if port is not None:
                    port.close()
        self._input = self._output = None
        for connection in self._server:
            connection.close()
        self._server = []
        if self._wiring is not None:
            with quiet_stderr():
                self._wiring.close()
            self._wiring = None

    def send(self, message: bytes, due_s: float | None = None) -> None:
        if self._output is None:
            return
        try:
            self._output.client.send_message(message)
        except OSError:  # WinMM, when the device was unplugged; check() opens it again
            self._output.connected = False

    def receive(self, now_s: float) -> list[tuple[float, bytes]]:
        messages: list[tuple[float, bytes]] = []
        while self._input is not None and len(messages) < MOST_PER_POLL:
            arrived = self._input.client.get_message()
            if arrived is None:
                break
            message, since_last_s = arrived
            at_s = self._arrival_clock.arrived_s(now_s, since_last_s) + self._early_s
            messages.append((at_s, bytes(message)))
        return messages

    def outputs(self) -> list[str]:
        return self._output.names() if self._output else []

    def inputs(self) -> list[str]:
        return self._input.names() if self._input else []

    def connections(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """As another client sees them: rtmidi does not tell who is connected to a virtual port."""
        if self._wiring is None:
            return (), ()
        outputs, inputs = self._wiring.connections()
        return () if self._settings.output_port else outputs, () if self._settings.input_port else inputs

    def check(self) -> str:
        if self._server_hung_up():
            raise MidiSystemError("The JACK server is gone.")
        if self._wiring is not None:
            self._wiring.look()
        try:
            return " ".join(filter(None, (port.check() for port in (self._output, self._input) if port)))
        except OSError as error:
            raise MidiSystemError(f"{self.name} failed: {error}") from error

    def _server_hung_up(self) -> bool:
        """rtmidi does not tell when the JACK server dies, and its 2,340th send after that never returns."""
        if not self._server:
            return False
        watch = select.poll()
        for connection in self._server:
            watch.register(connection, select.POLLHUP)
        return bool(watch.poll(0))

    def _choose_a_port(self, names: list[str]) -> str:
        if not names:
            return f"{self.name} has no virtual MIDI ports, and no MIDI output is there to play to."
        return (
            f"{self.name} has no virtual MIDI ports: choose one of {', '.join(names)}, "
            f"for instance with -o midi.output={names[0]!r}."
        )
