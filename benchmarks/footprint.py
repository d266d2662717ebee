"""Start to first note, resident memory, and CPU while playing, of the daemon as a user starts it.

    python -m benchmarks.footprint [--seconds 60]

Memory is the proportional set size of engine and player together (shared pages are counted once) and, beside it, the
sum of their resident sizes. CPU is user and system time of both over the time that they played, in percent of one core.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.report import report
from tools import live
from tools.live import Client, Daemon
from tools.waiting import CLOCK, eventually

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def processes(pid: int) -> list[int]:
    """The process and all its descendants."""
    found = [pid]
    with contextlib.suppress(OSError):  # it has ended meanwhile
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            found += processes(int(child))
    return found


def memory_mib(pid: int) -> tuple[float, float]:
    """Proportional and resident size in MiB."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    sizes = {name: int(re.search(rf"^{name}:\s+(\d+) kB", rollup, re.M)[1]) / 1024 for name in ("Pss", "Rss")}  # type: ignore[index]
    return sizes["Pss"], sizes["Rss"]


def cpu_s(pid: int) -> float:
    """User and system seconds so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def start_to_first_note_s(*overrides: str) -> float:
    """From the start of the process to the first note-on at the port."""
    with tempfile.TemporaryDirectory(prefix="brainmusic-") as folder:
        daemon = Daemon(Path(folder), *overrides)
        eventually(lambda: daemon.sent() or daemon.process.poll() is not None, 30)
        daemon.stop()
        # The note log is written once a second, but the time in it is that of the sending.
        return float(daemon.sent()[0]["sent_s"]) - daemon.started_s


def measure(seconds: float, overrides: list[str]) -> dict[str, Any]:
    """One round over JACK with periods of 64 frames."""
    with live.jack():
        starts = sorted(start_to_first_note_s(*overrides) for _ in range(5))
        with tempfile.TemporaryDirectory(prefix="brainmusic-") as folder:
            daemon, client = Daemon(Path(folder), *overrides), Client()
            daemon.wait_playing()
            client.connect()
            CLOCK.wait(CLOCK.now() + 3)
            pids, engine = processes(daemon.process.pid), daemon.engine
            before_s, began_s = [cpu_s(pid) for pid in pids], CLOCK.now()
            CLOCK.wait(began_s + seconds)
            shares = [
                100 * (cpu_s(pid) - before) / (CLOCK.now() - began_s)
                for pid, before in zip(pids, before_s, strict=True)
            ]
            sizes = [memory_mib(pid) for pid in pids]
            client.close()
            daemon.stop()
    return {
        "start_to_first_note_s": {"median": round(starts[2], 2), "worst": round(starts[-1], 2)},
        "memory_mib": {
            "proportional": round(sum(size[0] for size in sizes)),
            "resident": round(sum(size[1] for size in sizes)),
        },
        "cpu_percent_of_a_core": {"engine": round(shares[pids.index(engine)], 1), "all": round(sum(shares), 1)},
    }


def options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen on the command line."""
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("-o", dest="overrides", action="append", default=[], help="a setting of the daemon")


if __name__ == "__main__":
    report("footprint", __doc__, options, measure)
