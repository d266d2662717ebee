"""Curves over the minutes of a take, with axes that say what they measure: SVG for a page that is read or printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from improv.takes.export.picture import BAR_EVERY_S

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 680, 84, 8, 6, 20  # of the drawing's own units; the paper is as wide
FEWEST_TICKS_APART = 60


@dataclass(frozen=True)
class Line:
    """points: (second, value), each row one unbroken line. style: name of a class of the page."""

    style: str
    rows: Sequence[Sequence[tuple[float, float]]]


@dataclass(frozen=True)
class Axis:
    """marks: (value, text) along the side. low, high: the ends."""

    low: float
    high: float
    marks: Sequence[tuple[float, str]]


@dataclass(frozen=True)
class Chart:
    """As the template draws it, places in the drawing's own units."""

    title: str
    unit: str
    text: str
    height: float
    sides: Sequence[tuple[float, str]]
    times: Sequence[tuple[float, str]]
    lines: Sequence[tuple[str, str]] = field(default_factory=list)
    width: int = WIDTH
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP


def chart(
    title: str, unit: str, text: str, seconds: float, height: float, axis: Axis, lines: Sequence[Line], minute: str
) -> Chart:
    """The drawing of some lines over the same seconds. minute: the word below the time axis."""
    span = max(axis.high - axis.low, 1e-9)

    def x(at_s: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * min(max(at_s / max(seconds, 1.0), 0.0), 1.0)

    def y(value: float) -> float:
        return TOP + (height - TOP - BOTTOM) * (1 - min(max((value - axis.low) / span, 0.0), 1.0))

    drawn = [
        (line.style, " ".join(f"{x(at_s):.1f},{y(value):.1f}" for at_s, value in row))
        for line in lines
        for row in line.rows
        if len(row) > 1
    ]
    sides = [(round(y(value), 1), words) for value, words in axis.marks]
    return Chart(title, unit, text, height, sides, [(round(x(s), 1), w) for s, w in times(seconds, minute)], drawn)


def times(seconds: float, minute: str) -> list[tuple[float, str]]:
    """(second, text) of the marks below: whole steps of time, the first with the word for its unit."""
    room = (WIDTH - LEFT - RIGHT) / FEWEST_TICKS_APART
    every_s = next((step for step in BAR_EVERY_S if seconds / step <= room), BAR_EVERY_S[-1])
    marks = [(float(s), f"{s // 60}:{s % 60:02d}") for s in range(0, int(seconds) + 1, every_s)]
    return [(0.0, f"0 {minute}"), *marks[1:]]


def round_axis(values: Sequence[float], least: float) -> Axis:
    """From 0 or the lowest round value to the highest; three marks. least: the span where all are alike."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    step = next(size for size in (1, 2, 5, 10, 20, 25, 50, 100, 200, 500) if 2 * size >= max(high - low, least))
    begin = int(low // step) * step
    marks = [begin, begin + step, begin + 2 * step]
    while marks[-1] < high:
        marks.append(marks[-1] + step)
    return Axis(marks[0], marks[-1], [(float(mark), f"{mark:g}") for mark in marks])
