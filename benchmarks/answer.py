"""How soon a change of mood is heard: CC 22 from another process at random moments.

    python -m benchmarks.answer [--times 100]

Counted twice: in the daemon's own log (command to the first note chosen under the new mood) and at the client that sent
the control change and receives the notes, over JACK with periods of 64 frames. Allowed is a sixteenth note or 150 ms,
whichever is longer.
"""

from __future__ import annotations

import argparse
import random
from typing import Any

from benchmarks.report import report
from tools import live
from tools.live import Client, Daemon
from tools.waiting import CLOCK

LIMIT_MS = 150.0
MIDDLE_OF_QUARTER = (16, 48, 80, 112)  # happy, nervous, sad, calm


def measure(times: int, seed: int) -> dict[str, Any]:
    """Turn the mood `times` times; returns what the table shows."""
    rng = random.Random(seed)
    turns: list[float] = []
    with live.jack(), live.playing() as (daemon, client):
        client.listen(CLOCK.now() + 2)
        quarter = 3
        for _ in range(times):
            quarter = rng.choice([other for other in range(4) if other != quarter])
            turns.append(client.send(0xB0, 22, MIDDLE_OF_QUARTER[quarter]))
            client.listen(CLOCK.now() + rng.uniform(0.8, 2.0))
        daemon.stop()
        client.listen(CLOCK.now() + 0.2)
        return evaluate(daemon, client, turns)


def evaluate(daemon: Daemon, client: Client, turns: list[float]) -> dict[str, Any]:
    """Compare what the daemon says with what the client heard."""
    answers = daemon.answers()
    first_sent: dict[int, dict[str, Any]] = {}
    for note in daemon.sent():
        first_sent.setdefault(note["tag"], note)
    own, heard, within_own, within_heard = [], [], 0, 0
    for revision, turned_s in enumerate(turns, start=1):
        if revision not in answers or revision not in first_sent:
            continue
        own_ms, sixteenth_ms = answers[revision]
        note = first_sent[revision]
        # Up to a period early: JACK hands a client all events of a period when that begins.
        earliest_s = note["sent_s"] - 0.005
        arrival = next(
            (h.at_s for h in client.note_ons() if h.message[1] == note["pitch"] and h.at_s > earliest_s), None
        )
        if arrival is None:
            continue
        limit_ms = max(LIMIT_MS, sixteenth_ms)
        own.append(own_ms)
        heard.append(1000 * (arrival - turned_s))
        within_own += own_ms <= limit_ms
        within_heard += heard[-1] <= limit_ms
    return {
        "turns": len(turns),
        "answered": len(own),
        "within_limit_by_daemon": within_own,
        "within_limit_at_client": within_heard,
        "daemon_ms": _quantiles(own),
        "client_ms": _quantiles(heard),
        "left_sounding": client.sounding(),
    }


def _quantiles(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    if not ordered:
        return {}
    return {
        name: round(ordered[min(int(share * len(ordered)), len(ordered) - 1)], 1)
        for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0))
    }


def options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen on the command line."""
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)


if __name__ == "__main__":
    report("answer", __doc__, options, measure)
