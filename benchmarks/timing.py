"""How late notes are sent, beside a process that burns each core; exact frames through JACK; isobar and mido beside it.

    python -m benchmarks.timing [--seconds 600] [--grid-seconds 30]

One run over JACK's dummy driver with periods of 64 frames. Lateness is from a note's deadline to the moment at which it
was handed to the MIDI system, from the player's own log; frames are those that a C client of the same server saw
(stamp.c; there with periods of 256). A monitor beside it tells when the machine itself stood still; notes due then are
left out, and counted. Beside the daemon a page is open and 1,000 OSC commands a second arrive.
isobar and mido play chords on a grid of 100 ms; as they have no deadlines, their lateness is against their own earliest
note, and so is ours beside them. isobar comes with `pip install brainmusic[benchmark]`.
MIDI clock in and out (benchmarks.sync) and how soon a control change is on the wire (benchmarks.answer) follow.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import answer, sync
from benchmarks.attack import Target, listener, osc
from benchmarks.footprint import cpu_s, processes
from benchmarks.foreign import CHORD, GRID_S
from benchmarks.report import report
from benchmarks.stamper import Arrival, Stamper, Stamps, build
from improv.player.client import PlayerClient
from improv.player.protocol import PlannedNote, PlayerSettings, Schedule
from tools import live
from tools.waiting import CLOCK, eventually

RATE = 48000
FRONTENDS = ("web.enabled=true", "web.port=0", "osc.enabled=true", "osc.port=0", "osc.query_port=0")
WARM_UP_S = 2.0
User = Callable[[Target, threading.Event], None]
AFTER_XRUN_S = 0.25  # so long the driver measures anew


def measure(
    seconds: float, grid_seconds: float, driver: str, frontends: bool, sync_seconds: float, answers: int
) -> dict[str, Any]:
    """All rows of the table."""
    with tempfile.TemporaryDirectory(prefix="brainmusic-") as folder:
        stamp = build(Path(folder))
        with live.jack():
            result: dict[str, Any] = {"machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}"}
            result["idle"] = daemon_plays(stamp, seconds, driver, frontends, realtime=True, burning=False)
            result["burning_fifo"] = daemon_plays(stamp, seconds, driver, frontends, realtime=True, burning=True)
            result["burning_without_fifo"] = daemon_plays(
                stamp, seconds, driver, frontends, realtime=False, burning=True
            )
            grid: dict[str, Any] = {"brainmusic": grid_of_ours(stamp, grid_seconds, Path(folder))}
            for name in ("isobar", "mido"):
                grid[name] = grid_of_another(stamp, name, grid_seconds)
            result["grid_idle"] = grid
            result["cpu_at_ease_64"] = cpu_of_pages(grid_seconds, driver)
        # With 64 frames the dummy server, without real-time rights, loses count itself whenever it wakes late.
        with live.jack(period=256, synchronous=False):
            result["frames_through_jack_client"] = frames(stamp, grid_seconds)
            result["cpu_at_ease_256"] = cpu_of_pages(grid_seconds, driver)
    if sync_seconds:
        result["sync"] = sync.measure(sync_seconds, seed=1)
    if answers:
        result["answer"] = answer.measure(answers, seed=1)
    return result


@contextlib.contextmanager
def burners(wanted: bool) -> Iterator[None]:
    """A process that burns each core."""
    count = (os.cpu_count() or 1) if wanted else 0
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


@contextlib.contextmanager
def users(daemon: live.Daemon, *kinds: User) -> Iterator[None]:
    """Each in a thread of its own, as long as the block lasts."""
    ended = threading.Event()
    if kinds:
        eventually(lambda: "page: http" in daemon.log and "OSC: " in daemon.log, 30)
    threads = [threading.Thread(target=kind, args=(Target(daemon), ended)) for kind in kinds]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def _listen(target: Target, ended: threading.Event) -> None:
    """A page that is open and is told every note."""
    while not ended.is_set():
        listener(target, CLOCK.now() + 1.0)


def _send(target: Target, ended: threading.Event) -> None:
    """1,000 OSC commands a second."""
    while not ended.is_set():
        osc(target, CLOCK.now() + 1.0)


def daemon_plays(
    stamp: Path, seconds: float, driver: str, frontends: bool, *, realtime: bool, burning: bool
) -> dict[str, Any]:
    """`improv run` with the default model in the mood with the most notes, with page and OSC in use."""
    settings = ["mood.start=nervous", f"midi.driver={driver}", f"timing.realtime={str(realtime).lower()}"]
    settings += FRONTENDS if frontends else ()
    with live.playing(*settings, listens=False) as (daemon, _), burners(burning):
        with users(daemon, *((_listen, _send) if frontends else ())):
            stamper = Stamper(stamp)
            CLOCK.wait(CLOCK.now() + WARM_UP_S)
            pids, player = processes(daemon.process.pid), daemon.player
            before, began_s = {pid: cpu_s(pid) for pid in pids}, CLOCK.now()
            CLOCK.wait(began_s + seconds)
            used, took_s = {pid: cpu_s(pid) - before[pid] for pid in pids}, CLOCK.now() - began_s
        daemon.stop()
        stamps = stamper.stop()
        notes = [note for note in daemon.sent() if began_s <= note["due_s"] < began_s + seconds]
        late_s = [note["sent_s"] - note["due_s"] for note in notes if not stamps.stalled(note["due_s"], note["sent_s"])]
        return {
            "seconds": round(took_s),
            "realtime": next((line.split("player: ")[1] for line in daemon.log.splitlines() if "player: " in line), ""),
            **_lateness(late_s, len(notes) - len(late_s), stamps),
            "player_cpu_percent": round(100 * used[player] / took_s, 2),
            "all_cpu_percent": round(100 * sum(used.values()) / took_s, 2),
        }


def cpu_of_pages(seconds: float, driver: str) -> dict[str, Any]:
    """With no page open, and with one."""
    return {
        "page_shut": cpu_at_ease(seconds, driver),
        "page_open": cpu_at_ease(seconds, driver, _listen),
    }


def cpu_at_ease(seconds: float, driver: str, *kinds: User) -> dict[str, float]:
    """CPU of a daemon that plays calmly with all its frontends there, by process, in percent of a core."""
    settings = ("mood.start=calm", f"midi.driver={driver}", *FRONTENDS)
    with live.playing(*settings, listens=False) as (daemon, _):
        with users(daemon, *kinds):
            CLOCK.wait(CLOCK.now() + WARM_UP_S)
            pids, engine, player = processes(daemon.process.pid), daemon.engine, daemon.player
            before, began_s = {pid: cpu_s(pid) for pid in pids}, CLOCK.now()
            CLOCK.wait(began_s + seconds)
            took_s = CLOCK.now() - began_s
            percent = {pid: 100 * (cpu_s(pid) - before[pid]) / took_s for pid in pids}
        daemon.stop()
    # What is neither: page, OSC and ctl, the supervisor, an engine and a player that wait.
    rest = sum(share for pid, share in percent.items() if pid not in (engine, player))
    shares = {"player": percent[player], "engine": percent[engine], "frontends": rest, "all": sum(percent.values())}
    return {name: round(share, 2) for name, share in shares.items()}


def _lateness(late_s: Sequence[float], left_out: int, stamps: Stamps) -> dict[str, Any]:
    ordered = sorted(late_s) or [0.0]
    share = [100 * sum(late <= limit for late in ordered) / len(ordered) for limit in (0.001, 0.005)]
    return {
        "onsets": len(late_s),
        "left_out_for_standstills": left_out,
        "standstills": len(stamps.stalls),
        "longest_standstill_ms": round(max((1000 * (to - since) for since, to in stamps.stalls), default=0.0), 1),
        "monitor_fifo": stamps.monitor_fifo,
        "late_ms": {
            "p50": round(1000 * ordered[len(ordered) // 2], 3),
            "p99": round(1000 * ordered[len(ordered) * 99 // 100], 3),
            "worst": round(1000 * ordered[-1], 3),
        },
        "within_1_ms_percent": round(share[0], 3),
        "within_5_ms_percent": round(share[1], 3),
    }


def _play_grid(settings: PlayerSettings, stamp: Path, seconds: float, port: str) -> tuple[Stamps, str]:
    """A player process alone, chords on the grid; what the C client saw, and what the system granted."""
    link = PlayerClient(settings, CLOCK)
    link.start()
    try:
        ready = link.wait_ready()
        stamper = Stamper(stamp, port)
        first_s, chord, count = CLOCK.now() + 1.0, 0, int(seconds / GRID_S)
        while CLOCK.now() < first_s + seconds + 0.5:
            while chord < count and first_s + chord * GRID_S < CLOCK.now() + 0.25:
                on_s = first_s + chord * GRID_S
                numbers = range(chord * len(CHORD), (chord + 1) * len(CHORD))
                notes = zip(numbers, CHORD, strict=True)
                link.send(
                    Schedule(
                        tuple(PlannedNote(number, 0, pitch, 80, on_s, on_s + GRID_S / 2) for number, pitch in notes)
                    )
                )
                chord += 1
            link.beat()
            link.poll(0.02)
        return stamper.stop(), ready.realtime
    finally:
        link.close()


def frames(stamp: Path, seconds: float) -> dict[str, Any]:
    """Distances of note-ons in frames through JACK-Client, idle and beside the burners."""
    found: dict[str, Any] = {}
    for name, burning in (("idle", False), ("burning", True)):
        try:
            with burners(burning):
                stamps, granted = _play_grid(PlayerSettings(driver="jack"), stamp, seconds, "BrainMusic:BrainMusic")
        except Exception as error:
            return {**found, "skipped": str(error)}
        ons = [arrival for arrival in stamps.arrivals if arrival.message[0] == 0x90]
        found[name] = {**_spacing(ons, stamps.xruns), "realtime": granted}
    return found


def _spacing(ons: Sequence[Arrival], xruns: Sequence[float] = ()) -> dict[str, Any]:
    """Errors of each note-on against the grid that begins with the first, in frames.

    An XRun takes frames out of the server's count; a note after it is on time only at another distance.
    """
    step = round(GRID_S * RATE)
    errors = [arrival.frame - ons[0].frame - step * (i // len(CHORD)) for i, arrival in enumerate(ons)]
    changed = [i for i, (before, after) in enumerate(itertools.pairwise(errors)) if before != after]
    by_xrun = sum(any(ons[i].at_s - AFTER_XRUN_S <= at_s <= ons[i + 1].at_s for at_s in xruns) for i in changed)
    return {
        "note_ons": len(ons),
        "distances_not_exact": len(changed),
        "of_these_beside_an_xrun": by_xrun,
        "xruns": len(xruns),
        "not_exact": sum(error != 0 for error in errors),
        "largest_error_frames": max((abs(error) for error in errors), default=0),
    }


def grid_of_ours(stamp: Path, seconds: float, folder: Path) -> dict[str, Any]:
    """The player through rtmidi, idle, as isobar and mido."""
    log = folder / "grid.jsonl"
    settings = PlayerSettings(driver="rtmidi", log_notes_to=str(log))
    stamps, granted = _play_grid(settings, stamp, seconds, "BrainMusic:BrainMusic")
    sent_s = [json.loads(line)["sent_s"] for line in log.read_text().splitlines()]
    return {**_against_grid(sent_s, stamps), "realtime": granted}


def grid_of_another(stamp: Path, name: str, seconds: float) -> dict[str, Any]:
    """isobar's or mido's player, in a process of its own."""
    stamper = Stamper(stamp)
    command = [sys.executable, "-m", "benchmarks.foreign", name, str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + 60)
    stamps = stamper.stop()
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:]
        return {"skipped": f"{name} cannot be run here ({' '.join(reason)}); pip install brainmusic[benchmark]"}
    return _against_grid(json.loads(done.stdout.splitlines()[-1]), stamps)


def _against_grid(sent_s: Sequence[float], stamps: Stamps) -> dict[str, Any]:
    """First notes of the chords against a grid through the earliest of them."""
    firsts = sent_s[:: len(CHORD)]
    origin_s = min(at_s - i * GRID_S for i, at_s in enumerate(firsts))
    due_s = [origin_s + i * GRID_S for i in range(len(firsts))]
    late_s = [at - due for at, due in zip(firsts, due_s, strict=True) if not stamps.stalled(due, at)]
    return _lateness(late_s, len(firsts) - len(late_s), stamps)


def options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen on the command line."""
    parser.add_argument("--seconds", type=float, default=120.0, help="of each of the three runs of the daemon")
    parser.add_argument("--driver", default="auto", help="midi.driver of the daemon (default auto)")
    parser.add_argument(
        "--no-frontends", dest="frontends", action="store_false", help="no open page and no OSC beside it"
    )
    parser.add_argument("--sync-seconds", type=float, default=30.0, help="of each run of benchmarks.sync; 0: none")
    parser.add_argument("--answers", type=int, default=40, help="changes of mood of benchmarks.answer; 0: none")
    parser.add_argument("--grid-seconds", type=float, default=30.0, help="of each run on the grid")


if __name__ == "__main__":
    report("timing", __doc__, options, measure)
