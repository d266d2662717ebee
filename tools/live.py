"""A real daemon over a real JACK server with the dummy driver, for the benchmarks and the end-to-end tests."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tools import REPOSITORY
from tools.waiting import CLOCK, PATIENCE_S, eventually, whole_lines

NO_FACES = ("web.enabled=false", "osc.enabled=false", "ctl.enabled=false")
ANSWER = re.compile(
    r"mood (\w+) .* revision (\d+): first note (-?\d+) ms after the command \(a sixteenth is (\d+) ms\)"
)


def why_not() -> str:
    """Why no JACK server can be started here, or empty."""
    return "" if shutil.which("jackd") and shutil.which("jack_wait") else "jackd is not installed (apt install jackd2)"


def may_be_realtime() -> bool:
    """Whether this user may ask for SCHED_FIFO."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except OSError:
        return False
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    return True


class JackServer:
    """A JACK server with the dummy driver; it may be killed and started again under its name."""

    def __init__(self, command: list[str]) -> None:
        self.name = command[2]
        self._command = command
        self.start()

    def start(self) -> None:
        """Until clients can connect; CalledProcessError when they cannot."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        subprocess.run(["jack_wait", "-s", self.name, "-w", "-t", "60"], check=True, stdout=subprocess.DEVNULL)

    def end(self, number: int = signal.SIGTERM) -> None:
        """By a signal."""
        if self._process.poll() is None:
            self._process.send_signal(number)
        self._process.wait()


@contextlib.contextmanager
def jack(period: int = 64, *, synchronous: bool = True, realtime: bool = False) -> Iterator[JackServer]:
    """A JACK server of its own name, with periods of so many frames at 48 kHz; realtime: with SCHED_FIFO for it and its
    clients' threads where that is allowed, so that what else runs on the machine does not make it lose count.

    Synchronous is for timing; such a server waits for a client that was killed, an asynchronous one does not.
    """
    name = f"bmb{os.getpid()}"
    mode = "-S" if synchronous else ""
    rights = "-R -P 70" if realtime and may_be_realtime() else "-r"
    before = dict(os.environ)
    os.environ.update(JACK_DEFAULT_SERVER=name, JACK_NO_START_SERVER="1")
    server = JackServer(f"jackd -n {name} {mode} {rights} -m -d dummy -r 48000 -p {period} -C 0 -P 2".split())
    try:
        yield server
    finally:
        os.environ.clear()
        os.environ.update(before)
        server.end()


def called(pid: int) -> dict[str, int]:
    """What a process's children are called (improv.processes.be_called) and their process ids, the oldest of a name."""
    found: dict[str, int] = {}
    for one in children(pid):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            found.setdefault(Path(f"/proc/{one}/comm").read_text().strip(), one)
    return found


def child_called(pid: int, name: str) -> int:
    """Process id of a process's oldest child that is called so, when there is one."""
    eventually(lambda: name in called(pid))
    return called(pid)[name]


def children(pid: int) -> list[int]:
    """Process ids of a process's children that still run, the oldest first, without those of Python's own making."""
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(OSError):  # it has ended meanwhile
            command = Path(f"/proc/{child}/cmdline").read_bytes()
            fields = Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()
            if b"spawn_main" in command and fields[0] != "Z":
                found.append((int(fields[19]), int(child)))
    return [child for _, child in sorted(found)]


class Heard(NamedTuple):
    """A message that a client received, with the clock's time."""

    at_s: float
    message: bytes


class Client:
    """Another program: one port that listens to BrainMusic (if listens), one that plays to it."""

    def __init__(self, *, listens: bool = True) -> None:
        rtmidi: Any = importlib.import_module("rtmidi")
        self._ear = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name="client ear") if listens else None
        self._hand = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="client hand")
        self.heard: list[Heard] = []

    @property
    def _ports(self) -> list[Any]:
        return [port for port in (self._ear, self._hand) if port is not None]

    def connect(self, timeout_s: float = PATIENCE_S) -> None:
        """Connect its ports to the daemon's; AssertionError when they do not appear."""
        for port in self._ports:
            eventually(lambda port=port: _index(port) is not None, timeout_s)  # type: ignore[misc]
            port.open_port(_index(port))

    def send(self, *message: int) -> float:
        """Send a message; returns when."""
        now_s = CLOCK.now()
        self._hand.send_message(message)
        return now_s

    def listen(self, until_s: float) -> None:
        """Take in what arrives, looking every half millisecond."""
        while CLOCK.now() < until_s:
            while self._ear is not None and (arrived := self._ear.get_message()) is not None:
                self.heard.append(Heard(CLOCK.now(), bytes(arrived[0])))
            CLOCK.wait(CLOCK.now() + 0.0005)

    def sounding(self) -> dict[int, int]:
        """Pitches with more note-ons than note-offs so far; every count must be 0 or 1 at any time.

        The end of a note that began before this client was connected does not count.
        """
        counts: dict[int, int] = {}
        for _, message in self.heard:
            if message[0] & 0xF0 == 0x90 and message[2]:
                counts[message[1]] = counts.get(message[1], 0) + 1
            elif message[0] & 0xF0 in (0x80, 0x90) and message[1] in counts:
                counts[message[1]] -= 1
            elif message[0] & 0xF0 in (0x80, 0x90):
                counts[message[1]] = 0
        return {pitch: count for pitch, count in counts.items() if count}

    def held(self) -> dict[int, list[Heard]]:
        """Pitches that sound as a synthesiser hears it (the last message of the key is a note-on), with all that was
        heard of them. Several ends of one note, as they are sent after a failure, are one.
        """
        of_key: dict[int, list[Heard]] = {}
        for heard in self.heard:
            if heard.message[0] & 0xF0 in (0x80, 0x90):
                of_key.setdefault(heard.message[1], []).append(heard)
        return {pitch: all_of for pitch, all_of in of_key.items() if _begins(all_of[-1].message)}

    def note_ons(self) -> list[Heard]:
        """All note-ons so far."""
        return [heard for heard in self.heard if _begins(heard.message)]

    def close(self) -> None:
        """Close its ports."""
        for port in self._ports:
            port.close_port()
            port.delete()


