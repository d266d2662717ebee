"""A take made again from seed, model and commands: the proof that its journal is complete; or made otherwise."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from improv.control.state import ControlState
from improv.errors import InputError
from improv.improviser.improviser import Improviser
from improv.improviser.operations import Begin
from improv.improviser.planned_step import PlannedStep
from improv.model.onnx_model import Model
from improv.model.plain_model import PLAIN, PlainModel
from improv.music.mood import Glide, Mood
from improv.takes import library
from improv.takes.journal import Record
from improv.takes.schema import controls_of, operations, settings_of, step_record
from improv.takes.take import records_of


class Comparison(NamedTuple):
    """steps: how many were planned, those included that were taken back. different: how many are not as they were.

    first: where they part, in words, or empty.
    """

    steps: int
    different: int
    first: str


def chain(path: Path) -> list[Record]:
    """The records of a take and of all the takes that it continues, the first one first.

    InputError when one of them is not there any more, or when they continue each other in a ring.
    """
    parts: list[list[Record]] = []
    seen: set[Path] = set()
    while True:
        records = _whole(path)
        parts.append(records)
        seen.add(path)
        before = records[0].get("continues")
        if not before:
            return [record for part in reversed(parts) for record in part]
        earlier = library.another(path, before)
        if earlier in seen:
            raise InputError(
                f"{path.stem} continues {before}, which continues it: it can be exported, but not made again"
            )
        if not earlier.exists():
            raise InputError(
                f"{path.stem} continues {before}, which was deleted: it can be exported, but not made again"
            )
        path = earlier


def _whole(path: Path) -> list[Record]:
    records, damaged = records_of(path)
    if damaged and any(r["k"] == "end" for r in records):
        raise InputError(
            f"{path.name} has {damaged} damaged lines: it can be exported, but not made again from its seed"
        )
    return records


Find = Callable[[Record], Model]
"""Finds the model that an `offer` record tells of."""


def recreate(records: list[Record], model: Model, find: Find) -> Iterator[tuple[Record, Record]]:
    """Plan every step again; yields what the journal says of it and what came out now.

    InputError when a record does not fit this version.
    """
    try:
        head = records[0]
        improviser = _improviser(head, model, controls_of(head["controls"]))
        for record, operation in operations(records, lambda offer: _offered(offer, find)):
            step = improviser.apply(operation)
            if step is not None:
                made = step_record(step)
                if "hands" not in record:  # takes before them told none
                    made.pop("hands", None)
                yield record, made
    except ValueError as error:
        raise InputError(f"the take is of another version of BrainMusic, or damaged: {error}") from None


def _offered(offer: Record, find: Find) -> Model:
    """Where no network could play, the one without took over: it is everywhere."""
    return PlainModel() if (offer["asked"], offer["sha256"]) == (PLAIN, "") else find(offer)


def _improviser(head: Record, model: Model, controls: ControlState) -> Improviser:
    return Improviser(model, settings_of(head["settings"]), controls, int(head["seed"]))


def recreated(records: list[Record], model: Model, find: Find) -> tuple[list[Record], Comparison]:
    """The records with every step as it comes out now, and how they compare with what was played."""
    made: list[Record] = []
    steps = different = 0
    first = ""
    for old, new in recreate(records, model, find):
        # Compared as text: a take that was read back has been through JSON, its numbers keep every digit.
        text, was = json.dumps(new), json.dumps(old)
        made.append(json.loads(text))
        steps += 1
        if text != was:
            different += 1
            first = first or f"step {old['tick']}, bar {old['bar']}"
    fresh = iter(made)
    return [next(fresh) if r["k"] == "step" else r for r in records], Comparison(steps, different, first)


def otherwise(records: list[Record], model: Model, mood: Mood | None) -> list[PlannedStep]:
    """As long a piece under the same seed and commands by another model, or in another mood all through."""
    timeline = _timeline(records, mood)
    improviser = _improviser(records[0], model, timeline[0][1])
    end_s = max((float(record["m"]) for record in records if record["k"] == "step"), default=0.0)
    steps: list[PlannedStep] = []
    while improviser.position.music_s < end_s:
        while len(timeline) > 1 and timeline[1][0] <= improviser.position.music_s:
            timeline.pop(0)
        steps.append(improviser.plan_step(timeline[0][1]))
        if steps[-1].finished:
            improviser.apply(Begin(timeline[0][1]))
    return steps


def _timeline(records: list[Record], mood: Mood | None) -> list[tuple[float, ControlState]]:
    """(second of the music, controls from there on), in order."""
    timeline: list[tuple[float, ControlState]] = []
    music_s = 0.0
    for record in records:
        if record["k"] == "step":
            music_s = float(record["m"])
        elif record["k"] in ("take", "controls"):
            controls = _controls(record["controls"] if record["k"] == "take" else record)
            if mood is not None:
                controls = dataclasses.replace(controls, glide=Glide(mood, mood))
            timeline.append((music_s, controls))
    return timeline


def _controls(record: Record) -> ControlState:
    try:
        return controls_of({key: value for key, value in record.items() if key != "at"})
    except ValueError as error:
        raise InputError(f"the take's commands are of another version of BrainMusic: {error}") from None
