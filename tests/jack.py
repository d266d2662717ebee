"""JACK servers without sound hardware, for tests. Several run side by side, each under its own name."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from typing import Any, Self

from improv.clock import SystemClock

_numbers = itertools.count(1)
CLOCK = SystemClock()


def missing() -> str:
    """Why no JACK server can be started here, or empty."""
    absent = [program for program in ("jackd", "jack_wait") if shutil.which(program) is None]
    return f"{' and '.join(absent)} not installed (apt install jackd2)" if absent else ""


def unique_name() -> str:
    return f"bm{os.getpid()}x{next(_numbers)}"


class JackServer:
    """A dummy server: 48 kHz, periods of 1024 frames, no real-time scheduling."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._process: subprocess.Popen[bytes] | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = f"jackd -n {self.name} -r -m -d dummy -r 48000 -p 1024 -C 0 -P 2".split()
        self._process = subprocess.Popen(command, stdout=self._log, stderr=subprocess.STDOUT)
        # jack_wait asks once a second; the socket of the server tells sooner when asking is worth while
        socket = f"/dev/shm/jack_{self.name}_{os.getuid()}_0"
        with contextlib.suppress(AssertionError):
            eventually(lambda: os.path.exists(socket), timeout_s=2.0)
        waited = subprocess.run(["jack_wait", "-s", self.name, "-w", "-t", "10"], capture_output=True, check=False)
        if waited.returncode or self._process.poll() is not None:
            self._log.seek(0)
            raise RuntimeError(f"jackd did not start: {self._log.read().decode(errors='replace')[-2000:]}")

    def kill(self) -> None:
        """Let it die without a word (SIGKILL). `start()` brings a new one of the same name."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        self._log.close()

    def ports(self) -> list[str]:
        """Names of all ports. Not to be called more often than once in 0.3 s."""
        listed = subprocess.run(["jack_lsp", "-s", self.name], capture_output=True, text=True, check=False, timeout=10)
        return [line for line in listed.stdout.splitlines() if ":" in line]


@contextlib.contextmanager
def jack_server() -> Iterator[JackServer]:
    """A running server that libjack of this process and of its children finds by itself."""
    server = JackServer(unique_name())
    before = {key: os.environ.get(key) for key in ("JACK_DEFAULT_SERVER", "JACK_NO_START_SERVER")}
    os.environ.update(JACK_DEFAULT_SERVER=server.name, JACK_NO_START_SERVER="1")
    try:
        server.start()
        yield server
    finally:
        server.stop()
        for key, value in before.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value


def eventually(condition: Callable[[], Any], timeout_s: float = 10.0, every_s: float = 0.01) -> Any:
    """The first true value of `condition()`; fails when none came within timeout_s."""
    deadline_s = CLOCK.now() + timeout_s
    while not (value := condition()):
        if CLOCK.now() > deadline_s:
            raise AssertionError(f"not within {timeout_s:g} s: {condition}")
        CLOCK.wait(CLOCK.now() + every_s)
    return value


class Listener:
    """An input port of another program: takes in what BrainMusic plays."""

    def __init__(self, client_name: str = "listener", port_name: str = "in") -> None:
        rtmidi: Any = importlib.import_module("rtmidi")
        self.name = f"{client_name}:{port_name}"
        self.messages: list[bytes] = []
        self._client = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name=client_name)
        self._port_name = port_name

    def open(self, connect_to: str = "") -> Self:
        """A port that others connect to, or one connected to the port whose name contains `connect_to`."""
        _open(self._client, self._port_name, connect_to)
        return self

    def poll(self) -> list[bytes]:
        """All messages so far."""
        while (arrived := self._client.get_message()) is not None:
            self.messages.append(bytes(arrived[0]))
        return self.messages

    def close(self) -> None:
        self._client.close_port()
        self._client.delete()


class Keyboard:
    """An output port of another program: plays to BrainMusic."""

    def __init__(self, client_name: str = "keyboard", port_name: str = "out") -> None:
        rtmidi: Any = importlib.import_module("rtmidi")
        self.name = f"{client_name}:{port_name}"
        self._client = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name=client_name)
        self._port_name = port_name

    def open(self, connect_to: str = "") -> Self:
        """As `Listener.open`."""
        _open(self._client, self._port_name, connect_to)
        return self

    def send(self, message: bytes) -> None:
        self._client.send_message(message)

    def close(self) -> None:
        self._client.close_port()
        self._client.delete()


def _open(client: Any, port_name: str, connect_to: str) -> None:
    if not connect_to:
        client.open_virtual_port(port_name)
        return
    names = client.get_ports()
    client.open_port(next(i for i, name in enumerate(names) if connect_to in name), port_name)
