"""Barred music from what the daemon plans: its own engine on a manual clock, nothing filtered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from improv.config import Config
from improv.config.adapters import render
from improv.improviser.planned_step import PlannedStep
from improv.model.onnx_model import Model
from improv.model.vocabulary.hands import LEFT, RIGHT
from improv.music.mood import CORNERS
from training.analysis import hands
from training.evaluation.composition.music import BARRED_NOTE, TICKS_PER_BEAT, UNKNOWN, BarredMusic, IntArray, sort

_HANDS = {LEFT: hands.LEFT, RIGHT: hands.RIGHT}


def of_steps(name: str, steps: Sequence[PlannedStep], mood: str = "") -> BarredMusic:
    """Whole bars of what was planned. A note that has not ended ends with the last bar. ValueError without a bar."""
    begin = steps[0].position.beat
    lines: dict[int, float] = {}  # tick of a bar line -> seconds
    for step in steps:
        if step.position.tick == step.position.bar_tick:
            lines[_tick(step, begin)] = step.position.music_s
    at = {step.position.tick: _tick(step, begin) for step in steps}
    ends = {ended.note_id: at[step.position.tick] for step in steps for ended in step.ended}
    last = max(lines)
    rows = []
    for step in steps:
        onset = at[step.position.tick]
        for note in step.started:
            end = max(ends.get(note.note_id, last), onset + 1)
            rows.append((onset, end - onset, note.pitch, note.velocity, _HANDS.get(note.hand, UNKNOWN)))
    notes = sort(np.array([row for row in rows if row[0] < last], dtype=BARRED_NOTE))
    notes["duration"] = np.minimum(notes["duration"], last - notes["onset"])
    ticks = np.array(sorted(lines), dtype=np.int64)
    line_s = np.array([lines[tick] for tick in ticks.tolist()])
    return BarredMusic(name, notes, ticks, line_s, mood=mood, pedals=_pedals(steps, at, last))


def _pedals(steps: Sequence[PlannedStep], at: dict[int, int], last: int) -> IntArray:
    """Where the pedal is down, in ticks. at: tick of a step -> tick of the music."""

    def tick(step: PlannedStep, at_s: float) -> int:
        beats = (at_s - step.position.music_s) * step.position.tempo_bpm * step.position.rubato / 60
        return at[step.position.tick] + round(beats * TICKS_PER_BEAT)

    down = {s.pedal_down.note_id: tick(s, s.pedal_down.on_s) for s in steps if s.pedal_down is not None}
    up = {s.pedal_up.note_id: tick(s, s.pedal_up.off_s) for s in steps if s.pedal_up is not None}
    spans = [(begin, min(up.get(number, last), last)) for number, begin in down.items()]
    return np.array([span for span in spans if span[0] < span[1]], dtype=np.int64).reshape(-1, 2)


def _tick(step: PlannedStep, begin: float) -> int:
    return int(np.floor((step.position.beat - begin) * TICKS_PER_BEAT + 0.5))


def played(model: Model, config: Config, mood: str, seed: int, seconds: float) -> BarredMusic:
    """What the daemon plays in this mood, named by its corner, for so many seconds."""
    return of_steps(f"{mood} {seed}", render(model, config, seconds, seed, CORNERS[mood]), mood)
