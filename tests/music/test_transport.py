"""Ticks, bars and seconds."""

from __future__ import annotations

from itertools import pairwise

import pytest

from improv.music.position import Position


def positions(count: int, start: Position, tempo_bpm: float) -> list[Position]:
    found = [start]
    while len(found) < count:
        found.append(found[-1].next(tempo_bpm))
    return found


START = Position(0, 0.0, 120.0, 0, 4.0, 4)


def test_at_a_steady_tempo() -> None:
    walked = positions(33, START, 120.0)
    assert [p.tick for p in walked] == list(range(33))
    assert [p.music_s for p in walked] == pytest.approx([tick * 0.125 for tick in range(33)])
    assert [p.bar for p in walked] == [1] * 16 + [2] * 16 + [3]
    assert [p.beat_in_bar for p in walked[14:19]] == [3.5, 3.75, 0.0, 0.25, 0.5]
    assert [p.ticks_to_bar_line for p in walked[14:19]] == [2, 1, 0, 15, 14]


@pytest.mark.parametrize(("beats", "ticks"), [(3.0, 12), (3.5, 14), (1.25, 5), (1.0, 4)])
def test_other_metres(beats: float, ticks: int) -> None:
    walked = positions(2 * ticks + 1, START._replace(beats_per_bar=beats), 120.0)
    assert walked[0].bar_ticks == ticks
    assert [p.tick for p in walked if p.ticks_to_bar_line == 0] == [0, ticks, 2 * ticks]
    assert [p.bar_tick for p in walked[:-1]] == [0] * ticks + [ticks] * ticks


def test_a_new_tempo_is_approached_within_about_a_beat_without_overshooting() -> None:
    tempi = [p.tempo_bpm for p in positions(20, START, 60.0)]
    assert tempi[0] == 120
    assert all(60 < later < earlier for earlier, later in pairwise(tempi))
    assert tempi[4] < 70
    assert tempi[-1] == pytest.approx(60, abs=0.1)


def test_the_next_step_begins_when_this_one_is_over() -> None:
    first = START._replace(tempo_bpm=60.0, music_s=7.0)
    assert first.step_s == 0.25
    assert first.next(200.0).music_s == 7.25


def test_a_finer_grid_approaches_the_tempo_in_the_same_time() -> None:
    fine = positions(25, START._replace(ticks_per_beat=24), 60.0)
    assert fine[24].tempo_bpm == pytest.approx(positions(5, START, 60.0)[4].tempo_bpm, abs=6)
