"""The plan is turned while it plays: does the music follow, and does it go on?

    python -m benchmarks.plan_turns [--turns 100] [--every 4]

A daemon over JACK's dummy driver and a client that is connected to it. Key, chords, one chord, phrase length, reach and
form are commanded by OSC in a random order, one every few seconds; now and then the mood turns as well. Told: how long
after a command the plan has it (as the state says), the share of the notes that belong to what was commanded from then
to the next command, beside the same notes judged by another command of the kind (chance), the longest gap between two
note-ons, and what still sounds at the end.
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from benchmarks.attack import Target
from benchmarks.frontends import FRONTENDS
from benchmarks.report import report
from improv.frontends.osc.packet import write
from improv.music.chord import KEY_NAMES, chord_named, key_named, scale_classes
from improv.music.mood import CORNERS
from tools import live
from tools.live import Client, Daemon
from tools.waiting import CLOCK, eventually

CHORDS = ("C", "Am", "F", "G7", "Dm7", "E", "Bb", "Ebmaj7", "F#m", "Abm", "Bdim", "D/F#")
LOOPS = ("Am F C G", "Dm7 G7 C .", "C G Am Em F C F G", "F#m D A E", "Cm Ab Eb Bb", "Am G | F E")
SETTLED_S = 0.3  # of music that was on its way to the port as the plan changed
LOOK_S = 0.05


class Turn(NamedTuple):
    """A command: its word, its OSC argument, the pitch classes that it allows (empty: any) and what the state shows."""

    word: str
    argument: str | int
    classes: frozenset[int] = frozenset()
    shown: tuple[str, str] = ("", "")


class Did(NamedTuple):
    """When a command was sent, when the state had it (None: not before the next), when the next one was sent."""

    turn: Turn
    sent_s: float
    had_s: float | None
    until_s: float


def key(name: str) -> Turn:
    """A minor key has both sevenths."""
    classes = scale_classes(key_named(name))
    natural = {(classes[0] + 10) % 12} if "minor" in name else set()
    return Turn("key", name, frozenset(classes) | natural, ("plan_key", name))


def chord(name: str) -> Turn:
    """A chord that holds."""
    return Turn("chord", name, frozenset(chord_named(name).classes), ("plan_chord", name))


def loop(text: str) -> Turn:
    """A loop: each of its chords in turn, so that all their tones are allowed."""
    names = [word for word in text.split() if word not in (".", "|")]
    return Turn("chords", text, frozenset(c for name in names for c in chord_named(name).classes))


def drawn(chance: random.Random) -> Turn:
    """One of the commands of the plan."""
    kinds: Sequence[Callable[[], Turn]] = (
        lambda: key(chance.choice(KEY_NAMES)),
        lambda: key(chance.choice(KEY_NAMES)),
        lambda: chord(chance.choice(CHORDS)),
        lambda: loop(chance.choice(LOOPS)),
        lambda: Turn("phrase_bars", chance.randrange(1, 17)),
        lambda: Turn("reach", chance.randrange(-1, 7)),
        lambda: Turn("form", chance.choice(("on", "off"))),
        lambda: Turn("mood", chance.choice(tuple(CORNERS))),
    )
    return chance.choice(kinds)()


class Stage:
    """The daemon's addresses, and what the state says."""

    def __init__(self, daemon: Daemon, client: Client) -> None:
        target = Target(daemon)
        self._state = f"http://127.0.0.1:{target.page_port}/api/state"
        self._osc, self._client = ("127.0.0.1", target.osc_port), client
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def say(self, word: str, argument: str | int) -> None:
        """By OSC."""
        self._socket.sendto(write(f"/brainmusic/{word}", argument), self._osc)

    def shows(self, field: str) -> Any:
        """A field of the state."""
        with urllib.request.urlopen(self._state, timeout=30) as answer:
            return json.load(answer)[field]

    def do(self, turn: Turn, seconds: float) -> Did:
        """Send it and listen until the next."""
        for word in ("chord", "chords"):  # what was commanded before gives way, as a person would make it
            if turn.word in ("key", "chord", "chords") and word != turn.word:
                self.say(word, "off")
        if turn.word in ("chord", "chords"):
            self.say("key", "auto")
        self.say(turn.word, turn.argument)
        sent_s, had_s, field = CLOCK.now(), None, turn.shown[0]
        while (now_s := CLOCK.now()) < sent_s + seconds:
            if field and had_s is None and self.shows(field) == turn.shown[1]:
                had_s = CLOCK.now()
            self._client.listen(now_s + LOOK_S)
        return Did(turn, sent_s, had_s, CLOCK.now())


