"""Piano rolls of a few bars, one above the other, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training.evaluation.composition.music import LEFT, RIGHT, TICKS_PER_BEAT, UNKNOWN, BarredMusic
from training.evaluation.composition.reading import Reading

COLOURS = {RIGHT: "#c0392b", LEFT: "#1f5fa8", UNKNOWN: "#444444"}
BARS = 16
_INCHES_PER_BAR, _INCHES_HIGH = 1.25, 3.6


def draw(pieces: Sequence[BarredMusic], path: Path, first: int = 0, bars: int = BARS) -> None:
    """Bars first..first+bars-1 of each piece as one PNG: bar lines, chords above, right hand red and left hand blue
    where the music tells the hands, else dark."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    size = (_INCHES_PER_BAR * bars, _INCHES_HIGH * len(pieces))
    figure, axes = pyplot.subplots(len(pieces), 1, figsize=size, squeeze=False)
    for axis, music in zip(axes[:, 0], pieces, strict=True):
        last = min(first + bars, music.bars)
        _draw_one(axis, music.between(min(first, last - 1), last), first)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)
    pyplot.close(figure)


def _draw_one(axis: Any, music: BarredMusic, first: int) -> None:
    notes = music.notes
    low, high = int(notes["pitch"].min()) - 2, int(notes["pitch"].max()) + 3
    for hand, colour in COLOURS.items():
        rows = notes[notes["hand"] == hand]
        axis.barh(
            rows["pitch"],
            np.maximum(rows["duration"] / TICKS_PER_BEAT - 0.06, 0.06),
            left=rows["onset"] / TICKS_PER_BEAT,
            height=0.8,
            color=[(colour, 0.35 + 0.65 * velocity / 127) for velocity in rows["velocity"].tolist()],
        )
    for pitch in range(12 * (low // 12 + 1), high, 12):
        axis.axhline(pitch, color="0.85", linewidth=0.7, zorder=0)
    lines = music.lines / TICKS_PER_BEAT
    for line in lines:
        axis.axvline(line, color="0.6", linewidth=0.9, zorder=0)
    h, before = Reading(music).harmony, ""
    for beat in range(len(h.start)):
        name = h.name(beat)
        if name != before:
            axis.text(h.start[beat] / TICKS_PER_BEAT, high + 0.4, name, fontsize=7, color="0.3")
        before = name
    axis.set(xlim=(lines[0], lines[-1]), ylim=(low, high + 3))
    axis.set_xticks(lines[:-1], [str(first + 1 + bar) for bar in range(music.bars)], fontsize=7)
    octaves = range(12 * (low // 12 + 1), high, 12)
    axis.set_yticks(list(octaves), [f"C{pitch // 12 - 1}" for pitch in octaves], fontsize=7)
    axis.set_title(f"{music.name} ({music.mood})" if music.mood else music.name, fontsize=9, loc="left")
