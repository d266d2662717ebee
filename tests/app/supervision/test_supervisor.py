"""The supervisor: which engine it takes for one that hangs, and which it leaves alone."""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from improv.app import cli
from improv.app.supervision import supervisor as module
from improv.app.supervision.fallbacks import SOUND_S
from improv.app.supervision.lifeline import Lifeline, Signs
from improv.app.supervision.orders import AS_BEFORE, DEFAULT_CONFIG, DEFAULT_MODEL, NEW_PIECE, NO_NETWORK, RETURNS
from improv.app.supervision.supervisor import SILENT_S, UNWELL_S, EngineProcess, Signals, Supervisor
from improv.clock import ManualClock, SystemClock
from tests.conftest import TINY
from tools.waiting import eventually

LOOK_S = 0.05


def run_options(*settings: str) -> argparse.Namespace:
    options = cli._parsed(["run", *(word for setting in settings for word in ("-o", setting))])
    options.terminal = None
    return options


class Watched:
    """A supervisor on a manual clock, and an engine that says what a test lets it say."""

    def __init__(self, lifeline: Lifeline) -> None:
        self.clock, self.lifeline = ManualClock(1000.0), lifeline
        self.supervisor = Supervisor(run_options(), lifeline, self.clock)
        process = SimpleNamespace(pid=os.getpid())
        self.supervisor._engine = EngineProcess(process, SimpleNamespace())  # type: ignore[arg-type]
        self.turns = 0

    def plays(self, seconds: float, overdue_s: float = 0.0) -> str:
        """The first reason to replace it, in so many seconds. overdue_s: at first; it grows where it is not 0."""
        end_s = self.clock.now() + seconds
        while self.clock.now() < end_s:
            self.clock.wait(self.clock.now() + LOOK_S)
            self.turns += 1
            overdue_s += LOOK_S * (overdue_s > 0)
            self.lifeline.beat(Signs(self.turns, self.turns, overdue_s))
            if reason := self.supervisor._hangs():
                return reason
        return ""


@pytest.fixture
def watched() -> Iterator[Watched]:
    with Lifeline.create() as lifeline:
        yield Watched(lifeline)


def test_an_engine_that_owes_no_note_may_be_silent_for_hours(watched: Watched) -> None:
    assert watched.plays(2 * 3600.0) == ""


def test_an_engine_that_owes_notes_and_makes_none_is_replaced(watched: Watched) -> None:
    assert watched.plays(5.0) == ""
    assert watched.plays(SILENT_S - 1, overdue_s=0.01) == ""
    assert "made no note" in watched.plays(2.0, overdue_s=SILENT_S - 1)


def test_a_watchdog_is_fed_only_while_all_is_well(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "3000000")
        watched = Watched(watched.lifeline)
        watched.plays(3.0)
        assert systemd.recv(100).startswith(b"READY=1")
        assert everything(systemd)
        watched.plays(10.0, overdue_s=UNWELL_S + 1)
        assert everything(systemd) == set()
        watched.plays(2.0)
        assert everything(systemd) == {b"WATCHDOG=1"}


def everything(systemd: socket.socket) -> set[bytes]:
    """What systemd was told and has not read yet."""
    found = set()
    with contextlib.suppress(BlockingIOError):
        while True:
            found.add(systemd.recv(100))
    return found


def test_an_engine_that_waits_for_a_person_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The real processes: nobody plays, in a mode that answers, for longer than music may be owed."""
    monkeypatch.setattr(module, "SILENT_S", 1.0)
    monkeypatch.chdir(tmp_path)
    settings = ("music.mode=answer", "midi.driver=null", f"model.path={TINY}", "takes.enabled=false")
    nobody = ("web.enabled=false", "osc.enabled=false", "ctl.enabled=false")
    short = (
        "music.longest_note_beats=1",
        "music.longest_rest_beats=0.25",
        "music.beats_per_bar=1",
        "mood.start=nervous",
    )
    signals = Signals()
    with Lifeline.create() as lifeline:
        subject = Supervisor(run_options(*settings, *nobody, *short), lifeline, SystemClock())
        running = threading.Thread(target=subject.run, args=(signals,))
        running.start()
        try:
            eventually(lambda: lifeline.signs().playing_turns > 0)
            first = subject._pid
            eventually(lambda: lifeline.signs().playing_turns > 80)  # four seconds and more, without a note
            assert subject._pid == first
            assert lifeline.signs().overdue_s == 0
        finally:
            signals.stopping = True
            running.join()


def test_more_is_given_again_and_said_once(
    watched: Watched, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the manual clock: an engine under no network plays on, then each step is taken back."""
    subject = watched.supervisor
    started: list[int] = []
    ended = SimpleNamespace(pid=os.getpid(), terminate=lambda: None, join=lambda _: None)
    subject._engine = EngineProcess(ended, SimpleNamespace())  # type: ignore[arg-type]
    monkeypatch.setattr(subject, "_clear_away", lambda _: None)
    monkeypatch.setattr(subject, "_start", started.append)
    subject._fallbacks.level = NO_NETWORK
    for _ in range(int(5 * SOUND_S / LOOK_S)):
        assert watched.plays(LOOK_S) == ""
        if subject._fallbacks.look(watched.clock.now(), plays=subject._plays):
            subject._take_back()
    assert started == [DEFAULT_CONFIG, DEFAULT_MODEL, NEW_PIECE]
    assert [record.message for record in caplog.records] == [
        f"All went well for 10 minutes: {RETURNS[level]}." for level in started
    ]
    assert subject._fallbacks.level == AS_BEFORE