def share(notes: Sequence[tuple[float, int]], classes: frozenset[int], from_s: float, to_s: float) -> float | None:
    """Of the notes in a time, those of these pitch classes; None without a note."""
    found = [pitch % 12 in classes for at_s, pitch in notes if from_s <= at_s < to_s]
    return float(np.mean(found)) if found else None


def row(done: Sequence[Did], notes: Sequence[tuple[float, int]], chance: random.Random) -> dict[str, Any]:
    """One kind of command."""
    fit, by_chance = [], []
    for one in done:
        begin_s = one.had_s if one.turn.shown[0] else one.sent_s + 1.0
        others = [d.turn.classes for d in done if d.turn.classes != one.turn.classes]
        if begin_s is None or not one.turn.classes or not others:
            continue
        span = (begin_s + SETTLED_S, one.until_s)
        fits = share(notes, one.turn.classes, *span)
        if fits is not None:
            fit.append(fits)
            by_chance.append(share(notes, chance.choice(others), *span) or 0.0)
    waits = [d.had_s - d.sent_s for d in done if d.had_s is not None]
    shown = [d for d in done if d.turn.shown[0]]
    return (
        {"commands": len(done)}
        | ({"shown": len(waits), "of": len(shown), "wait_s_median": _round(np.median(waits))} if waits else {})
        | ({"wait_s_p95": _round(np.percentile(waits, 95))} if waits else {})
        | ({"notes_that_fit": _round(np.mean(fit)), "chance": _round(np.mean(by_chance))} if fit else {})
    )


def _round(value: Any) -> float:
    return round(float(value), 3)


def measure(turns: int, every: float, seed: int, model: str) -> dict[str, Any]:
    """All commands, then the table."""
    chance = random.Random(seed)
    settings = ("mood.start=happy", f"model.path={model}", *FRONTENDS) if model else ("mood.start=happy", *FRONTENDS)
    with live.jack(1024, synchronous=False, realtime=True), live.playing(*settings) as (daemon, client):
        eventually(lambda: "page: " in daemon.log and "OSC: " in daemon.log, 60)
        stage = Stage(daemon, client)
        client.listen(CLOCK.now() + every)
        began_s = CLOCK.now()
        done = [stage.do(drawn(chance), every) for _ in range(turns)]
        ended_s = CLOCK.now()
        client.listen(ended_s + 1.0)
        notes = [(at_s, message[1]) for at_s, message in client.note_ons()]
        daemon.stop()
        client.listen(CLOCK.now() + 1.0)
        left, log = client.held(), daemon.log
    words = sorted({one.turn.word for one in done})
    gaps = np.diff([at_s for at_s, _ in notes if began_s <= at_s <= ended_s])
    return {
        "turns": len(done),
        "seconds": _round(ended_s - began_s),
        "notes": len(notes),
        "longest_gap_s": _round(gaps.max()),
        "left_sounding": len(left),
        "said": [line for line in log.splitlines() if "WARNING" in line or "ERROR" in line][:20],
        **{word: row([d for d in done if d.turn.word == word], notes, chance) for word in words},
    }


def options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen on the command line."""
    parser.add_argument("--turns", type=int, default=100)
    parser.add_argument("--every", type=float, default=4.0, help="seconds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="", help="default: the one that plays by default")


if __name__ == "__main__":
    report("plan_turns", __doc__, options, measure)
