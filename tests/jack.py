"""JACK servers without sound hardware, for tests. Several run side by side, each under its own name."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import Iterator
from typing import Any, Self

from tools.live import may_be_realtime
from tools.waiting import eventually

_numbers = itertools.count(1)


def missing() -> str:
    """Why no JACK server can be started here, or empty."""
    absent = [program for program in ("jackd", "jack_wait") if shutil.which(program) is None]
    if absent:
        return f"{' and '.join(absent)} not installed (apt install jackd2)"
    return "" if importlib.util.find_spec("jack") else "JACK-Client is not installed (pip install JACK-Client)"


def unique_name() -> str:
    return f"bm{os.getpid()}x{next(_numbers)}"


class JackServer:
    """A dummy server: 48 kHz, periods of 1024 frames. It and its clients' threads go first for a core where that is
    allowed: else a busy machine makes it skip whole periods, with all that was in them.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._process: subprocess.Popen[bytes] | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()

    def start(self) -> None:
        """Start it and wait until it answers."""
        rights = "-R -P 70" if may_be_realtime() else "-r"
        command = f"jackd -n {self.name} {rights} -m -d dummy -r 48000 -p 1024 -C 0 -P 2".split()
        self._process = subprocess.Popen(command, stdout=self._log, stderr=subprocess.STDOUT)
        # jack_wait asks once a second; the socket of the server tells sooner when asking is worth while
        socket = f"/dev/shm/jack_{self.name}_{os.getuid()}_0"
        with contextlib.suppress(AssertionError):
            eventually(lambda: os.path.exists(socket), timeout_s=2.0)
        waited = subprocess.run(["jack_wait", "-s", self.name, "-w", "-t", "60"], capture_output=True, check=False)
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
        listed = subprocess.run(["jack_lsp", "-s", self.name], capture_output=True, text=True, check=False, timeout=60)
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


class _Program:
    """Another program with one port, without a word to say about the graph.

    It is made with JACK-Client, which lets the interpreter's lock go while it waits for the server. rtmidi holds it,
    and the server in turn waits until a driver of this process, which needs the lock, has taken note of the new port.
    """

    def __init__(self, client_name: str, port_name: str, direction: str) -> None:
        jack: Any = importlib.import_module("jack")
        self.name = f"{client_name}:{port_name}"
        self._client = jack.Client(client_name, no_start_server=True)
        ports = self._client.midi_inports if direction == "in" else self._client.midi_outports
        self._port = ports.register(port_name)
        self._client.set_process_callback(self._process)
        self._client.activate()

    def open(self, connect_to: str = "") -> Self:
        """Left for others to connect to, or connected to the port whose name contains `connect_to`."""
        if connect_to:
            wanted = {"is_output": True} if self._port.is_input else {"is_input": True}
            other = next(p for p in self._client.get_ports(is_midi=True, **wanted) if connect_to in p.name)
            ends = (other, self._port) if self._port.is_input else (self._port, other)
            self._client.connect(*ends)
        return self

    def _process(self, frames: int) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self._client.deactivate()
        self._client.close()


class Listener(_Program):
    """An input port of another program: takes in what BrainMusic plays."""

    def __init__(self, client_name: str = "listener", port_name: str = "in") -> None:
        self.messages: list[bytes] = []
        super().__init__(client_name, port_name, "in")

    def _process(self, frames: int) -> None:
        self.messages += [bytes(data) for _, data in self._port.incoming_midi_events()]

    def poll(self) -> list[bytes]:
        """All messages so far."""
        return self.messages


class Keyboard(_Program):
    """An output port of another program: plays to BrainMusic."""

    def __init__(self, client_name: str = "keyboard", port_name: str = "out") -> None:
        self._waiting: deque[bytes] = deque()
        super().__init__(client_name, port_name, "out")

    def _process(self, frames: int) -> None:
        self._port.clear_buffer()
        while self._waiting:
            self._port.write_midi_event(0, self._waiting.popleft())

    def send(self, message: bytes) -> None:
        self._waiting.append(message)
