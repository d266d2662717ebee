"""What a journal's records hold, and the way between them and the engine's own values.

k          fields
take       format, id, started (local time), version, model {name, sha256, family}, seed, config, controls, settings,
           continues (id of the part before, or ""): the first record
controls   what is commanded from here on, whole (improv.control.state.ControlState)
settings   the improviser's settings from here on, whole
step       tick, m (music_s), bpm, bar, beats, grid (ticks per beat), v, a (mood), r (revision), on [[id, pitch,
           velocity, on_s]], off [[id, off_s]] in seconds of the music; hands: of each of `on`, 0 left, 1 right, where
           the model says so; pedal {up [id, off_s], down [id, on_s]} where it is moved; end when the piece ends with it
rewind     tick: steps from there on were taken back before they sounded, and are planned again
offer      asked, name, family, sha256: from here on this model can be asked for by this name
hear       keys: what the person holds from here on, where it is heard; struck [[pitch, velocity]]: keys that went down
           since the record before
follow     what the person's playing asks of the next steps (improv.listening.influence.Influence)
prime      primer (improv.music.primer.Primer), model: from the next bar line on a new piece goes on from these bars;
           the model of that name was told them, none where it is empty
lead       bpm: the tempo that another program gives from here on, or null. locate     beat: where its song stands
hurry      m: the next step began earlier. release: what sounded was ended. anew: a new piece begins
resume     tick, note: the engine was lost; another one goes on from that step, its next note has that id
replace    the commanded model plays from here on with an empty memory: the one before failed
due        at, on [[id, on_s]]: notes handed to the player with their deadlines
ends       at, off [[id, off_s]]: deadlines of note-offs
revoked    at, from, sent [id]: notes from that id on were taken back, except those that had been sent
unheard    at, ids: of those, notes that did not sound: they came too late, or the player failed before their time
bend       at, from, to, stretch: what was due after `from`, or sounded until later, came at to + stretch * (due - from)
silence    at: every note was ended
in         at, hex: a message that the person's instrument or controller sent
command    at, text: what was commanded, in words
note       wall, text: written down by a person afterwards
title      text: the name that a person gave it afterwards; the last one counts
end        at, reason: the take ended in order

`at` and the times of `due`, `ends` and `bend` are seconds of the clock since the take's first record; m, and the times
of a step, seconds of the music.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pydantic import TypeAdapter

from improv.control.commands import DUET, FOLLOWING, SOLO
from improv.control.state import ControlState
from improv.improviser.operations import (
    Begin,
    Configure,
    Follow,
    FollowTempo,
    Hear,
    Locate,
    Offer,
    Operation,
    Plan,
    Prime,
    Release,
    Replace,
    Resume,
    Rewind,
    Shorten,
)
from improv.improviser.planned_step import PlannedStep
from improv.improviser.settings import Settings
from improv.listening.influence import Influence
from improv.model.onnx_model import Model
from improv.music.primer import Primer
from improv.takes.journal import Record

# Settings that the first takes do not have, with the value under which they did nothing yet.
_LATER_SETTINGS: Record = {
    "chord_pull": 0.0,
    "repeat_pull": 0.0,
    "voice_leading_pull": 0.0,
    "recall_pull": 0.0,
    "breath": 0.0,
    "tempo_lands_on_bar": False,
}

_CONTROLS = TypeAdapter(ControlState)
_SETTINGS = TypeAdapter(Settings)
_INFLUENCE = TypeAdapter(Influence)
_PRIMER = TypeAdapter(Primer)


def step_record(step: PlannedStep) -> Record:
    """A planned step; equal steps give equal records to the last digit."""
    position = step.position
    record: Record = {
        "k": "step",
        "tick": position.tick,
        "m": float(position.music_s),
        "bpm": float(position.tempo_bpm),
        "bar": position.bar,
        "line": position.bar_tick,
        "beats": float(position.beats_per_bar),
        "grid": position.ticks_per_beat,
        "v": float(step.mood.valence),
        "a": float(step.mood.arousal),
        "r": step.revision,
        "on": [list(note[:4]) for note in step.started],
        "off": [list(ended) for ended in step.ended],
    }
    if any(note.hand >= 0 for note in step.started):
        record["hands"] = [note.hand for note in step.started]
    pedal = {"up": step.pedal_up, "down": step.pedal_down}
    if moved := {way: list(move) for way, move in pedal.items() if move is not None}:
        record["pedal"] = moved
    return record | {"end": True} if step.finished else record


def operation_record(operation: Operation) -> Record | None:  # noqa: C901 (a flat table of cases)
    """What was done to the improviser, apart from planning: that is told by the controls, the settings and the step.

    None for other settings, which are written down when the first step is planned under them.
    """
    match operation:
        case Rewind(tick):
            return {"k": "rewind", "tick": tick}
        case Hear(keys, struck):
            return {"k": "hear", "keys": list(keys)} | ({"struck": [list(one) for one in struck]} if struck else {})
        case Follow(influence):
            return {"k": "follow", **dumped(_INFLUENCE, influence)}
        case FollowTempo(tempo_bpm):
            return {"k": "lead", "bpm": tempo_bpm}
        case Prime(primer, model):
            return {"k": "prime", "model": model, "primer": dumped(_PRIMER, primer)}
        case Locate(beat):
            return {"k": "locate", "beat": beat}
        case Shorten(music_s):
            return {"k": "hurry", "m": music_s}
        case Release():
            return {"k": "release"}
        case Begin():
            return {"k": "anew"}
        case Replace():
            return {"k": "replace"}
        case Resume(tick, next_note_id):
            return {"k": "resume", "tick": tick, "note": next_note_id}
        case Offer(name, model):
            return {"k": "offer", **model_record(name, model)}
        case Plan() | Configure():
            return None


_READ: dict[str, Callable[[Record], Operation]] = {
    "settings": lambda record: Configure(settings_of(record)),
    "rewind": lambda record: Rewind(int(record["tick"])),
    "hear": lambda record: Hear(tuple(record["keys"]), _strikes(record)),
    "follow": lambda record: Follow(_INFLUENCE.validate_python({k: v for k, v in record.items() if k != "k"})),
    "prime": lambda record: Prime(_PRIMER.validate_python(record["primer"]), str(record["model"])),
    "lead": lambda record: FollowTempo(record["bpm"]),
    "locate": lambda record: Locate(float(record["beat"])),
    "hurry": lambda record: Shorten(float(record["m"])),
    "release": lambda _: Release(),
    "resume": lambda record: Resume(int(record["tick"]), int(record["note"])),
}
"""By the kind of record: the operation that stands in it alone."""

_UNDER_CONTROLS: dict[str, Callable[[ControlState], Operation]] = {"step": Plan, "anew": Begin, "replace": Replace}
"""By the kind of record: the operation under the controls that were commanded before it."""


def _strikes(record: Record) -> tuple[tuple[int, int], ...]:
    return tuple((int(pitch), int(velocity)) for pitch, velocity in record.get("struck", ()))


def operations(records: Iterable[Record], find: Callable[[Record], Model]) -> Iterator[tuple[Record, Operation]]:
    """The way back: all that was done to the improviser, each with the record that it stands in.

    find: the model that an `offer` record tells of. ValueError when a record does not fit this version.
    """
    controls: ControlState | None = None
    for record in records:
        kind = record["k"]
        if kind == "take":
            controls = controls_of(record["controls"])
            yield record, Configure(settings_of(record["settings"]))
        elif kind == "controls":
            controls = controls_of({key: value for key, value in record.items() if key != "at"})
        elif kind == "offer":
            yield record, Offer(str(record["asked"]), find(record))
        elif (under := _UNDER_CONTROLS.get(kind)) is not None:
            if controls is None:
                raise ValueError(f"{kind!r} stands before the controls under which it was done")
            yield record, under(controls)
        elif (read := _READ.get(kind)) is not None:
            yield record, read(record)


def model_record(name: str, model: Model) -> Record:
    """What a take says of a model: by which name it was asked for, and which file it is."""
    return {
        "asked": name,
        "name": model.contract.name,
        "family": model.contract.family,
        "sha256": getattr(model, "sha256", ""),
    }


def controls_record(controls: ControlState) -> Record:
    """All that is commanded."""
    return {"k": "controls", **dumped(_CONTROLS, controls)}


def settings_record(settings: Settings) -> Record:
    """All that the improviser was told."""
    return {"k": "settings", **dumped(_SETTINGS, settings)}


def controls_of(record: Record) -> ControlState:
    """The way back; ValueError when it does not fit this version."""
    values = {key: value for key, value in record.items() if key not in ("k", "duet")}
    if "mode" not in values:  # the first takes say whether it is a duet
        values |= {"mode": DUET if record.get("duet") else SOLO, "following": {}}
    values["following"] = {**FOLLOWING, **values.get("following", {})}
    return _CONTROLS.validate_python(values)


def settings_of(record: Record) -> Settings:
    """The way back; ValueError when it does not fit this version."""
    return _SETTINGS.validate_python(_LATER_SETTINGS | {key: value for key, value in record.items() if key != "k"})


def dumped(adapter: TypeAdapter[Any], value: object) -> dict[str, Any]:
    """As plain JSON values; a read-only mapping becomes a plain one (of that pydantic would warn)."""
    plain: dict[str, Any] = adapter.dump_python(value, mode="json", fallback=dict, warnings="none")
    return plain
