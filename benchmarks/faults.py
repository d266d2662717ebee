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
from improv.model import onnx_model
from improv.takes import journal
from tools import TINY, live
from tools.live import Client, Daemon, JackServer
from tools.waiting import CLOCK, PATIENCE_S, eventually

LINE = re.compile(r"\d+: (\w\w) (\w\w) (\w\w) ")
OUTPUT, MONITOR = "BrainMusic:BrainMusic", "midi-monitor:input"
PROMISED_S = 2.0  # until there is music again
PROMISED_LOST_S = 1.0  # of the take
WATCHED_S, BEFORE_S = 7.0, 1.0  # after a fault, before it
WAITED_S = 20.0  # so much longer it is listened where the music has not gone on by then
USUAL = "mood: {start: nervous}\n"
TAKEN_OVER = "does not count yet|was read again"
READY_S = 9.0  # so long a second engine needs to be ready on a busy machine
LATE_S = 0.05  # the listener's output is looked at so often


class Ear:
    """What `jack_midi_dump` prints, with the time at which it was seen."""

    def __init__(self, path: Path) -> None:
        self._out = path.open("w")
        self._in = path.open("r")
        self._rest = ""
        self.heard: list[tuple[float, bytes]] = []
        self._process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(["stdbuf", "-oL", "jack_midi_dump", "-a"], stdout=self._out, stderr=subprocess.DEVNULL)

    def connect(self) -> None:
        """As a person would: once."""
        command = ["jack_connect", OUTPUT, MONITOR]
        eventually(
            lambda: self._is_connected() or subprocess.run(command, capture_output=True).returncode == 0, 20, 0.3
        )

    def _is_connected(self) -> bool:
        listed = subprocess.run(["jack_lsp", "-c", MONITOR], capture_output=True, text=True, check=False).stdout
        return OUTPUT in listed

    def start_again(self) -> None:
        """After its server was lost, and all that sounded with it."""
        self._process.kill()
        self._process.wait()
        self.heard.append((CLOCK.now(), bytes((0xB0, 120, 0))))
        self._process = self._started()

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
    server: JackServer


Inflict = Callable[[Scene], float | None]


class Fault(NamedTuple):
    """what: for people. inflict: does it, and clears up; returns from when on there could be music again, where that is
    later than the fault. settings: of the daemon. engine: a second engine must be ready before. restarts: the take may
    lack what came just before. piped: another process reads what the daemon says. prepare: given the daemon's folder
    before it starts. clear: afterwards. said: what the log has by then, else the fault was none (a regular expression).
    """

    what: str
    inflict: Inflict
    settings: tuple[str, ...] = ()
    engine: bool = False
    restarts: bool = False
    piped: bool = False
    prepare: Callable[[Path], None] | None = None
    clear: Callable[[Path], None] | None = None
    said: str = ""


def _kill(who: Callable[[Daemon], int], number: int) -> Inflict:
    def inflict(scene: Scene) -> None:
        os.kill(who(scene.daemon), number)

    return inflict


def _page(scene: Scene) -> int:
    """Process id of the page's process. It is started ever later when it fails again and again: it is waited for."""
    while (found := live.called(scene.daemon.engine).get("improv-frontend")) is None:
        scene.ear.listen(0.2)
    scene.ear.listen(BEFORE_S)
    return found


def _kill_page(number: int) -> Inflict:
    def inflict(scene: Scene) -> float:
        page, at_s = _page(scene), CLOCK.now()
        os.kill(page, number)
        return at_s

    return inflict


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


def _save(text: str, happens: str = TAKEN_OVER) -> Inflict:
    def inflict(scene: Scene) -> None:
        path = scene.daemon.folder / "config.yaml"
        _until_said(scene, happens, lambda: path.write_text(text.replace("FOLDER", str(scene.daemon.folder))))
        scene.ear.listen(3.0)
        _until_said(scene, TAKEN_OVER, lambda: path.write_text(USUAL))

    return inflict


def _until_said(scene: Scene, pattern: str, act: Callable[[], object]) -> None:
    """Do something, and listen until the log has it once more."""
    before, began_s = len(re.findall(pattern, scene.daemon.log)), CLOCK.now()
    act()
    while len(re.findall(pattern, scene.daemon.log)) <= before:
        if CLOCK.now() > began_s + PATIENCE_S:
            raise RuntimeError(f"the daemon did not say {pattern}")
        scene.ear.listen(0.1)


