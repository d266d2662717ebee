"""One page about a take, for a file: what was commanded and played, what the person did, what people wrote down.

Self-contained HTML that prints on one or two sheets. It describes music; it makes no statement about a person.
"""

from __future__ import annotations

import base64
import statistics
from collections.abc import Callable, Sequence

from improv.music.mood import nearest_name
from improv.takes.export.picture import held, png
from improv.takes.export.template import template
from improv.takes.take import PlayedNote, PlayedStep, Take

WINDOWS = 60  # points of a curve
WIDTH, HEIGHT = 640, 90  # of a curve, in its own units


def html(take: Take) -> str:
    """The page."""
    return template(__package__, "report.html").render(
        title=f"Take {take.take_id}",
        facts=facts(take),
        picture=base64.b64encode(png(take)).decode(),
        moods=mood_path(take),
        curves=[_drawn(*curve) for curve in curves(take)],
        width=WIDTH,
        height=HEIGHT,
        notes=take.written,
        commands=[(clock(c.at_s), c.text) for c in take.commands],
    )


def clock(seconds: float) -> str:
    """m:ss."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"


def facts(take: Take) -> list[tuple[str, str]]:
    """The table at the top."""
    keys = held(take.person, take.seconds)
    played = sum(off_s - on_s for on_s, off_s, _ in keys)
    model = take.head.get("model") or {}
    rows = [
        ("Began", str(take.head.get("started", ""))[:19].replace("T", " ")),
        ("Duration", clock(take.seconds)),
        ("Notes played", str(len(take.notes))),
        ("Loudness, median velocity", _median([note.velocity for note in take.notes])),
        ("Notes per second", f"{len(take.notes) / max(take.seconds, 1.0):.1f}"),
        ("Tempo, median", _median([step.tempo_bpm for step in take.steps], " bpm")),
        ("The person played", f"{len(keys)} notes, keys held for {clock(played)}" if keys else "no notes"),
        ("Model", str(model.get("name", ""))),
        ("Seed", str(take.head.get("seed", ""))),
        ("State", take.state),
    ]
    return rows + ([("Damaged lines left out", str(take.damaged))] if take.damaged else [])


def _median(values: Sequence[float], unit: str = "") -> str:
    return f"{statistics.median(values):.0f}{unit}" if values else "-"


def mood_path(take: Take) -> list[tuple[str, str, str, str]]:
    """From, to, the commanded mood, and the mean of the mood that was played under."""
    ends = [*(change.at_s for change in take.changes[1:]), take.seconds]
    rows = []
    for change, end_s in zip(take.changes, ends, strict=True):
        inside = [step.mood for step in take.steps if change.at_s <= step.at_s < end_s]
        commanded = f"{nearest_name(change.target)} ({change.target[0]:+.2f}, {change.target[1]:+.2f})"
        mean = [statistics.fmean(mood[axis] for mood in inside) for axis in (0, 1)] if inside else None
        rows.append((clock(change.at_s), clock(end_s), commanded, f"{mean[0]:+.2f}, {mean[1]:+.2f}" if mean else "-"))
    return rows


def curves(take: Take) -> list[tuple[str, str, list[float]]]:
    """(title, unit, values over the take) of loudness, density and tempo; the person's notes where there are any."""
    width_s = max(take.seconds, 1.0) / WINDOWS

    def over(times: Sequence[float], value: Callable[[list[int]], float]) -> list[float]:
        cells: list[list[int]] = [[] for _ in range(WINDOWS)]
        for index, at_s in enumerate(times):
            cells[min(int(at_s / width_s), WINDOWS - 1)].append(index)
        return [value(cell) for cell in cells]

    notes: list[PlayedNote] = take.notes
    steps: list[PlayedStep] = take.steps
    on_s = [note.on_s for note in notes]
    loud = over(on_s, lambda cell: statistics.fmean([notes[i].velocity for i in cell]) if cell else 0.0)
    dense = over(on_s, lambda cell: len(cell) / width_s)
    tempo = over(
        [s.at_s for s in steps], lambda cell: statistics.fmean([steps[i].tempo_bpm for i in cell]) if cell else 0.0
    )
    found = [("Loudness", "velocity", loud), ("Density", "notes per second", dense), ("Tempo", "bpm", tempo)]
    if keys := held(take.person, take.seconds):
        found.append(
            ("The person", "notes per second", over([key[0] for key in keys], lambda cell: len(cell) / width_s))
        )
    return found


def _drawn(title: str, unit: str, values: list[float]) -> dict[str, str | float]:
    """A curve as the page draws it: from the left, its highest value at the top."""
    top = max(values, default=0.0) or 1.0
    points = (f"{WIDTH * (i + 0.5) / len(values):.1f},{HEIGHT * (1 - v / top):.1f}" for i, v in enumerate(values))
    return {"title": title, "unit": unit, "top": top, "points": " ".join(points)}
