"""The C client that stamps arrivals (stamp.c): built, started, read. It also tells when the machine stood still."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).with_name("stamp.c")
AROUND_S = 0.005  # so long after a standstill its work is still being caught up with


class Arrival(NamedTuple):
    """A message at the C client's port: the server's frame, seconds of the monotonic clock."""

    frame: int
    at_s: float
    message: bytes


class Stamps(NamedTuple):
    """All that it saw. monitor_fifo: whether the monitor of standstills had real-time scheduling."""

    arrivals: list[Arrival]
    stalls: list[tuple[float, float]]
    monitor_fifo: bool
    xruns: tuple[float, ...] = ()

    def stalled(self, from_s: float, to_s: float) -> bool:
        """The machine stood still at some time between."""
        return any(began < to_s and ended + AROUND_S > from_s for began, ended in self.stalls)


def build(folder: Path) -> Path:
    """Compile it; RuntimeError with a sentence without a compiler or headers."""
    program = folder / "stamp"
    command = ["cc", "-O2", "-o", str(program), str(SOURCE), "-ljack", "-lpthread"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise RuntimeError("there is no C compiler (apt install gcc libjack-jackd2-dev)") from None
    if done.returncode:
        raise RuntimeError(f"stamp.c cannot be built (apt install gcc libjack-jackd2-dev): {done.stderr.strip()}")
    return program


class Stamper:
    """Runs from its making to `stop()`."""

    def __init__(self, program: Path, port: str = "") -> None:
        self._process = subprocess.Popen(
            [str(program), *([port] if port else [])], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline().strip() != "ready":
            raise RuntimeError(f"the C client cannot listen to {port}")

    def stop(self) -> Stamps:
        """What arrived, and the standstills."""
        out, _ = self._process.communicate(timeout=60)
        arrivals, stalls, xruns, fifo = [], [], [], False
        for kind, *values in (line.split() for line in out.splitlines()):
            if kind == "m":
                arrivals.append(Arrival(int(values[0]), int(values[1]) / 1e9, bytes.fromhex(values[2])))
            elif kind == "s":
                stalls.append((int(values[0]) / 1e9, int(values[1]) / 1e9))
            elif kind == "x":
                xruns.append(int(values[0]) / 1e9)
            elif kind == "f":
                fifo = values[0] == "1"
        return Stamps(arrivals, stalls, fifo, tuple(xruns))
