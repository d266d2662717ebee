"""What an album costs: the same pieces by one process, by two, and on a Dask cluster of which a worker is killed.

    nice -n 10 python -m benchmarks.album [--pieces 10] [--seconds 12] [--sound none]

Needs the extras `cpu` and `cluster`. Prints a table: seconds of wall and of CPU, CPU for a minute of music, and what a
million minutes would take; says whether the files of the three albums are equal byte for byte, how long and how loud
the sounds are. CPU seconds are those of all processes that were started: what else is at work hardly shows in them.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from improv.clock import SystemClock

CLOCK = SystemClock()
MILLION = 1_000_000
SERVE = "from benchmarks.album import serve; serve()"


class Run(NamedTuple):
    """One album. wall_s: from start to end. cpu_s: of all its processes; workers of a cluster included."""

    name: str
    wall_s: float
    cpu_s: float
    folder: Path


def serve() -> None:
    """Body of the process that holds a cluster of two workers; ends with its standard input."""
    distributed: Any = importlib.import_module("distributed")
    cluster = distributed.LocalCluster(2, threads_per_worker=1, processes=True, dashboard_address=None)
    print(cluster.scheduler_address, flush=True)
    sys.stdin.read()
    cluster.close()


def run(name: str, options: list[str], folder: Path, watch: Callable[[], None] | None = None) -> Run:
    """Make an album. watch: runs beside it."""
    before, began_s = _cpu_s(), CLOCK.now()
    making = subprocess.Popen([sys.executable, "-m", "improv", "album", str(folder), *options])
    if watch is not None:
        threading.Thread(target=watch, daemon=True).start()
    if making.wait():
        raise SystemExit(f"{name}: the album could not be made")
    return Run(name, CLOCK.now() - began_s, _cpu_s() - before, folder)


def on_cluster(options: list[str], folder: Path, after: int) -> Run:
    """A worker is killed as soon as `after` pieces are there."""
    began_cpu_s = _cpu_s()
    holder = subprocess.Popen([sys.executable, "-c", SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    address = holder.stdout.readline().strip()

    def kill() -> None:
        while len(list(folder.rglob("[0-9]*.json"))) < after:
            CLOCK.wait(CLOCK.now() + 0.05)
        distributed: Any = importlib.import_module("distributed")
        with distributed.Client(address, set_as_default=False) as client:
            victim = next(iter(client.run(os.getpid).values()))
        os.kill(victim, signal.SIGKILL)
        print(f"killed the worker {victim} after {after} pieces", flush=True)

    found = run("Dask, one of two workers killed", ["--cluster", address, *options], folder, kill)
    holder.communicate("")
    return found._replace(cpu_s=_cpu_s() - began_cpu_s)


def _cpu_s() -> float:
    """Of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of an album by its name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def sounds(folder: Path) -> str:
    """How exactly the lengths and how evenly the loudness of the sounds came out."""
    soundfile: Any = importlib.import_module("soundfile")
    rows = json.loads((folder / "album.json").read_text())["pieces"]
    files = [next(folder.glob(f"{row['file']}.[fwo][la][avg]*"), None) for row in rows]
    if None in files:
        return "no sounds were asked for"
    lengths = {
        soundfile.info(file).frames / soundfile.info(file).samplerate - row["seconds"]
        for file, row in zip(files, rows, strict=True)
    }
    lufs = [row["lufs"] for row in rows]
    return f"sounds are off their length by {max(map(abs, lengths)):g} s at most; {min(lufs):.1f}..{max(lufs):.1f} LUFS"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pieces", type=int, default=10, help="of each of four moods")
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--sound", default="none")
    options = parser.parse_args()
    plain = ["--pieces", str(options.pieces), "--seconds", str(options.seconds), "--sound", options.sound]
    with tempfile.TemporaryDirectory() as temporary:
        here = Path(temporary)
        runs = [run(f"{n} process{'es' * (n > 1)}", ["--processes", str(n), *plain], here / str(n)) for n in (1, 2)]
        runs.append(on_cluster(plain, here / "cluster", after=2 * options.pieces))
        minutes = 4 * options.pieces * options.seconds / 60
        print(f"{4 * options.pieces} pieces of {options.seconds:g} s, load {os.getloadavg()[0]:.1f}")
        print(
            "| | wall s | CPU s | CPU s for a minute of music | a million minutes, core hours |\n|---|---|---|---|---|"
        )
        for one in runs:
            each_s = one.cpu_s / minutes
            print(
                f"| {one.name} | {one.wall_s:.0f} | {one.cpu_s:.0f} | {each_s:.1f} | {each_s * MILLION / 3600:,.0f} |"
            )
        first, *others = (contents(one.folder) for one in runs)
        print(f"{len(first)} files; equal byte for byte: {all(other == first for other in others)}")
        print(sounds(runs[0].folder))


if __name__ == "__main__":
    main()
