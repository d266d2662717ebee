"""Less is given after failures, and more again after a while that went well."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.app.supervision.fallbacks import LATELY_S, LONGEST_SOUND_S, OFTEN, SHORT_LIFE_S, SOUND_S, Fallbacks
from improv.app.supervision.orders import AS_BEFORE, NEW_PIECE, NO_NETWORK
from improv.clock import ManualClock

LOOK_S = 0.5


class Watched:
    """Engines that live for so long, one after the other, on a manual clock."""

    def __init__(self) -> None:
        self.clock, self.subject = ManualClock(100.0), Fallbacks()
        self.subject.started(self.clock.now())

    def lives(self, seconds: float, *, silent: bool = False) -> int:
        """It fails after so long; the level of the next one."""
        self.clock.wait(self.clock.now() + seconds)
        self.subject.failed(self.clock.now(), silent=silent)
        self.subject.started(self.clock.now())
        return self.subject.level

    def plays(self, longest_s: float, *, plays: bool = True) -> float | None:
        """Seconds until a step may be taken back; None: not within longest_s."""
        began_s = self.clock.now()
        while self.clock.now() < began_s + longest_s:
            self.clock.wait(self.clock.now() + LOOK_S)
            if self.subject.look(self.clock.now(), plays=plays):
                return self.clock.now() - began_s
        return None

    def takes_back(self) -> int:
        self.subject.take_back()
        self.subject.started(self.clock.now())
        return self.subject.level


def fallen() -> Watched:
    here = Watched()
    levels = [here.lives(1.0) for _ in range(6)]
    assert levels == [0, 1, 2, 3, 4, 4]
    return here


def test_an_engine_that_fails_now_and_then_goes_on_where_it_was() -> None:
    here = Watched()
    assert {here.lives(SHORT_LIFE_S + 30) for _ in range(50)} == {AS_BEFORE}


def test_engines_that_fail_often_are_given_less() -> None:
    here = Watched()
    assert [here.lives(SHORT_LIFE_S + 0.5) for _ in range(OFTEN)][-1] == NEW_PIECE


def test_engines_that_make_no_notes_are_given_less_however_long_they_live() -> None:
    here = Watched()
    assert [here.lives(LATELY_S + 10, silent=True) for _ in range(6)] == [0, 1, 2, 3, 4, 4]


def test_all_comes_back_step_by_step() -> None:
    here = fallen()
    for level in (3, 2, 1, 0):
        assert here.plays(2 * SOUND_S) == pytest.approx(SOUND_S, abs=2 * LOOK_S)
        assert here.takes_back() == level
    assert here.plays(3 * SOUND_S) is None


def test_a_step_that_fails_again_is_tried_after_twice_the_time() -> None:
    here, expected_s = fallen(), SOUND_S
    for _ in range(12):
        assert here.plays(2 * LONGEST_SOUND_S) == pytest.approx(expected_s, abs=2 * LOOK_S)
        assert here.takes_back() == NO_NETWORK - 1
        assert here.lives(120.0) == NO_NETWORK
        expected_s = min(2 * expected_s, LONGEST_SOUND_S)
    # What held is not asked about again, and the next fault begins with the first time.
    for _ in range(NO_NETWORK):
        assert here.plays(2 * LONGEST_SOUND_S) is not None
        here.takes_back()
    assert here.plays(LONGEST_SOUND_S + 1) is None
    assert here.subject.sound_s == SOUND_S


def test_time_without_music_does_not_count() -> None:
    here = fallen()
    assert here.plays(5 * SOUND_S, plays=False) is None
    here.clock.wait(here.clock.now() + 5 * SOUND_S)  # the machine stood still
    assert here.plays(SOUND_S / 2) is None


@given(st.lists(st.tuples(st.floats(0.0, 2000.0), st.booleans(), st.booleans()), max_size=60))
def test_the_level_is_one_there_is_whatever_happens(lives: list[tuple[float, bool, bool]]) -> None:
    here = Watched()
    for seconds, silent, returns in lives:
        if returns and here.subject.level > AS_BEFORE:
            here.takes_back()
        assert AS_BEFORE <= here.lives(seconds, silent=silent) <= NO_NETWORK
