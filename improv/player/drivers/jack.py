"""JACK through the JACK-Client package: every event at its exact frame, the server's end told at once.

The process callback runs in JACK's thread and needs the interpreter lock of the player process, where nobody holds it
for longer than a note takes to send. Deadlines become frames there, cycle by cycle: a server that wakes late loses
count of time, and a mapping made earlier would be wrong by all that it lost since.
"""

from __future__ import annotations

import contextlib
import socket
from collections import deque
from typing import Any

from improv.clock import Clock, SystemClock
from improv.player.drivers.base import MidiSystemError, is_wanted
from improv.player.drivers.jack_frames import FrameClock, unwrap
from improv.player.drivers.opening import load_optional, opening, quiet_stderr
from improv.player.drivers.port_peer import peers_of
from improv.player.drivers.rtmidi_port import find_port
from improv.player.protocol import PlayerSettings

INCOMING = 4096  # messages kept between two polls: a flood at the input loses its oldest
SETTLE_PERIODS = 3  # until what was written has reached the others, in either mode of the server
LONGEST_CLOSE_S = 0.5  # a server that stands still is not waited for


def load_jack() -> Any:
    """The jack module, imported late: it is optional and needs libjack."""
    return load_optional("jack", "JACK-Client")


class JackDriver:
    """Implements `Driver`. Nothing is opened before `open()`."""

    name = "JACK"

    def __init__(self, settings: PlayerSettings, clock: Clock | None = None) -> None:
        self.lead_s = self.settle_s = 0.0  # close() itself waits
        self.arrivals = -1
        self._bell: tuple[socket.socket, socket.socket] | None = None  # what is written to the second wakes the first
        self._rung = False
        self.gone = False
        self._settings = settings
        self._clock = clock or SystemClock()
        self._client: Any = None
        self._out: Any = None
        self._in: Any = None
        self._outgoing: deque[tuple[float | None, bytes]] = deque()  # (when, message), in the order of sending
        self._cycles = 0  # that ran so far
        self._frame = 0  # the first of the present cycle, without the counter's limit
        self._incoming: deque[tuple[float, bytes]] = deque(maxlen=INCOMING)
        self._appeared: deque[str] = deque(maxlen=INCOMING)
        self._peers = peers_of(settings)

    @property
    def output_name(self) -> str:
        return (self._peers[True].name or self._settings.virtual_port_name) if self._client else ""

    @property
    def input_name(self) -> str:
        return (self._peers[False].name or self._settings.virtual_port_name) if self._client and self._in else ""

    def connections(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return self._peers[True].virtual(), self._peers[False].virtual()

    def open(self) -> None:
        jack = load_jack()
        self.gone = False
        with opening(self, jack.JackError, OSError):
            self._client = jack.Client(self._settings.virtual_port_name, no_start_server=True)
            self._open()

    def _open(self) -> None:
        client, name, settings = self._client, self._settings.virtual_port_name, self._settings
        for is_output, wanted in ((True, settings.output_port), (False, settings.input_port)):
            if wanted:
                direction = "output" if is_output else "input"
                self._peers[is_output].choose(find_port(self._names(is_output), wanted, direction))
        self._out = client.midi_outports.register(name)
        self._in = client.midi_inports.register(f"{name} in") if settings.with_input else None
        self._frames = FrameClock(client.samplerate)
        self._frame = client.frame_time
        self._bell = socket.socketpair()
        self._bell[0].setblocking(False)
        self.arrivals, self._rung = self._bell[0].fileno(), False
        client.set_process_callback(self._process)
        client.set_xrun_callback(self._lost_frames)
        client.set_shutdown_callback(self._shut_down)
        client.set_port_registration_callback(self._registered)
        self._set_period(client.blocksize)
        client.set_blocksize_callback(self._set_period)
        client.activate()
        self._connect()

    def close(self) -> None:
        """Waits until the others have had what was sent, at most LONGEST_CLOSE_S: no note may hang."""
        self._settle()
        client, self._client = self._client, None
        self._out = self._in = None
        if client is not None:
            with quiet_stderr():
                client.close()
        bell, self._bell, self.arrivals = self._bell, None, -1
        for end in bell or ():
            end.close()
        self._outgoing.clear()
        self._incoming.clear()

    def _settle(self) -> None:
        if self._client is None:
            return
        until_s, written = self._clock.now() + LONGEST_CLOSE_S, self._cycles
        while not self.gone and self._cycles < written + SETTLE_PERIODS and self._clock.now() < until_s:
            if self._outgoing:
                written = self._cycles
            self._clock.wait(self._clock.now() + 0.001)

    def send(self, message: bytes, due_s: float | None = None) -> None:
        """Never before what was sent before: a note's end must not overtake its beginning."""
        if self._client is not None and not self.gone:
            self._outgoing.append((due_s, message))

    def receive(self, now_s: float) -> list[tuple[float, bytes]]:
        """By their frames: a message may have one that is up to a period ahead."""
        if self._rung and self._bell is not None:
            self._rung = False
            with contextlib.suppress(OSError):
                self._bell[0].recv(INCOMING)
        return [self._incoming.popleft() for _ in range(len(self._incoming))]

    def outputs(self) -> list[str]:
        return self._names(True) if self._client else []

    def inputs(self) -> list[str]:
        return self._names(False) if self._client else []

    def check(self) -> str:
        if self.gone:
            raise MidiSystemError("The JACK server is gone.")
        if self._client is None:
            return ""
        try:
            return self._connect()
        except load_jack().JackError as error:
            raise MidiSystemError(f"JACK failed: {error}") from error

    def _connect(self) -> str:
        """Connect to what came back; a sentence when a port that was asked for by name went or is there again."""
        appeared = [self._appeared.popleft() for _ in range(len(self._appeared))]
        notices = []
        for is_output, port in ((True, self._out), (False, self._in)):
            if port is None:
                continue
            there = self._names(is_output)
            connected = [peer.name for peer in port.connections]
            again, notice = self._peers[is_output].look(connected, there, appeared)
            for name in again:
                with contextlib.suppress(load_jack().JackError):  # it went away again, or refuses: no harm to the rest
                    self._client.connect(*((port.name, name) if is_output else (name, port.name)))
            notices.append(notice)
        return " ".join(filter(None, notices))

    def _names(self, is_output: bool) -> list[str]:
        """Ports of others that ours could be connected to: an output of ours to their inputs."""
        ports = self._client.get_ports(is_midi=True, is_input=is_output, is_output=not is_output)
        return [port.name for port in ports if not port.name.startswith(f"{self._client.name}:")]

    # ----------------------------------------------------------------------------------- called by JACK's threads

    def _process(self, frames: int) -> None:
        out, receiver, client = self._out, self._in, self._client
        if client is None or out is None:
            return
        self._cycles += 1
        self._frame = first = unwrap(client.last_frame_time, self._frame)
        clock = self._frames
        clock.look(self._clock.now(), first)  # jack_get_time() is another clock than ours
        out.clear_buffer()
        outgoing, at = self._outgoing, 0
        while outgoing:
            due_s, message = outgoing[0]
            if due_s is not None:
                at = max(at, clock.frame_at(due_s) - first)
            if at >= frames:
                break
            try:
                out.write_midi_event(at, message)
            except Exception:  # the buffer is full (JackError): the rest goes out with the next period
                break
            outgoing.popleft()
        if receiver is not None:
            for offset, data in receiver.incoming_midi_events():
                if is_wanted(data[:1]):  # its copy, not that of a long SysEx
                    self._incoming.append((clock.second_at(first + offset), bytes(data)))
            if self._incoming and not self._rung:
                self._ring()

    def _ring(self) -> None:
        """Wake the loop. First the bell, then the word that it rang: so it never rings on unheard."""
        if self._bell is not None:
            self._bell[1].send(b"!")
            self._rung = True

    def _set_period(self, frames: int) -> None:
        self.lead_s = frames / self._client.samplerate

    def _lost_frames(self, delayed_us: float) -> None:
        self._frames.lost()

    def _shut_down(self, status: object, reason: str) -> None:
        self.gone = True

    def _registered(self, port: Any, register: bool) -> None:
        if register:
            self._appeared.append(port.name)
