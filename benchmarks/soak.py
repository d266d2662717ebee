"""Ten minutes of music into a client that none of us wrote: does every note-on get its note-off?

    python -m benchmarks.soak [--minutes 10]

`jack_midi_dump` (of jackd2) prints what it receives; half-way it is killed and started again; the moods turn all the
while; at the end the daemon is stopped by Ctrl-C. Every line is counted.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.report import report
from tools import live
from tools.live import Client, Daemon
from tools.waiting import CLOCK, eventually

LINE = re.compile(r"(\d+): (\w\w) (\w\w) (\w\w) ")
OUTPUT, MONITOR = "BrainMusic:BrainMusic", "midi-monitor:input"


class Dump:
    """`jack_midi_dump` writing to a file, connected to the daemon."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w")
        self._path = path
        self._process = subprocess.Popen(
            ["stdbuf", "-oL", "jack_midi_dump", "-a"], stdout=self._file, stderr=subprocess.STDOUT
        )
        eventually(
            lambda: subprocess.run(["jack_connect", OUTPUT, MONITOR], capture_output=True, check=False).returncode == 0,
            10,
        )

    def kill(self) -> None:
        """Let it die at once; the server is given a moment to notice."""
        self._process.kill()
        self._process.wait()
        self._file.close()
        CLOCK.wait(CLOCK.now() + 1)

    def stop(self) -> None:
        """End it in good order."""
        self._process.terminate()
        self._process.wait()
        self._file.close()

    def notes(self) -> list[tuple[int, int]]:
        """(status, pitch) of every note message, in order."""
        found = (LINE.search(line) for line in self._path.read_text().splitlines())
        return [(int(m[2], 16) & 0xF0, int(m[3], 16)) for m in found if m and m[2][0] in "89"]


def count(notes: list[tuple[int, int]]) -> dict[str, Any]:
    """Note-ons, note-offs, what is left sounding, and how often a pitch was begun while it sounded."""
    sounding: set[int] = set()
    doubled = unowned = 0
    for status, pitch in notes:
        if status == 0x90:
            doubled += pitch in sounding
            sounding.add(pitch)
        elif pitch in sounding:
            sounding.remove(pitch)
        else:
            unowned += 1
    ons = sum(status == 0x90 for status, _ in notes)
    return {
        "note_ons": ons,
        "note_offs": len(notes) - ons,
        "left_sounding": sorted(sounding),
        "begun_while_sounding": doubled,
        "offs_without_on": unowned,
    }


def measure(minutes: float, seed: int) -> dict[str, Any]:
    """The whole run."""
    rng = random.Random(seed)
    with live.jack(1024, synchronous=False), tempfile.TemporaryDirectory(prefix="brainmusic-") as folder:
        daemon, client = Daemon(Path(folder)), Client()
        daemon.wait_playing()
        client.connect()
        dump = Dump(Path(folder) / "dump-1.txt")
        counts = {}
        for half in ("first_half_then_client_killed", "second_half_then_ctrl_c"):
            end_s = CLOCK.now() + 30 * minutes
            while CLOCK.now() < end_s:
                client.listen(min(CLOCK.now() + rng.uniform(2, 8), end_s))
                client.send(0xB0, 22, rng.choice((16, 48, 80, 112)))
            if half.startswith("first"):
                dump.kill()
                counts[half] = count(dump.notes())
                dump = Dump(Path(folder) / "dump-2.txt")
        code = daemon.stop()
        CLOCK.wait(CLOCK.now() + 1)
        dump.stop()
        client.close()
        counts["second_half_then_ctrl_c"] = count(dump.notes())
        return {"minutes": minutes, "exit_code": code, **counts}


def options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen on the command line."""
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)


if __name__ == "__main__":
    report("soak", __doc__, options, measure)
