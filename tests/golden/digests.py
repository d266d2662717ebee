"""What is compared of the music, as plain lines of numbers, and their digests: the one place that knows the fields."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Sequence

from improv.engine.offline import StepList
from improv.improviser.planned_step import PlannedStep
from improv.player.protocol import PlannedNote

PART_LINES = 64

Number = Callable[[float], float | int]


def exact(value: float) -> float:
    """Every digit: for digests that are compared on one machine."""
    return float(value)


def portable(value: float) -> int:
    """Millionths: libraries differ from machine to machine in the last digits.

    The limits between two results lie where no tempo and no grid puts a value, so that rounding meets no ties.
    """
    return math.floor(float(value) * 1e6 + 0.37)


def step_line(step: PlannedStep, number: Number) -> str:
    """A planned step, its place and its notes."""
    place = step.position
    started = [[n.note_id, int(n.pitch), int(n.velocity), number(n.on_s)] for n in step.started]
    ended = [[n.note_id, number(n.off_s)] for n in step.ended]
    line = [
        *(int(place.tick), number(place.music_s), number(place.tempo_bpm), int(place.bar_tick)),
        *(number(place.beats_per_bar), int(place.ticks_per_beat), int(place.bar)),
        *(number(place.rubato), number(place.beat)),
        *(started, ended, number(step.mood.valence), number(step.mood.arousal), int(step.revision)),
        bool(step.finished),
    ]
    return json.dumps(line)


def note_line(note: PlannedNote, number: Number) -> str:
    """A note as the player has it."""
    return json.dumps(
        [note.note_id, note.channel, int(note.pitch), int(note.velocity), number(note.on_s), number(note.off_s)]
    )


def digest(lines: Iterable[str | bytes]) -> str:
    """Sixteen hexadecimal digits."""
    total = hashlib.sha256()
    for line in lines:
        total.update(line if isinstance(line, bytes) else line.encode() + b"\n")
    return total.hexdigest()[:16]


def parts(lines: Sequence[str]) -> list[str]:
    """A digest for every PART_LINES lines, so that it can be told where two pieces part."""
    return [digest(lines[at : at + PART_LINES])[:6] for at in range(0, len(lines), PART_LINES)]


class Story(StepList):
    """Keeps every step that was planned, also those that were taken back, and what was taken back."""

    def __init__(self, number: Number) -> None:
        super().__init__()
        self.number, self.lines = number, list[str]()

    def add(self, step: PlannedStep) -> None:
        super().add(step)
        self.lines.append(step_line(step, self.number))

    def forget(self, tick: int) -> None:
        super().forget(tick)
        self.lines.append(f"from step {tick} on anew")
