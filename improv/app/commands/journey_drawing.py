"""A journey as a picture: the commanded path, and the path that a recording of it measures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from improv.control.journey import Journey, Waypoint
from improv.files import atomic_write, saving
from improv.midi.grid_file import TimedNote
from improv.music.attributes import Window, chord_onsets, measure
from improv.music.mood import Mood, mood_of

WINDOW_S, HOP_S = 16.0, 8.0
SAMPLES = 600  # of the commanded path

_SIZE = (1280, 560)
_PAPER, _INK, _GRID, _COMMANDED, _MEASURED = "#ffffff", "#333333", "#dddddd", "#1f5fa8", "#d1701f"


class _Box(NamedTuple):
    """A rectangle of the picture with its own coordinates."""

    left: int
    top: int
    right: int
    bottom: int
    x: tuple[float, float]
    y: tuple[float, float]

    def at(self, x: float, y: float) -> tuple[float, float]:
        across, up = (x - self.x[0]) / (self.x[1] - self.x[0]), (y - self.y[0]) / (self.y[1] - self.y[0])
        return self.left + across * (self.right - self.left), self.bottom - up * (self.bottom - self.top)


def measured(notes: Sequence[TimedNote]) -> tuple[Waypoint, ...]:
    """The mood of each 16 s of a recording, every 8 s, by the rule `attributes`; empty places are left out."""
    if not notes:
        return ()
    rows = np.array(sorted(notes), dtype=np.float64)
    on_s, off_s, pitch, velocity = rows.T
    onset_s = chord_onsets(on_s)
    points = []
    for start_s in np.arange(0, max(float(off_s.max()) - WINDOW_S, 0.0) + 1e-9, HOP_S):
        inside = (onset_s >= start_s) & (onset_s < start_s + WINDOW_S)
        if not inside.any():
            continue
        length_s = (off_s - on_s)[inside]
        window = Window(WINDOW_S, onset_s[inside], length_s, pitch[inside], velocity[inside], None)
        if (mood := mood_of(measure(window))) is not None:
            points.append(Waypoint(float(start_s) + WINDOW_S / 2, mood))
    return tuple(points)


def draw(journey: Journey, found: Sequence[Waypoint], names: Mapping[str, Mood], path: Path) -> None:
    """Write the picture. found: the measured path. names: shown on the plane. InputError when it cannot be written."""
    image = Image.new("RGB", _SIZE, _PAPER)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(14)
    end_s = max([journey.length_s, 1.0, *(point.at_s for point in found)])
    commanded = [Waypoint(s, journey.at(s)) for s in np.linspace(0, journey.length_s, SAMPLES)]
    pen.text((200, 8), f"{journey.name}, {_clock(journey.length_s)}", _INK, font)
    plane = _Box(60, 50, 500, 490, (-1, 1), (-1, 1))
    _frame(pen, font, plane, "valence", "arousal")
    for name, mood in names.items():
        x, y = plane.at(*mood)
        pen.text((min(max(x - 24, plane.left + 4), plane.right - 64), min(y, plane.bottom - 20)), name, "#999999", font)
    for points, colour, width in ((found, _MEASURED, 1), (commanded, _COMMANDED, 3)):
        _line(pen, [plane.at(*point.mood) for point in points], colour, width)
    for point in journey.points:
        x, y = plane.at(*point.mood)
        pen.ellipse((x - 5, y - 5, x + 5, y + 5), _COMMANDED)
    for index, word in enumerate(("valence", "arousal")):
        box = _Box(590, 50 + 235 * index, 1250, 255 + 235 * index, (0, end_s), (-1, 1))
        _frame(pen, font, box, "", word)
        for at_s in _ticks(end_s):
            x, y = box.at(at_s, -1)
            pen.line((x, box.top, x, y), _GRID)
            pen.text((x - 12, y + 4), _clock(at_s), _INK, font)
        for points, colour, width in ((found, _MEASURED, 2), (commanded, _COMMANDED, 3)):
            _line(pen, [box.at(point.at_s, point.mood[index]) for point in points], colour, width)
    pen.text((590, 525), "commanded", _COMMANDED, font)
    if found:
        pen.text((690, 525), "measured (windows of 16 s)", _MEASURED, font)
    _save(image, path)


def _frame(
    pen: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, box: _Box, x: str, y: str
) -> None:
    middle = box.at((box.x[0] + box.x[1]) / 2, 0)
    pen.line((box.left, middle[1], box.right, middle[1]), _GRID)
    if x:
        pen.line((middle[0], box.top, middle[0], box.bottom), _GRID)
        pen.text((middle[0] - 24, box.bottom + 6), x, _INK, font)
    pen.rectangle((box.left, box.top, box.right, box.bottom), outline=_INK)
    pen.text((box.left, box.top - 19), y, _INK, font)


def _line(pen: ImageDraw.ImageDraw, points: list[tuple[float, float]], colour: str, width: int) -> None:
    if len(points) > 1:
        pen.line(points, colour, width, joint="curve")


def _ticks(end_s: float) -> list[float]:
    """About six round times from 0 on."""
    step_s = next((s for s in (10, 30, 60, 120, 300, 600, 1800, 3600) if end_s / s <= 8), 7200)
    return [step_s * index for index in range(math.floor(end_s / step_s) + 1)]


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _save(image: Image.Image, path: Path) -> None:
    with saving(path), atomic_write(path, "wb") as file:
        image.save(file, "PNG")
