"""Seconds of a piece <-> ticks of a file, with as few tempo changes as keep its bar lines where they are heard."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

from improv.midi.grid_file import FILE_TICKS_PER_BEAT
from improv.takes.take import PlayedStep

LONGEST_QUARTER_US = 0xFFFFFF  # what a tempo event can say: 16.8 s
# A step that comes later than that after the one before it was waited for: slower than any rubato, and then some.
LONGEST_RUBATO, PAUSE_S = 2.0, 0.05
STEADY_S = 0.02
"""As long as every grid step lies this near to a steady tempo, the file has one: no more than
pianists' own onsets of one chord lie apart (10-30 ms). Notes keep their seconds: they are placed beside the grid.
"""


class _Segment(NamedTuple):
    """From at_s and file_tick on, so many seconds to a file tick."""

    at_s: float
    file_tick: float
    seconds_per_tick: float


class Timeline:
    """Bars and beats of the file are those of the steps; a pause takes whole bars."""

    def __init__(self, steps: Sequence[PlayedStep]) -> None:
        self.step_ticks: list[int] = []
        """File tick of each step."""
        self.meters: list[tuple[int, float]] = []
        """(file tick, quarters in a bar) where that changes."""
        self._exact: list[_Segment] = []  # a segment for each step
        tick, last_meter = 0.0, 0.0
        if steps and steps[0].at_s > PAUSE_S:
            tick = self._rest(steps[0], 0.0, 0.0, steps[0].at_s)
        for step, after in zip_longest(steps, steps[1:]):
            if step.beats_per_bar != last_meter:
                self.meters.append((round(tick), step.beats_per_bar))
                last_meter = step.beats_per_bar
            self.step_ticks.append(round(tick))
            tick = self._step(step, after, tick)
        if not self._exact:
            self._exact.append(_Segment(0.0, 0.0, 0.5 / FILE_TICKS_PER_BEAT))
        self._steady = _steady(self._exact)

    def _step(self, step: PlayedStep, after: PlayedStep | None, tick: float) -> float:
        """The segment of a step, and of the pause behind it; returns the tick after both."""
        ticks = max(after.tick - step.tick, 1) if after is not None else 1
        own_s = ticks * 60.0 / step.tempo_bpm / step.ticks_per_beat
        next_s = after.at_s if after is not None else step.at_s + own_s
        length = ticks * FILE_TICKS_PER_BEAT / step.ticks_per_beat
        waited = next_s - step.at_s > LONGEST_RUBATO * own_s + PAUSE_S
        sounding_s = own_s if waited else max(next_s - step.at_s, 1e-4)
        self._exact.append(_Segment(step.at_s, tick, sounding_s / length))
        tick += length
        if waited:
            tick = self._rest(step, step.at_s + own_s, tick, next_s - step.at_s - own_s)
        return tick

    def _rest(self, step: PlayedStep, from_s: float, tick: float, seconds: float) -> float:
        """Whole bars for the time that nothing was planned."""
        bar_ticks = round(step.beats_per_bar * FILE_TICKS_PER_BEAT)
        bars = max(1, round(seconds * step.tempo_bpm / 60 / step.beats_per_bar))
        self._exact.append(_Segment(from_s, tick, seconds / (bars * bar_ticks)))
        return tick + bars * bar_ticks

    def tick_at(self, at_s: float) -> int:
        """The nearest file tick to a moment, so that it sounds at this second under `tempos`."""
        return _tick_at(self._steady, at_s)

    def grid_tick_at(self, at_s: float) -> int:
        """The file tick of a moment between the steps around it: what a score is written by."""
        return _tick_at(self._exact, at_s)

    def tempos(self) -> list[tuple[int, int]]:
        """(file tick, microseconds to a quarter) where that changes."""
        found: list[tuple[int, int]] = []
        for segment in self._steady:
            quarter_us = min(round(1e6 * segment.seconds_per_tick * FILE_TICKS_PER_BEAT), LONGEST_QUARTER_US)
            if not found or found[-1][1] != quarter_us:
                found.append((round(segment.file_tick), max(quarter_us, 1)))
        return found


def _tick_at(segments: Sequence[_Segment], at_s: float) -> int:
    index = max(bisect.bisect_right(segments, at_s, key=lambda segment: segment.at_s) - 1, 0)
    segment = segments[index]
    return max(0, round(segment.file_tick + (at_s - segment.at_s) / segment.seconds_per_tick))


def _steady(exact: Sequence[_Segment]) -> list[_Segment]:
    """The fewest segments, found from left to right, that pass within STEADY_S of the beginning of each exact one.

    Each ends on a beat of the file where one is within reach, else as far as it gets. From its beginning the slopes
    that still pass every point so far are an interval, which each further point narrows.
    """
    last = exact[-1]
    end = _Segment(last.at_s + last.seconds_per_tick * FILE_TICKS_PER_BEAT, last.file_tick + FILE_TICKS_PER_BEAT, 0.0)
    points = [*exact, end]
    found: list[_Segment] = []
    here = 0
    while here < len(points) - 1:
        there, slope = _reach(points, here)
        found.append(_Segment(points[here].at_s, points[here].file_tick, slope))
        here = there
    return found


def _reach(points: Sequence[_Segment], here: int) -> tuple[int, float]:
    """(the point up to which a steady tempo holds, its seconds to a tick)."""
    begin, lowest, highest = points[here], 0.0, float("inf")
    on_beat = anywhere = None
    for index in range(here + 1, len(points)):
        ticks = points[index].file_tick - begin.file_tick
        seconds = points[index].at_s - begin.at_s
        slope = seconds / ticks
        if lowest <= slope <= highest:
            anywhere = (index, slope)
            if (
                abs(
                    points[index].file_tick / FILE_TICKS_PER_BEAT - round(points[index].file_tick / FILE_TICKS_PER_BEAT)
                )
                < 1e-6
            ):
                on_beat = anywhere
        lowest = max(lowest, (seconds - STEADY_S) / ticks)
        highest = min(highest, (seconds + STEADY_S) / ticks)
        if lowest > highest:
            break
    assert anywhere is not None, "the next point is always within reach"
    return on_beat or anywhere
