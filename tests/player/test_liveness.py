"""How soon another player takes the place of one that failed."""

from __future__ import annotations

import pytest

from improv.player import liveness
from improv.player.liveness import LONGEST_DELAY_S, STEADY_S, Liveness
from improv.player.protocol import PlayerSettings


class Process:
    def __init__(self) -> None:
        self.alive = True

    def is_alive(self) -> bool:
        return self.alive


class Quiet:
    """A child that starts no process."""

    listens = True

    def __init__(self) -> None:
        self.process, self.ended = Process(), False

    def begin(self, settings: PlayerSettings, hung: object) -> None: ...

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
