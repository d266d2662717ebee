"""Faults, one after the other, while a client that none of us wrote listens: how long is it silent, what hangs, what of
the take is lost?

    python -m benchmarks.faults [--times 20] [--only NAME ...] [--short]

One daemon for each fault, over a JACK server of its own, in the mood with the most notes. `jack_midi_dump` (of jackd2)
prints what it receives. Told for each fault, over all tries: the longest gap between two note-ons around it, how long
after it the gap was over, the notes that were left sounding, the seconds of the take that are missing before it, and
whether that is within what is promised. The same without any fault stands first: the music's own rests, on the same
machine. --short: a few faults twice, for every change of the code.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import itertools
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.report import report
from improv.takes import journal
from tools import live
from tools.live import Client, Daemon
from tools.waiting import CLOCK, eventually

LINE = re.compile(r"\d+: (\w\w) (\w\w) (\w\w) ")
OUTPUT, MONITOR = "BrainMusic:BrainMusic", "midi-monitor:input"
PROMISED_S = 2.0  # until there is music again
PROMISED_LOST_S = 1.0  # of the take
WATCHED_S, BEFORE_S = 7.0, 1.0  # after a fault, before it
READY_S = 9.0  # so long a second engine needs to be ready on a busy machine
LATE_S = 0.05  # the listener's output is looked at so often


class Ear:
    """What `jack_midi_dump` prints, with the time at which it was seen."""

    def __init__(self, path: Path) -> None:
        self._out = path.open("w")
        self._in = path.open("r")
        self._rest = ""
        self.heard: list[tuple[float, bytes]] = []
        self._process = subprocess.Popen(
            ["stdbuf", "-oL", "jack_midi_dump", "-a"], stdout=self._out, stderr=subprocess.DEVNULL
        )

    def connect(self) -> None:
        """As a person would: once."""
        command = ["jack_connect", OUTPUT, MONITOR]
        eventually(lambda: subprocess.run(command, capture_output=True, check=False).returncode == 0, 20, 0.3)

    def listen(self, seconds: float) -> None:
        """Take in what is printed."""
        until_s = CLOCK.now() + seconds
        while CLOCK.now() < until_s:
            *lines, self._rest = (self._rest + self._in.read()).split("\n")
            now_s = CLOCK.now()
            found = [LINE.match(line.strip()) for line in lines]
            self.heard += [(now_s, bytes(int(byte, 16) for byte in one.groups())) for one in found if one is not None]
            CLOCK.wait(now_s + 0.005)

    def onsets(self, from_s: float, to_s: float) -> list[float]:
        """When notes began."""
        return [at_s for at_s, m in self.heard if from_s <= at_s <= to_s and m[0] & 0xF0 == 0x90 and m[2]]

    def sounding(self, begun_before_s: float) -> int:
        """How many notes that began before then have not ended by now."""
        began: dict[tuple[int, int], float] = {}
        for at_s, message in self.heard:
            key = (message[0] & 0x0F, message[1])
            if message[0] & 0xF0 == 0x90 and message[2]:
                began[key] = at_s
            elif message[0] & 0xF0 in (0x80, 0x90):
                began.pop(key, None)
            elif message[0] & 0xF0 == 0xB0 and message[1] in (120, 123):
                began = {one: since_s for one, since_s in began.items() if one[0] != key[0]}
        return sum(since_s < begun_before_s for since_s in began.values())

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._out.close()
        self._in.close()


class Scene(NamedTuple):
    """What a fault is done to."""

    daemon: Daemon
    ear: Ear
    hand: Client


Inflict = Callable[[Scene], None]


class Fault(NamedTuple):
    """what: for people. inflict: does it, and clears up. settings: of the daemon. engine: a second engine must be ready
    before. restarts: the take may lack what came just before.
    """

    what: str
    inflict: Inflict
    settings: tuple[str, ...] = ()
    engine: bool = False
    restarts: bool = False


def _kill(who: Callable[[Daemon], int], number: int) -> Inflict:
    return lambda scene: os.kill(who(scene.daemon), number)


def _tap_twice(scene: Scene) -> None:
    for _ in range(2):
        scene.hand.send(0xB0, 87, 127)


def _flood(*message: int, seconds: float = 3.0, rate: float = 3000.0) -> Inflict:
    def inflict(scene: Scene) -> None:
        began_s, sent = CLOCK.now(), 0
        while (now_s := CLOCK.now()) < began_s + seconds:
            while sent < rate * (now_s - began_s):
                last = sent % 128 if message[0] & 0xF0 == 0xB0 else message[-1]
                scene.hand.send(message[0], (message[1] + sent % 40) if last == message[-1] else message[1], last)
                sent += 1
            scene.ear.listen(0.01)
        for pitch in range(128) if message[0] & 0xF0 == 0x90 else ():
            scene.hand.send(0x80, pitch, 0)

    return inflict


def _save(text: str) -> Inflict:
    def inflict(scene: Scene) -> None:
        (scene.daemon.folder / "config.yaml").write_text(text)
        scene.ear.listen(3.0)
        (scene.daemon.folder / "config.yaml").write_text("mood: {start: nervous}\n")

    return inflict


def _fifo(scene: Scene) -> None:
    path = scene.daemon.folder / "config.yaml"
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    scene.ear.listen(3.0)
    path.unlink()
    path.write_text("mood: {start: nervous}\n")


def _hold_keys(scene: Scene) -> None:
    """Twenty keys whose ends are lost."""
    for pitch in range(40, 60):
        scene.hand.send(0x90, pitch, 80)


def _remove_takes(scene: Scene) -> None:
    shutil.rmtree(scene.daemon.folder / "takes", ignore_errors=True)


def _no_handles(scene: Scene) -> None:
    """The engine may open nothing more when the process of the page has to be started again."""
    engine = scene.daemon.engine
    before = resource.prlimit(engine, resource.RLIMIT_NOFILE)
    open_now = len(os.listdir(f"/proc/{engine}/fd"))
    resource.prlimit(engine, resource.RLIMIT_NOFILE, (open_now, before[1]))
    os.kill(_frontends(scene.daemon), signal.SIGKILL)
    scene.ear.listen(4.0)
    resource.prlimit(engine, resource.RLIMIT_NOFILE, before)


def _half_requests(scene: Scene) -> None:
    """Two hundred and five requests that never end, from one address."""
    found = re.findall(r"page: http://127.0.0.1:(\d+)", scene.daemon.log)
    with contextlib.ExitStack() as stack:
        for _ in range(205):
            with contextlib.suppress(OSError):
                one = stack.enter_context(socket.create_connection(("127.0.0.1", int(found[-1])), 1.0))
                one.sendall(b"GET / HTTP/1.1\r\nHost: 127.")
        scene.ear.listen(2.0)


def _frontends(daemon: Daemon) -> int:
    return live.children(daemon.engine)[1]


def _waiting_engine(daemon: Daemon) -> int:
    return live.children(daemon.process.pid)[1]


WEB = ("web.enabled=true", "web.port=0")
FAULTS = {
    "none": Fault("nothing is done", lambda _: None),
    "engine-killed": Fault("the engine is killed", _kill(lambda d: d.engine, signal.SIGKILL), (), True, True),
    "engine-stopped": Fault("the engine hangs (SIGSTOP)", _kill(lambda d: d.engine, signal.SIGSTOP), (), True, True),
    "engine-aborts": Fault("the engine aborts (SIGABRT)", _kill(lambda d: d.engine, signal.SIGABRT), (), True, True),
    "waiting-engine-killed": Fault(
        "the engine that waits is killed", _kill(_waiting_engine, signal.SIGKILL), (), engine=True
    ),
    "player-killed": Fault("the player is killed", _kill(lambda d: d.player, signal.SIGKILL)),
    "player-killed-rtmidi": Fault(
        "the player is killed, driver rtmidi", _kill(lambda d: d.player, signal.SIGKILL), ("midi.driver=rtmidi",)
    ),
    "player-stopped": Fault("the player hangs (SIGSTOP)", _kill(lambda d: d.player, signal.SIGSTOP)),
    "frontends-killed": Fault("the process of the page is killed", _kill(_frontends, signal.SIGKILL), WEB),
    "frontends-stopped": Fault("the process of the page hangs", _kill(_frontends, signal.SIGSTOP), WEB),
    "no-handles": Fault("no file handle when the page has to start again", _no_handles, WEB),
    "half-requests": Fault("205 half-sent requests", _half_requests, WEB),
    "hangup": Fault("SIGHUP", _kill(lambda d: d.process.pid, signal.SIGHUP)),
    "taps": Fault("two taps of one moment", _tap_twice),
    "flood-mood": Fault("3,000 CC 22 a second", _flood(0xB0, 22, 0)),
    "flood-notes": Fault("10,000 notes a second", _flood(0x90, 40, 80, rate=10_000.0)),
    "flood-notes-duet": Fault(
        "10,000 notes a second in a duet", _flood(0x90, 40, 80, rate=10_000.0), ("music.mode=duet",)
    ),
    "keys-lost": Fault("20 keys whose ends are lost, in a duet", _hold_keys, ("music.mode=duet",)),
    "config-date": Fault("config.yaml with an impossible date", _save("name: 2020-13-45\n")),
    "config-digits": Fault("config.yaml with 5,000 digits", _save(f"music: {{seed: {'9' * 5000}}}\n")),
    "config-brackets": Fault("config.yaml with 3,000 brackets", _save("[" * 3000)),
    "config-comments": Fault("config.yaml of 1 MB of comments", _save("# nothing\n" * 100_000)),
    "config-fifo": Fault("a FIFO in place of config.yaml", _fifo),
    "takes-deleted": Fault("the folder of takes is deleted", _remove_takes),
}
SHORT = ("none", "engine-killed", "player-killed", "taps")


@contextlib.contextmanager
def scene(fault: Fault) -> Iterator[Scene]:
    """A daemon, a listener that a person connected, and a controller that plays to it."""
    with tempfile.TemporaryDirectory(prefix="brainmusic-") as name:
        folder = Path(name)
        (folder / "config.yaml").write_text("mood: {start: nervous}\n")
        daemon = Daemon(folder, *fault.settings)
        ear, hand = Ear(folder / "heard.txt"), Client(listens=False)
        try:
            daemon.wait_playing()
            ear.connect()
            hand.connect()
            yield Scene(daemon, ear, hand)
        finally:
            hand.close()
            ear.close()
            if daemon.process.poll() is None:
                daemon.stop(signal.SIGKILL)


def missing_s(folder: Path, wall: datetime.datetime) -> float:
    """Seconds before that moment of which no take says anything."""
    reached = [0.0]
    for path in folder.glob("*.take"):
        records = [record for record in journal.read(path) if record is not None]
        if records:
            began = datetime.datetime.fromisoformat(records[0]["started"]).timestamp()
            reached += [began + float(record["at"]) for record in records if "at" in record]
    before = [at_s for at_s in reached if at_s <= wall.timestamp()]
    return wall.timestamp() - max(before, default=0.0)


def _is_ready(daemon: Daemon) -> bool:
    """The engine that waits has started its player, the last that it does before it waits."""
    engines = live.children(daemon.process.pid)
    return len(engines) > 1 and bool(live.children(engines[1]))


class Try(NamedTuple):
    """gap_s: the longest around the fault. until_s: how long after it that gap was over."""

    gap_s: float
    until_s: float
    left: int
    lost_s: float


def attempt(fault: Fault, here: Scene) -> Try:
    """Do it once, and see what is heard."""
    here.ear.listen(READY_S if fault.engine else 2.0)
    if fault.engine:
        eventually(lambda: _is_ready(here.daemon), 120, 0.2)  # it has imported and loaded
        here.ear.listen(2.0)
    at_s, wall = CLOCK.now(), datetime.datetime.now().astimezone()
    fault.inflict(here)
    here.ear.listen(max(0.0, at_s + WATCHED_S - CLOCK.now()))
    onsets = [at_s - BEFORE_S, *here.ear.onsets(at_s - BEFORE_S, CLOCK.now()), CLOCK.now()]
    gap_s, end_s = max((b - a, b) for a, b in itertools.pairwise(onsets))
    lost_s = missing_s(here.daemon.folder / "takes", wall) if fault.restarts else 0.0
    return Try(gap_s, max(0.0, end_s - at_s), here.ear.sounding(at_s - 8.0), lost_s)


def tried(fault: Fault, times: int) -> dict[str, Any]:
    """All tries with one daemon, which must end in order afterwards."""
    with scene(fault) as here:
        tries = [attempt(fault, here) for _ in range(times)]
        code = here.daemon.stop()
        here.ear.listen(1.0)
        left = max(max(one.left for one in tries), here.ear.sounding(CLOCK.now()))
        tracebacks = here.daemon.log.count("Traceback")
    gaps = sorted(one.gap_s for one in tries)
    ended = all(one.until_s < WATCHED_S for one in tries)
    held = gaps[-1] <= PROMISED_S + LATE_S and not left and ended and code == 0
    return {
        "what": fault.what,
        "tries": times,
        "gap_s": {"median": round(gaps[len(gaps) // 2], 2), "longest": round(gaps[-1], 2)},
        "over_promise": sum(gap_s > PROMISED_S + LATE_S for gap_s in gaps),
        "music_after_s": round(max(one.until_s for one in tries), 2),
        "notes_left": left,
        "take_lost_s": round(max(one.lost_s for one in tries), 2),
        "tracebacks": tracebacks,
        "held": held and max(one.lost_s for one in tries) <= PROMISED_LOST_S,
    }


def measure(times: int, only: list[str], short: bool) -> dict[str, Any]:
    """Every fault that is asked for."""
    names = only or (SHORT if short else tuple(FAULTS))
    found: dict[str, Any] = {"load": list(os.getloadavg()), "cpus": os.cpu_count(), "faults": {}}
    with live.jack(period=1024, synchronous=False, realtime=True):
        for name in names:
            try:
                found["faults"][name] = tried(FAULTS[name], 2 if short else times)
            except (AssertionError, RuntimeError, subprocess.TimeoutExpired) as error:
                found["faults"][name] = {"what": FAULTS[name].what, "held": False, "failed": str(error)[:300]}
            print(name, found["faults"][name], flush=True)
    return found


def table(result: dict[str, Any]) -> str:
    """For docs/reliability.md."""
    head = ("what is done", "tries", "longest gap (median)", "notes left", "take lost", "held")
    rows = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for one in result["faults"].values():
        if "failed" in one:
            rows.append(f"| {one['what']} | – | – | – | – | not tried: {one['failed']} |")
            continue
        gap, lost = one["gap_s"], f"{one['take_lost_s']} s" if one["take_lost_s"] else "–"
        verdict = "yes" if one["held"] else f"{one['tries'] - one['over_promise']} of {one['tries']}"
        cells = (one["what"], one["tries"], f"{gap['longest']} s ({gap['median']})", one["notes_left"], lost, verdict)
        rows.append(f"| {' | '.join(str(cell) for cell in cells)} |")
    return "\n".join(rows)


def options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen on the command line."""
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--only", nargs="*", default=[], choices=list(FAULTS))
    parser.add_argument("--short", action="store_true", help="a few faults, twice each")


if __name__ == "__main__":
    report("faults", __doc__, options, measure)