def _begins(message: bytes) -> bool:
    return bool(message[0] & 0xF0 == 0x90 and message[2])


def _index(port: Any) -> int | None:
    return next((index for index, name in enumerate(port.get_ports()) if "BrainMusic" in name), None)


class Daemon:
    """`improv run` as a user starts it, in a folder of its own."""

    def __init__(self, folder: Path, *overrides: str, more: tuple[str, ...] = (), piped: bool = False) -> None:
        """more: further words of the command line. piped: what it says passes through `reader`, another process."""
        self.folder = folder
        self.notes_path = folder / "notes.jsonl"
        settings = [f"log.notes={self.notes_path}", f"takes.folder={folder / 'takes'}", *NO_FACES, *overrides]
        flags = [flag for setting in settings for flag in ("-o", setting)]
        self._log_path = folder / "daemon.log"
        self._log_file = self._log_path.open("wb")
        self.started_s = CLOCK.now()
        self.reader = subprocess.Popen("cat", stdin=subprocess.PIPE, stdout=self._log_file) if piped else None
        self.process = subprocess.Popen(
            [sys.executable, "-m", "improv", "run", *flags, *more],
            stdout=self.reader.stdin if self.reader is not None else self._log_file,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )
        if self.reader is not None and self.reader.stdin is not None:
            self.reader.stdin.close()  # only the daemon holds it: the reader ends with it

    @property
    def log(self) -> str:
        """Everything it logged so far."""
        return self._log_path.read_text()

    @property
    def engine(self) -> int:
        """Process id of the engine that plays: the oldest one, another waits beside it."""
        return children(self.process.pid)[0]

    @property
    def player(self) -> int:
        """Process id of the player that has the ports."""
        return child_called(self.engine, "improv-player")

    def sent(self) -> list[dict[str, Any]]:
        """The note log: one record for every note-on sent."""
        return [json.loads(line) for line in whole_lines(self.notes_path)]

    def wait_playing(self, timeout_s: float = PATIENCE_S) -> None:
        """Until the ports are open and the music has begun."""
        eventually(lambda: "playing" in self.log or self.process.poll() is not None, timeout_s)
        if self.process.poll() is not None:
            raise RuntimeError(f"the daemon ended: {self.log}")

    def stop(self, number: int = signal.SIGINT, timeout_s: float = PATIENCE_S) -> int:
        """Send a signal, return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(timeout_s)
        if self.reader is not None:
            self.reader.wait(timeout_s)
        self._log_file.close()
        return code

    def answers(self) -> dict[int, tuple[float, float]]:
        """revision -> (ms until its first note, ms of a sixteenth), from the daemon's own log."""
        return {int(m[2]): (float(m[3]), float(m[4])) for m in ANSWER.finditer(self.log)}


@contextlib.contextmanager
def playing(*overrides: str, more: tuple[str, ...] = (), listens: bool = True) -> Iterator[tuple[Daemon, Client]]:
    """A daemon that plays and a client that is connected to it; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="brainmusic-") as folder:
        daemon, client = Daemon(Path(folder), *overrides, more=more), Client(listens=listens)
        try:
            daemon.wait_playing()
            client.connect()
            yield daemon, client
        finally:
            client.close()
            if daemon.process.poll() is None:
                daemon.stop(signal.SIGKILL)


@contextlib.contextmanager
def waiting(*overrides: str) -> Iterator[Daemon]:
    """A daemon whose ports are open and that waits for another program's clock; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="brainmusic-") as folder:
        daemon = Daemon(Path(folder), *overrides)
        try:
            eventually(lambda: "waiting for the MIDI clock" in daemon.log or daemon.process.poll() is not None)
            yield daemon
        finally:
            if daemon.process.poll() is None:
                daemon.stop(signal.SIGKILL)
