"""How late notes are sent with the page open and without, and while 1,000 OSC commands a second arrive; and the CPU.

    python -m benchmarks.frontends [--seconds 20] [--rounds 6] [--no-realtime] [--phases page,osc]

A daemon over JACK's dummy driver, in the mood with the most notes. Each round has a quiet phase before every other
one, so that what drifts weighs on both alike. *page*: a Chromium without a screen has the page open, connected, its
piano roll drawing (needs the extra `test` and chromium); it is opened for each phase anew, and what was sent while it
opened is told apart. *osc*: 1,000 commands a second that turn the intensity. A monitor tells when the machine itself
stood still; notes due then are left out, and counted.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import attack
from benchmarks.attack import Target
from benchmarks.footprint import cpu_s, processes
from benchmarks.report import report
from benchmarks.stamper import Stamper, build
from tools import browser as chrome
from tools import live
from tools.waiting import CLOCK, eventually

FRONTENDS = ("web.enabled=true", "web.port=0", "osc.enabled=true", "osc.port=0", "osc.query_port=0")
WARM_UP_S = 4.0
SETTLE_S = 1.0  # after a page was closed: Chromium clears up
DRAWN = "() => [brainmusic.roll.drawn, document.hidden]"
Span = tuple[float, float]


def measure(seconds: float, rounds: int, realtime: bool, phases: str, driver: str) -> dict[str, Any]:
    """Lateness, CPU in percent of one core and what was drawn, by phase."""
    wanted = phases.split(",")
    if "page" in wanted and (why := chrome.missing()):
        raise SystemExit(f"cannot be measured here: {why}")
    settings = ("mood.start=nervous", f"midi.driver={driver}", f"timing.realtime={str(realtime).lower()}", *FRONTENDS)
    with tempfile.TemporaryDirectory(prefix="brainmusic-") as folder, contextlib.ExitStack() as stack:
        stamp = build(Path(folder))
        stack.enter_context(live.jack())
        daemon, client = stack.enter_context(live.playing(*settings))
        eventually(lambda: "page: " in daemon.log and "OSC: " in daemon.log, 30)
        run = Run(daemon, client, stack.enter_context(chrome.chromium()) if "page" in wanted else None, seconds)
        stamper = Stamper(stamp)
        CLOCK.wait(CLOCK.now() + WARM_UP_S)
        for _ in range(rounds):
            for phase in wanted:
                run.count("quiet", CLOCK.now() + seconds)
                getattr(run, phase)()
                CLOCK.wait(CLOCK.now() + SETTLE_S)
        daemon.stop()
        stamps, notes, log = stamper.stop(), daemon.sent(), daemon.log
    return {
        "rounds": rounds,
        "realtime": next((line.split("player: ")[1] for line in log.splitlines() if "player: " in line), ""),
        "standstills": len(stamps.stalls),
        "monitor_fifo": stamps.monitor_fifo,
        "phases": {name: attack.lateness(notes, spans, stamps) | run.cpu(name) for name, spans in run.spans.items()},
        **run.drawn,
    }


class Run:
    """The daemon that plays, and what was done beside it: the spans of each phase and the CPU used in them."""

    def __init__(self, daemon: live.Daemon, client: live.Client, browser: Any, seconds: float) -> None:
        self.spans: dict[str, list[Span]] = defaultdict(list)
        self.drawn: dict[str, int] = {}
        self._used: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        self._client, self._browser, self._seconds, self._target = client, browser, seconds, Target(daemon)
        pids = processes(daemon.process.pid)
        self._names = dict.fromkeys(pids, "frontends") | {daemon.engine: "engine", daemon.player: "player"}

    def count(self, phase: str, until_s: float) -> None:
        """Let the music play; what is sent and used until then belongs to the phase."""
        before, began_s = {pid: cpu_s(pid) for pid in self._names}, CLOCK.now()
        while (now_s := CLOCK.now()) < until_s:
            self._client.listen(now_s + 0.001)  # what arrived; its queue holds a hundred messages
            CLOCK.wait(min(until_s, now_s + 0.5))
        for pid, name in self._names.items():
            self._used[phase][name] += cpu_s(pid) - before[pid]
        self.spans[phase].append((began_s, CLOCK.now()))

    def cpu(self, phase: str) -> dict[str, Any]:
        """Percent of one core."""
        took_s = sum(until - since for since, until in self.spans[phase])
        return {"cpu_percent": {name: round(100 * used / took_s, 1) for name, used in self._used[phase].items()}}

    def page(self) -> None:
        """A page is open."""
        began_s = CLOCK.now()
        page = self._browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"http://127.0.0.1:{self._target.page_port}")
        page.wait_for_selector("#link[data-link=open]", state="attached")
        self.spans["page_opening"].append((began_s, CLOCK.now()))
        before, _ = page.evaluate(DRAWN)
        page.evaluate(
            "() => { let n = 0; const f = () => { brainmusic.frames = ++n; requestAnimationFrame(f); }; f(); }"
        )
        self.count("page", CLOCK.now() + self._seconds)
        after, hidden = page.evaluate(DRAWN)
        if hidden:
            raise RuntimeError("the page was hidden: it drew nothing")
        for name, more in (("notes_drawn", after - before), ("frames_drawn", page.evaluate("() => brainmusic.frames"))):
            self.drawn[name] = self.drawn.get(name, 0) + more
        page.close()

    def osc(self) -> None:
        """1,000 OSC commands a second."""
        with _sending(self._target, CLOCK.now() + self._seconds + SETTLE_S):
            CLOCK.wait(CLOCK.now() + SETTLE_S / 2)
            self.count("osc", CLOCK.now() + self._seconds)


@contextlib.contextmanager
def _sending(target: Target, until_s: float) -> Iterator[None]:
    thread = threading.Thread(target=attack.osc, args=(target, until_s))
    thread.start()
    try:
        yield
    finally:
        thread.join()


def options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen on the command line."""
    parser.add_argument("--seconds", type=float, default=20.0, help="of each phase, in each round")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--no-realtime", dest="realtime", action="store_false", help="the player without SCHED_FIFO")
    parser.add_argument("--phases", default="page,osc", help="which, with a comma between them")
    parser.add_argument("--driver", default="rtmidi", help="midi.driver of the daemon")


if __name__ == "__main__":
    report("frontends", __doc__, options, measure)