def _in_place_of_config(put: Callable[[Path], object], take: Callable[[Path], None] = Path.unlink) -> Inflict:
    """Something that is no configuration stands in its place for three seconds."""

    def inflict(scene: Scene) -> None:
        path = scene.daemon.folder / "config.yaml"
        path.unlink(missing_ok=True)
        put(path)
        scene.ear.listen(3.0)
        take(path)
        path.write_text(USUAL)

    return inflict


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2 << 30)


def _pause_supervisor(scene: Scene) -> None:
    """It stands still for three seconds: longer than it believes in an engine that makes no turn."""
    os.kill(scene.daemon.process.pid, signal.SIGSTOP)
    scene.ear.listen(3.0)
    os.kill(scene.daemon.process.pid, signal.SIGCONT)


def _hang_up_often(scene: Scene) -> None:
    for _ in range(200):
        scene.daemon.process.send_signal(signal.SIGHUP)
        scene.daemon.process.send_signal(signal.SIGUSR1)
        scene.ear.listen(0.01)


def _endless_sysex(scene: Scene) -> None:
    """Two megabytes that are announced as one message whose end never comes, then a key."""
    for _ in range(512):
        scene.hand.send(0xF0, *([0x55] * 4094))
        scene.ear.listen(0.005)


def _no_takes_written(scene: Scene) -> None:
    """The folder of takes is a file, then a folder again."""
    path = scene.daemon.folder / "takes"
    shutil.rmtree(path, ignore_errors=True)
    path.write_text("")
    scene.ear.listen(5.0)
    path.unlink()


def _hold_keys(scene: Scene) -> None:
    """Twenty keys whose ends are lost."""
    for pitch in range(40, 60):
        scene.hand.send(0x90, pitch, 80)


def _remove_takes(scene: Scene) -> None:
    shutil.rmtree(scene.daemon.folder / "takes", ignore_errors=True)


def _no_handles(scene: Scene) -> float:
    """The engine may open nothing more when the process of the page has to be started again."""
    page, engine, at_s = _page(scene), scene.daemon.engine, CLOCK.now()
    before = resource.prlimit(engine, resource.RLIMIT_NOFILE)
    open_now = len(os.listdir(f"/proc/{engine}/fd"))
    resource.prlimit(engine, resource.RLIMIT_NOFILE, (open_now, before[1]))
    os.kill(page, signal.SIGKILL)
    scene.ear.listen(4.0)
    resource.prlimit(engine, resource.RLIMIT_NOFILE, before)
    return at_s


def _restart_jack(scene: Scene) -> float:
    """The MIDI system is killed and comes back two seconds later."""
    scene.hand.close()
    scene.server.end(signal.SIGKILL)
    scene.ear.listen(2.0)
    scene.server.start()
    began_s = CLOCK.now()
    scene.ear.start_again()
    scene.ear.connect()
    scene.hand.__init__(listens=False)  # type: ignore[misc]
    scene.hand.connect()
    return began_s


def _leave_unread(scene: Scene) -> None:
    """Who reads what the daemon says stops reading, while it says far more than a pipe holds."""
    assert scene.daemon.reader is not None
    scene.daemon.reader.send_signal(signal.SIGSTOP)
    for _ in range(50):
        scene.daemon.process.send_signal(signal.SIGUSR1)
        scene.ear.listen(0.1)
    scene.daemon.reader.send_signal(signal.SIGCONT)


def _fill_disk(scene: Scene) -> None:
    """The disk of the takes is full, then has room again."""
    path = scene.daemon.folder / "takes" / "something else"
    with contextlib.suppress(OSError), path.open("wb") as file:
        while True:
            file.write(bytes(4096))
            file.flush()
    scene.ear.listen(5.0)
    path.unlink()


def _small_disk(folder: Path) -> None:
    (folder / "takes").mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder / "takes")]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        raise RuntimeError("a small disk can be had by root only")


def _no_disk(folder: Path) -> None:
    subprocess.run(["umount", "-l", str(folder / "takes")], capture_output=True, check=False)


def _spoil(way: str) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        from benchmarks.spoilt_models import spoil  # needs onnx, which the other faults do without

        sound = onnx_model.resolve("")
        spoil(sound, folder / "spoilt.onnx", way, onnx_model.OnnxModel(sound, "cpu").encoding.start_id)

    return prepare


