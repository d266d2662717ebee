"""How soon another player takes the place of one that failed."""

from __future__ import annotations

import pytest

from improv.player import liveness
from improv.player.liveness import LONGEST_DELAY_S, STEADY_S, Liveness
from improv.player.protocol import PlayerSettings


class Quiet:
    """A child that starts no process."""

    listens = True

    def begin(self, settings: PlayerSettings, hung: object) -> None: ...

    def end(self, timeout_s: float = 0.0) -> None: ...


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
