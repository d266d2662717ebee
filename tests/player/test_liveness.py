"""How soon another player takes the place of one that failed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from improv.player import liveness
from improv.player.liveness import LONGEST_DELAY_S, OWES_S, PING_EVERY_S, STEADY_S, Liveness
from improv.player.protocol import PlayerSettings
from tools.waiting import eventually


class Process:
    def __init__(self) -> None:
        self.alive = True

    def is_alive(self) -> bool:
        return self.alive


class Quiet:
    """A child that starts no process."""

    listens = True
    pid = None

    def __init__(self) -> None:
        self.process, self.ended = Process(), False

    def begin(self, settings: PlayerSettings, hung: object) -> None: ...

    def send(self, record: object) -> None: ...

    def end(self, timeout_s: float = 0.0) -> None:
        self.ended = True


def waits(monkeypatch: pytest.MonkeyPatch, lived_s: float) -> list[float]:
    """How long each next player waits when each of eight lives so long."""
    monkeypatch.setattr(liveness, "Child", Quiet)
    watched, now_s, found = Liveness(), 100.0, []
    for _ in range(8):
        watched.start(PlayerSettings(), None, now_s)
        now_s += lived_s
        watched.fail(now_s, "ended unexpectedly")
        assert watched.restart_at_s is not None
        found.append(watched.restart_at_s - now_s)
        now_s = watched.restart_at_s
    return found


def test_players_that_work_are_replaced_at_once_however_often_they_are_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert waits(monkeypatch, STEADY_S + 1) == [0.0] * 8


def test_one_that_fails_as_soon_as_it_lives_is_tried_ever_later_but_never_long_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = waits(monkeypatch, 0.1)
    assert found[0] == 0.0
    assert found == sorted(found)
    assert found[-1] == pytest.approx(LONGEST_DELAY_S)


def test_another_one_waits_beside_a_player_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "Child", Quiet)
    watched, now_s = Liveness(keeps_spare=True), 100.0
    watched.start(PlayerSettings(), None, now_s)
    watched.stand_by(now_s)
    assert watched._spare is None  # not while the music is about to begin
    for _ in range(3):
        now_s += STEADY_S
        watched.stand_by(now_s)
        spare = watched._spare
        watched.stand_by(now_s + 1)
        assert watched._spare is spare is not None
        watched.fail(now_s + 1, "ended unexpectedly")
        assert not spare.ended
        watched.start(PlayerSettings(), (), now_s := now_s + 1)
        assert watched.child is spare
        assert watched._spare is None
    watched.stand_by(now_s + STEADY_S)
    last = watched._spare
    watched.end()
    assert last is not None
    assert last.ended
    assert watched.child is None


def test_without_room_for_another_one_the_music_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def none() -> None:
        tries.append(1)
        raise OSError("too many open files")

    monkeypatch.setattr(liveness, "Child", Quiet)
    watched = Liveness(keeps_spare=True)
    watched.start(PlayerSettings(), None, 0.0)
    monkeypatch.setattr(liveness, "Child", none)
    for second in range(60):
        watched.stand_by(float(second))
    assert watched.listens
    assert len(tries) == 3


def test_one_that_dies_while_it_waits_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "Child", Quiet)
    watched = Liveness(keeps_spare=True)
    watched.start(PlayerSettings(), None, 0.0)
    watched.stand_by(STEADY_S)
    spare = watched._spare
    assert spare is not None
    spare.process.alive = False
    for second in range(60):
        watched.stand_by(STEADY_S + second)
    assert spare.ended
    assert watched._spare is not None
    assert watched._spare is not spare


BLOCKED = "import os; r, w = os.pipe(); print(flush=True)\nwhile True: os.write(w, bytes(65536))"
COMPUTES = "print(flush=True)\nwhile True: pass"
LIMIT_S = 3.0


class Real(Quiet):
    """A process that answers no ping."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self.popen = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        assert self.popen.stdout is not None
        assert self.popen.stdout.readline()
        self.pid = self.popen.pid

    def end(self, timeout_s: float = 0.0) -> None:
        self.popen.kill()
        self.popen.communicate()


def given_up_after_s(watched: Liveness, *, at_work: bool = True) -> float:
    """Seconds of a stand-in clock, in turns of an engine, from the first ping on; 10 where it is not given up."""
    began_s = 100.0
    for turn in range(200):
        now_s = began_s + 0.05 * turn
        watched.beat(now_s)
        watched.ping(now_s)
        if watched.failing(now_s, LIMIT_S, at_work=at_work):
            return now_s - began_s
    return 10.0


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system has no /proc")
@pytest.mark.parametrize("how", ["stopped", "blocked in a write", "no answer while its ports are looked for"])
def test_one_that_hangs_is_given_up_as_soon_as_it_owes_an_answer(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    child = Real(COMPUTES if how == "stopped" else BLOCKED)
    monkeypatch.setattr(liveness, "Child", lambda: child)
    watched = Liveness()
    try:
        watched.start(PlayerSettings(), None, 99.9)
        if how == "stopped":
            os.kill(child.pid, signal.SIGSTOP)
        eventually(lambda: not watched._stillness.lacks_time())
        after_s = given_up_after_s(watched, at_work="ports" not in how)
    finally:
        watched.end()
    assert after_s == pytest.approx(LIMIT_S if "ports" in how else OWES_S, abs=0.11)


def test_one_that_gets_no_time_is_believed_for_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "Child", Quiet)
    watched = Liveness()
    watched.start(PlayerSettings(), None, 99.9)
    monkeypatch.setattr(watched._stillness, "lacks_time", lambda: True)
    assert given_up_after_s(watched) == pytest.approx(LIMIT_S, abs=0.11)


def test_one_that_says_anything_owes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "Child", Quiet)
    watched = Liveness()
    watched.start(PlayerSettings(), None, 100.0)
    monkeypatch.setattr(watched._stillness, "lacks_time", lambda: False)
    for turn in range(200):
        now_s = 100.0 + 0.05 * turn
        watched.beat(now_s)
        watched.ping(now_s)
        assert not watched.failing(now_s, LIMIT_S, at_work=True)
        if turn % 8 == 7:  # later than a ping, before an answer is owed for too long
            watched.heard(now_s)
    assert PING_EVERY_S < 8 * 0.05 < OWES_S + PING_EVERY_S


def test_an_engine_that_stood_still_asks_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "Child", Quiet)
    watched = Liveness()
    watched.start(PlayerSettings(), None, 100.0)
    monkeypatch.setattr(watched._stillness, "lacks_time", lambda: False)
    for now_s in (100.3, 102.0, 102.4):
        watched.beat(now_s)
        watched.ping(now_s)
        assert not watched.failing(now_s, LIMIT_S, at_work=True)
