"""An instrument that is unplugged and plugged in again, and a MIDI server that dies, while notes sound.

    python -m benchmarks.replug [--unplugs 50] [--deaths 10]

A player with two outputs over JACK's dummy driver: a virtual port with a listener that stays, and an instrument by name
that goes at random moments and returns; then the server is killed at random moments and started again. Once through
rtmidi, once through JACK-Client. Every note is counted at both listeners: none may be lost at the one that stays, none
may be left sounding anywhere, and the way back is timed, from the moment at which the instrument (or the
server) is there to the first note that it gets.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import itertools
import os
import random
import subprocess
from typing import Any

from benchmarks.report import report
from improv.player.client import START_LIMIT_S, PlayerClient
from improv.player.protocol import OutputSettings, PlannedNote, PlayerSettings, PortsChanged, Schedule
from tools import live
from tools.waiting import CLOCK

NOTE_EVERY_S, NOTE_S, AHEAD_S = 0.05, 0.2, 0.25
OURS, CONTROL = "BrainMusic:BrainMusic", 0xB0
PROBE, ALL_NOTES_OFF = 0, 123
LONGEST_S = 20.0


class Ear:
    """Another program with one port that listens; `close` unplugs it.

    What arrives is taken in by rtmidi's own thread: one of Python's would miss periods on a busy machine.
    """

    api = 3  # RtMidi's number of JACK

    def __init__(self, name: str, connect_to: str = "") -> None:
        self._heard: list[tuple[float, bytes]] = []
        rtmidi: Any = importlib.import_module("rtmidi")
        self._client = rtmidi.MidiIn(self.api, name=name, queue_size_limit=100_000)
        if connect_to:
            names = self._client.get_ports()
            self._client.open_port(next(i for i, there in enumerate(names) if connect_to in there), "in")
        else:
            self._client.open_virtual_port("in")
        self._open = True

    @property
    def heard(self) -> list[tuple[float, bytes]]:
        """All so far, each with the time at which it was looked for."""
        while self._open and (arrived := self._client.get_message()) is not None:
            self._heard.append((CLOCK.now(), bytes(arrived[0])))
        return self._heard

    def close(self) -> None:
        """Go without a word."""
        self._heard, self._open = self.heard, False
        self._client.close_port()
        self._client.delete()

    @property
    def ons(self) -> list[tuple[float, int]]:
        """(when, pitch) of the note-ons."""
        return [(at_s, message[1]) for at_s, message in self.heard if message[0] & 0xF0 == 0x90 and message[1] != PROBE]

    def sounding(self) -> set[int]:
        """Pitches that were begun here and not ended; all notes off ends all."""
        found: set[int] = set()
        for _, message in self.heard:
            if message[0] & 0xF0 == 0x90:
                found.add(message[1])
            elif message[0] & 0xF0 == 0x80:
                found.discard(message[1])
            elif message[0] & 0xF0 == CONTROL and message[1] == ALL_NOTES_OFF:
                found.clear()
        return found


class Music:
    """Notes without end, each with a pitch that does not come again for four seconds."""

    def __init__(self, link: PlayerClient) -> None:
        self._link = link
        self._numbers = itertools.count()
        self._at_s = CLOCK.now() + 0.1
        self.pitches: list[int] = []
        self.notices: list[str] = []

    def play(self, until_s: float) -> None:
        """Go on planning; a gap in which nobody planned is not caught up with."""
        while CLOCK.now() < until_s:
            self._at_s = max(self._at_s, CLOCK.now() + 0.02)
            while self._at_s < CLOCK.now() + AHEAD_S:
                number = next(self._numbers)
                self.pitches.append(20 + number % 80)
                note = PlannedNote(number, 0, self.pitches[-1], 80, self._at_s, self._at_s + NOTE_S)
                self._link.send(Schedule((note,)))
                self._at_s += NOTE_EVERY_S
            self.turn()

    def turn(self) -> None:
        """Heartbeat, and what the player says."""
        if notice := self._link.beat():
            self.notices.append(notice)
        self.notices += [record.notice for record in self._link.poll(0.01) if isinstance(record, PortsChanged)]

    def until(self, condition: Any, limit_s: float = LONGEST_S) -> bool:
        """Play until it holds; false if it never does."""
        end_s = CLOCK.now() + limit_s
        while not condition():
            if CLOCK.now() > end_s:
                return False
            self.play(CLOCK.now() + 0.02)
        return True

    def until_turning(self, condition: Any, limit_s: float = LONGEST_S) -> bool:
        """As `until`, but nothing more is planned."""
        end_s = CLOCK.now() + limit_s
        while not (held := condition()) and CLOCK.now() < end_s:
            self.turn()
        return bool(held)

    def rest(self) -> None:
        """Let all that was planned end."""
        end_s = CLOCK.now() + AHEAD_S + NOTE_S + 0.3
        while CLOCK.now() < end_s:
            self.turn()


@contextlib.contextmanager
def stage(driver: str, *, late_note_limit_s: float = 0.05, start_limit_s: float = START_LIMIT_S) -> Any:
    """A player with both outputs, its listeners connected."""
    grand = Ear("Grand")
    outputs = (OutputSettings(), OutputSettings("grand"))
    link = PlayerClient(PlayerSettings(driver=driver, outputs=outputs, late_note_limit_s=late_note_limit_s), CLOCK)
    link.start()
    try:
        link.wait_ready(start_limit_s)
        plain, music = Ear("plain", OURS), Music(link)
        numbers = 0
        while not (plain.heard and grand.heard):  # the first messages after a connection may get lost
            numbers -= 1
            link.send(Schedule((PlannedNote(numbers, 0, PROBE, 1, CLOCK.now(), CLOCK.now()),)))
            link.beat()
            link.poll(0.05)
        yield link, music, plain, grand
    finally:
        link.close()


def unplug(driver: str, cycles: int, rng: random.Random, **limits: float) -> dict[str, Any]:
    """The instrument goes and returns."""
    back_s: list[float] = []
    never = never_though_long = silenced = 0
    with stage(driver, **limits) as (link, music, plain, grand):
        for _ in range(cycles):
            music.play(CLOCK.now() + rng.uniform(0.1, 1.0))
            grand.close()
            away_s = rng.uniform(0.05, 1.5)
            music.play(CLOCK.now() + away_s)
            grand = Ear("Grand")
            there_s = CLOCK.now()
            if not music.until(lambda ear=grand: ear.ons):
                never += 1
                never_though_long += away_s > 2 * PlayerSettings().port_poll_s
                continue
            back_s.append(grand.ons[0][0] - there_s)
            music.play(CLOCK.now() + 0.3)
            silenced += any(message[0] & 0xF0 == CONTROL and message[1] == ALL_NOTES_OFF for _, message in grand.heard)
        music.rest()
        result = {
            "cycles": cycles,
            "never_back": never,
            "never_back_after_more_than_two_looks": never_though_long,
            **_back(back_s),
            "told_to_end_all_on_return": silenced,
            "stays": _count(plain, music.pitches),
            "left_sounding_on_the_returned": sorted(grand.sounding()),
            "player": _player(link),
        }
        plain.close()
        grand.close()
    return result


def _count(ear: Ear, pitches: list[int]) -> dict[str, Any]:
    heard = [pitch for _, pitch in ear.ons]
    offs = sum(message[0] & 0xF0 == 0x80 and message[1] != PROBE for _, message in ear.heard)
    return {
        "planned": len(pitches),
        "note_ons": len(heard),
        "in_order": heard == pitches,
        "note_offs": offs,
        "left_sounding": sorted(ear.sounding()),
    }


def _player(link: PlayerClient) -> dict[str, int]:
    end_s = CLOCK.now() + 1.0  # two heartbeats: the statistics of now
    while CLOCK.now() < end_s:
        link.beat()
        link.poll(0.05)
    counted = link.statistics
    return {"dropped": counted.notes_dropped, "sounding": counted.sounding, "restarts": link.restarts}


def _back(back_s: list[float]) -> dict[str, Any]:
    ordered = sorted(back_s) or [0.0]
    return {
        "back_s": {"median": round(ordered[len(ordered) // 2], 2), "worst": round(ordered[-1], 2)},
        "within_2_s": sum(after <= 2.0 for after in back_s),
    }


def deaths(driver: str, count: int, rng: random.Random) -> dict[str, Any]:
    """The server is killed and started again; the music goes on."""
    back_s: list[float] = []
    never = 0
    stuck: list[list[int]] = []
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Server())
        link, music, plain, grand = stack.enter_context(stage(driver))
        for _ in range(count):
            music.play(CLOCK.now() + rng.uniform(0.3, 2.0))
            for ear in (plain, grand):  # a moment before: rtmidi does not survive a server that dies under it for long
                ear.close()
            server.kill()
            music.play(CLOCK.now() + rng.uniform(0.2, 2.0))
            server.start()
            grand, there_s = Ear("Grand"), CLOCK.now()
            if not music.until(lambda ear=grand: ear.ons):
                never += 1
                plain = Ear("plain")
                continue
            back_s.append(grand.ons[0][0] - there_s)
            plain = Ear("plain")
        restarts = _player(link)
        music.play(CLOCK.now() + 1.0)
        music.rest()
        stuck = [sorted(ear.sounding()) for ear in (plain, grand)]
        for ear in (plain, grand):
            ear.close()
    return {"deaths": count, "never_back": never, **_back(back_s), "left_sounding": stuck, "player": restarts}


class Server:
    """A JACK server that may die and come again under its name."""

    def __enter__(self) -> Server:
        self._before = dict(os.environ)
        self._name = f"bmr{os.getpid()}"
        os.environ.update(JACK_DEFAULT_SERVER=self._name, JACK_NO_START_SERVER="1")
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        self._process.wait()
        os.environ.clear()
        os.environ.update(self._before)

    def start(self) -> None:
        """Returns when it answers."""
        command = f"jackd -n {self._name} -r -m -d dummy -r 48000 -p 1024 -C 0 -P 2".split()
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        subprocess.run(["jack_wait", "-s", self._name, "-w", "-t", "10"], check=True, stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        """Without a word."""
        self._process.kill()
        self._process.wait()


def measure(unplugs: int, deaths_wanted: int, seed: int) -> dict[str, Any]:
    """Both, through both drivers."""
    result: dict[str, Any] = {}
    for driver in ("rtmidi", "jack"):
        with live.jack(1024, synchronous=False):
            result[driver] = {"unplugged": unplug(driver, unplugs, random.Random(seed))}
        result[driver]["server_died"] = deaths(driver, deaths_wanted, random.Random(seed))
    return result


def options(parser: argparse.ArgumentParser) -> None:
    """What can be chosen on the command line."""
    parser.add_argument("--unplugs", type=int, default=50)
    parser.add_argument("--deaths", dest="deaths_wanted", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)


if __name__ == "__main__":
    report("replug", __doc__, options, measure)