def _spoilt(what: str, way: str) -> Fault:
    """It plays from a bar line on and goes wrong with its first tokens; then the model before plays again."""
    chosen = _save(f"{USUAL}model: {{path: FOLDER/spoilt.onnx}}\n", "the model .*spoilt.onnx plays from")
    return Fault(what, chosen, prepare=_spoil(way), said=r"the model \S*spoilt.onnx (failed|is too slow)")


def _own_model(folder: Path) -> None:
    """A small one: a large one may be too slow for a busy machine, and another one plays before the file is gone."""
    shutil.copy(TINY, folder / "own.onnx")


def _take_model_away(scene: Scene) -> float:
    """The file goes, then the engine that has the model in memory, while the one that waits could not load it."""
    (scene.daemon.folder / "own.onnx").unlink(missing_ok=True)
    waiting = _waiting_engine(scene.daemon)
    os.kill(waiting, signal.SIGKILL)
    eventually(lambda: _is_another(scene.daemon, waiting) and _is_ready(scene.daemon), 120, 0.2)
    scene.ear.listen(2.0)
    os.kill(scene.daemon.engine, signal.SIGKILL)
    return CLOCK.now()


def _is_another(daemon: Daemon, waiting: int) -> bool:
    engines = live.children(daemon.process.pid)
    return len(engines) > 1 and engines[1] != waiting


def _half_requests(scene: Scene) -> None:
    """Two hundred and five requests that never end, from one address."""
    found = re.findall(r"page: http://127.0.0.1:(\d+)", scene.daemon.log)
    with contextlib.ExitStack() as stack:
        for _ in range(205):
            with contextlib.suppress(OSError):
                one = stack.enter_context(socket.create_connection(("127.0.0.1", int(found[-1])), 1.0))
                one.sendall(b"GET / HTTP/1.1\r\nHost: 127.")
        scene.ear.listen(2.0)


def _reader(daemon: Daemon) -> int:
    assert daemon.reader is not None
    return daemon.reader.pid


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
    "frontends-killed": Fault("the process of the page is killed", _kill_page(signal.SIGKILL), WEB),
    "frontends-stopped": Fault("the process of the page hangs", _kill_page(signal.SIGSTOP), WEB),
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
    "config-fifo": Fault("a FIFO in place of config.yaml", _in_place_of_config(os.mkfifo)),
    "config-folder": Fault("a folder in place of config.yaml", _in_place_of_config(Path.mkdir, Path.rmdir)),
    "config-loop": Fault(
        "a link to itself in place of config.yaml", _in_place_of_config(lambda path: path.symlink_to(path))
    ),
    "config-sparse": Fault("a file of 2 GiB in place of config.yaml", _in_place_of_config(_sparse)),
    "config-utf16": Fault(
        "config.yaml in UTF-16", _in_place_of_config(lambda path: path.write_text(USUAL, encoding="utf-16"))
    ),
    "config-bytes": Fault(
        "config.yaml of random bytes", _in_place_of_config(lambda path: path.write_bytes(os.urandom(65536)))
    ),
    "supervisor-stopped": Fault("the supervisor stands still (SIGSTOP, SIGCONT)", _pause_supervisor, engine=True),
    "signals": Fault("200 times SIGHUP and SIGUSR1 in two seconds", _hang_up_often),
    "sysex": Fault("exclusive messages without an end", _endless_sysex),
    "flood-touch": Fault("10,000 aftertouch messages a second", _flood(0xA0, 40, 80, rate=10_000.0)),
    "flood-pedal": Fault("10,000 pedal messages a second", _flood(0xB0, 64, 0, rate=10_000.0)),
    "takes-file": Fault("a file in place of the folder of takes", _no_takes_written),
    "jack-restarted": Fault("the JACK server is killed and started again", _restart_jack),
    "jack-restarted-rtmidi": Fault(
        "the JACK server is killed and started again, driver rtmidi", _restart_jack, ("midi.driver=rtmidi",)
    ),
    "unread": Fault("nobody reads what it says", _leave_unread, piped=True),
    "reader-gone": Fault("who reads what it says is gone", _kill(_reader, signal.SIGKILL), piped=True),
    "disk-full": Fault(
        "the disk of the takes is full", _fill_disk, prepare=_small_disk, clear=_no_disk, said="No space left on device"
    ),
    "model-nan": _spoilt("a model that answers NaN", "nan"),
    "model-raises": _spoilt("a model that raises", "raises"),
    "model-slow": _spoilt("a model that takes half a second a token", "slow"),
    "model-never": _spoilt("a model that never answers", "never"),
    "model-gone": Fault(
        "the file of the model is gone, then the engine is killed",
        _take_model_away,
        ("model.path=own.onnx",),
        engine=True,
        restarts=True,
        prepare=_own_model,
        said="own.onnx is not there",
    ),
    "takes-deleted": Fault("the folder of takes is deleted", _remove_takes),
}
SHORT = ("engine-killed", "player-killed", "jack-restarted", "unread", "model-nan")


