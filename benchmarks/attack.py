"""How late notes are sent while the frontends are used, flooded and attacked, beside quiet moments of the same run.

    python -m benchmarks.attack [--seconds 10] [--rounds 3]

A daemon over JACK's dummy driver, with page, OSC and ctl. Each round has every phase once, a quiet one between them: a
listener at the page's WebSocket, 1,000 OSC commands a second, 10,000 commands a second through the WebSocket, 100,000
spoilt OSC packets in all, bodies of 10 MB, requests of foreign pages and names. A monitor tells when the machine itself
stood still; notes due then are left out, and counted.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import random
import re
import socket
import tempfile
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from benchmarks.report import report
from benchmarks.stamper import Stamper, Stamps, build
from improv.frontends.osc.packet import write
from tools import live
from tools.live import Daemon
from tools.spoil import spoilt
from tools.waiting import CLOCK, eventually

WARM_UP_S = 4.0
FUZZED = 100_000  # packets, over all rounds
OSC_PER_S, SOCKET_PER_S = 1_000, 10_000
BIG = 10_000_000


class Target:
    """The daemon's addresses."""

    def __init__(self, daemon: Daemon) -> None:
        self.page, self.osc = (
            re.search(pattern, daemon.log) for pattern in (r"page: http://127.0.0.1:(\d+)", r"OSC: 127.0.0.1:(\d+)")
        )
        assert self.page
        assert self.osc
        self.page_port, self.osc_port = int(self.page[1]), int(self.osc[1])
        self.refused = 0

    def metrics(self) -> dict[str, float]:
        """What the frontends counted."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.page_port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        return {m[1]: float(m[2]) for m in re.finditer(r'faces_total\{what="(\w+)"\} (\S+)', text)}


Phase = Callable[[Target, float], None]


def quiet(target: Target, until_s: float) -> None:
    """Nobody does anything."""
    CLOCK.wait(until_s)


def listener(target: Target, until_s: float) -> None:
    """A page listens to every note and state."""
    with connect(f"ws://127.0.0.1:{target.page_port}/live", proxy=None) as page:
        while (left_s := until_s - CLOCK.now()) > 0:
            with contextlib.suppress(TimeoutError):
                page.recv(left_s)


def osc(target: Target, until_s: float) -> None:
    """1,000 proper commands a second."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as player:
        sent, began_s = 0, CLOCK.now()
        while CLOCK.now() < until_s:
            player.sendto(write("/brainmusic/intensity", 0.5 + sent % 100 / 1000), ("127.0.0.1", target.osc_port))
            sent += 1
            CLOCK.wait(began_s + sent / OSC_PER_S)


def socket_flood(target: Target, until_s: float) -> None:
    """10,000 commands a second through the WebSocket; a new one whenever it is hung up on."""
    while CLOCK.now() < until_s:
        with (
            contextlib.suppress(WebSocketException, OSError),
            connect(f"ws://127.0.0.1:{target.page_port}/live", proxy=None, close_timeout=0.1) as page,
        ):
            sent, began_s = 0, CLOCK.now()
            while CLOCK.now() < until_s:
                page.send('{"command": "intensity", "value": 0.5, "id": 1}')
                sent += 1
                CLOCK.wait(began_s + sent / SOCKET_PER_S)


def fuzz(packets: int) -> Phase:
    """Spoilt OSC packets, evenly over the phase."""

    def send(target: Target, until_s: float) -> None:
        chance, began_s = random.Random(packets), CLOCK.now()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as player:
            for sent in range(packets):
                player.sendto(spoilt(chance), ("127.0.0.1", target.osc_port))
                CLOCK.wait(began_s + sent * (until_s - began_s) / packets)

    return send


def big(target: Target, until_s: float) -> None:
    """Bodies of 10 MB, one after the other."""
    while CLOCK.now() < until_s:
        _request(target, "POST", "/api/command", b"x" * BIG)


def foreign(target: Target, until_s: float) -> None:
    """Requests of pages and names from elsewhere, 200 a second."""
    sent, began_s = 0, CLOCK.now()
    while CLOCK.now() < until_s:
        strange = {"Origin": "https://evil.example"} if sent % 2 else {"Host": "evil.example"}
        _request(target, "POST", "/api/command", b'{"command": "panic"}', strange)
        sent += 1
        CLOCK.wait(began_s + sent / 200)


def _request(target: Target, method: str, path: str, body: bytes, headers: dict[str, str] | None = None) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", target.page_port, timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        target.refused += connection.getresponse().status in (403, 413, 429)
    except OSError:
        target.refused += 1  # it hung up before we were done
    finally:
        connection.close()


def measure(seconds: float, rounds: int) -> dict[str, Any]:
    """Lateness in each phase, and what was refused."""
    phases: dict[str, Phase] = {
        "listener": listener,
        "osc_1000_per_s": osc,
        "websocket_10000_per_s": socket_flood,
        "osc_spoilt": fuzz(FUZZED // rounds),
        "bodies_of_10_mb": big,
        "foreign_pages": foreign,
    }
    frontends = (
        "web.enabled=true",
        "web.port=0",
        "osc.enabled=true",
        "osc.port=0",
        "osc.query_port=0",
        "ctl.enabled=true",
    )
    spans: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory(prefix="brainmusic-") as folder:
        stamp = build(Path(folder))
        with live.jack(), live.playing("mood.start=nervous", "midi.driver=rtmidi", *frontends) as (daemon, _):
            eventually(lambda: "page: " in daemon.log and "OSC: " in daemon.log, 30)
            target, stamper = Target(daemon), Stamper(stamp)
            CLOCK.wait(CLOCK.now() + WARM_UP_S)
            for _ in range(rounds):
                for name, phase in phases.items():
                    for word, act in (("quiet", quiet), (name, phase)):
                        began_s = CLOCK.now()
                        act(target, began_s + (seconds / 2 if word == "quiet" else seconds))
                        spans.setdefault(word, []).append((began_s, CLOCK.now()))
            counted = target.metrics()
            restarts = daemon.log.count("was restarted")
            refusals = [line.split(" WARNING ", 1)[1] for line in daemon.log.splitlines() if " WARNING " in line]
            code = daemon.stop()
            stamps = stamper.stop()
            notes = daemon.sent()
    return {
        "rounds": rounds,
        "standstills": len(stamps.stalls),
        "monitor_fifo": stamps.monitor_fifo,
        "phases": {name: lateness(notes, span, stamps) for name, span in spans.items()},
        "counted_by_the_frontends": counted,
        "http_refused": target.refused,
        "warnings_logged": len(refusals),
        "frontends_restarts": restarts,
        "exit_code": code,
    }


def lateness(notes: list[dict[str, Any]], spans: list[tuple[float, float]], stamps: Stamps) -> dict[str, Any]:
    """Of the notes due within the spans, ms."""
    due = [n for n in notes if any(since <= n["due_s"] < until for since, until in spans)]
    late = sorted(1000 * (n["sent_s"] - n["due_s"]) for n in due if not stamps.stalled(n["due_s"], n["sent_s"]))
    if not late:
        return {"onsets": 0}
    return {
        "seconds": round(sum(until - since for since, until in spans), 1),
        "onsets": len(late),
        "left_out_for_standstills": len(due) - len(late),
        "p50_ms": round(late[len(late) // 2], 3),
        "p99_ms": round(late[len(late) * 99 // 100], 3),
        "worst_ms": round(late[-1], 3),
    }


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=10.0, help="of each phase, in each round")
    parser.add_argument("--rounds", type=int, default=3)


if __name__ == "__main__":
    report("attack", __doc__, _options, measure)