@contextlib.contextmanager
def scene(fault: Fault, server: JackServer) -> Iterator[Scene]:
    """A daemon, a listener that a person connected, and a controller that plays to it."""
    with tempfile.TemporaryDirectory(prefix="brainmusic-") as name:
        folder = Path(name)
        (folder / "config.yaml").write_text(USUAL)
        if fault.prepare is not None:
            fault.prepare(folder)
        daemon = Daemon(folder, *fault.settings, piped=fault.piped)
        ear, hand = Ear(folder / "heard.txt"), Client(listens=False)
        try:
            daemon.wait_playing()
            ear.connect()
            hand.connect()
            yield Scene(daemon, ear, hand, server)
        finally:
            hand.close()
            ear.close()
            if daemon.process.poll() is None:
                daemon.stop(signal.SIGKILL)
            if fault.clear is not None:
                fault.clear(folder)


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
    from_s = at_s - BEFORE_S
    if (later_s := fault.inflict(here)) is not None:
        wall += datetime.timedelta(seconds=later_s - at_s)
        at_s = from_s = later_s
    here.ear.listen(max(0.0, at_s + WATCHED_S - CLOCK.now()))
    while not here.ear.onsets(CLOCK.now() - PROMISED_S, CLOCK.now()) and CLOCK.now() < at_s + WATCHED_S + WAITED_S:
        here.ear.listen(0.2)
    onsets = [from_s, *here.ear.onsets(from_s, CLOCK.now()), CLOCK.now()]
    gap_s, end_s = max((b - a, b) for a, b in itertools.pairwise(onsets))
    lost_s = missing_s(here.daemon.folder / "takes", wall) if fault.restarts else 0.0
    return Try(gap_s, max(0.0, end_s - at_s), here.ear.sounding(at_s - 8.0), lost_s)


def tried(fault: Fault, times: int, server: JackServer) -> dict[str, Any]:
    """All tries with one daemon, which must end in order afterwards."""
    with scene(fault, server) as here:
        tries = [attempt(fault, here) for _ in range(times)]
        code = here.daemon.stop()
        here.ear.listen(1.0)
        left = max(max(one.left for one in tries), here.ear.sounding(CLOCK.now()))
        said = here.daemon.log
    gaps = sorted(one.gap_s for one in tries)
    ended = all(one.until_s < WATCHED_S + WAITED_S for one in tries)
    happened = bool(re.search(fault.said, said))
    held = happened and gaps[-1] <= PROMISED_S + LATE_S and not left and ended and code == 0
    return {
        "what": fault.what,
        "tries": times,
        "gap_s": {"median": round(gaps[len(gaps) // 2], 2), "longest": round(gaps[-1], 2)},
        "over_promise": sum(gap_s > PROMISED_S + LATE_S for gap_s in gaps),
        "music_after_s": round(max(one.until_s for one in tries), 2),
        "notes_left": left,
        "take_lost_s": round(max(one.lost_s for one in tries), 2),
        "tracebacks": said.count("Traceback"),
        "exit_code": code,
        "happened": happened,
        "held": held and max(one.lost_s for one in tries) <= PROMISED_LOST_S,
    }


def measure(times: int, only: list[str], short: bool) -> dict[str, Any]:
    """Every fault that is asked for."""
    names = only or (SHORT if short else tuple(FAULTS))
    found: dict[str, Any] = {"load": list(os.getloadavg()), "cpus": os.cpu_count(), "faults": {}}
    with live.jack(period=1024, synchronous=False, realtime=True) as server:
        for name in names:
            try:
                found["faults"][name] = tried(FAULTS[name], 2 if short else times, server)
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
        verdict = (
            "did not happen"
            if not one["happened"]
            else "yes"
            if one["held"]
            else f"{one['tries'] - one['over_promise']} of {one['tries']}"
        )
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
