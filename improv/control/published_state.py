"""The published state: what every frontend shows, as one frozen value with a table of its fields.

A new part of the program adds its fields here, each with a default, and fills them in the engine or the daemon.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from improv.music.mood import Mood

Kind = Literal["number", "whole", "text", "flag", "table", "list"]


def _field(
    default: object, kind: Kind, text: str, unit: str = "", low: float | None = None, high: float | None = None
) -> Any:
    """One field of the state, with what frontends must know to show it."""
    metadata = {"kind": kind, "text": text, "unit": unit, "low": low, "high": high}
    if isinstance(default, Mapping):
        return field(default_factory=lambda: default, metadata=metadata)
    return field(default=default, metadata=metadata)


_NOTHING: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything that a frontend shows; FIELDS has the units. A moment is seconds of the engine's clock."""

    playing: bool = _field(False, "flag", "notes are being planned")
    ending: bool = _field(False, "flag", "on the way to a cadence, then rest")
    stopping: bool = _field(False, "flag", "ends with this bar")
    mode: str = _field("solo", "text", "how you play together; solo: what you play is not heard")
    turn: str = _field("ours", "text", "whose turn it is: ours, yours, or both")
    following: Mapping[str, float] = _field(_NOTHING, "table", "how far the person is followed, 0..1 each")
    loop: str = _field("off", "text", "how many of the last bars are repeated, or off")
    loop_variation: float = _field(0.0, "number", "0: the loop is not varied, 1: almost beyond recognition", "", 0, 1)
    place: str = _field("auto", "text", "where BrainMusic plays beside the person's hands")
    person_playing: bool = _field(False, "flag", "the person is in a phrase")
    person_keys: tuple[int, ...] = _field((), "list", "keys of the person that sound")
    person_bpm: float = _field(0.0, "number", "the person's tempo; 0: none found", "bpm", 0)
    person_beat_sure: float = _field(0.0, "number", "how sure their beat is; 0: they play freely", "", 0, 1)
    person_leads: bool = _field(False, "flag", "the person's beat leads")
    person_key: str = _field("", "text", "the key that the person plays in")
    person_chord: str = _field("", "text", "the chord that the person plays, with its bass")
    person_hands: tuple[int, ...] = _field((), "list", "lowest and highest key of each of their hands")
    person_loudness: float = _field(0.0, "number", "mean velocity of the last seconds", "", 0, 127)
    person_onsets_per_s: float = _field(0.0, "number", "how many onsets a second they play", "onsets/s", 0)
    person_valence: float = _field(0.0, "number", "how their playing sounds", "", -1, 1)
    person_arousal: float = _field(0.0, "number", "how their playing sounds", "", -1, 1)
    hears_itself: bool = _field(False, "flag", "what is sent comes back to the input; it is not taken for a person")
    mood: str = _field("calm", "text", "the named mood that is nearest now")
    valence: float = _field(0.0, "number", "where the mood is now: unpleasant .. pleasant", "", -1, 1)
    arousal: float = _field(0.0, "number", "where the mood is now: still .. excited", "", -1, 1)
    target_valence: float = _field(0.0, "number", "where the mood is going", "", -1, 1)
    target_arousal: float = _field(0.0, "number", "where the mood is going", "", -1, 1)
    glide_left_s: float = _field(0.0, "number", "until the mood is there", "s", 0)
    glide_s: float = _field(0.0, "number", "how long a change of mood takes", "s", 0, 600)
    intensity: float = _field(0.5, "number", "how strongly the mood shapes the notes", "", 0, 1)
    temperature: float = _field(1.0, "number", "how surprising the choice of notes is", "", 0.5, 1.5)
    overrides: Mapping[str, float] = _field(_NOTHING, "table", "attributes that are set whatever the mood says")
    attributes: Mapping[str, float] = _field(_NOTHING, "table", "every attribute as it is asked for now")
    limits: Mapping[str, tuple[float, float]] = _field(
        _NOTHING, "table", "lowest and highest value that hold whatever else is asked; what is not there is free"
    )
    limits_set: Mapping[str, tuple[float, float]] = _field(
        _NOTHING, "table", "the limits without those of the journey under way: they return when it ends"
    )
    session: str = _field("", "text", "id of the person whose session runs, or empty")
    hours: str = _field("open", "text", "what the hour asks for: open, quiet, or closed (no note sounds)")
    hours_until: str = _field("", "text", "when closed or quiet hours end, in local time, or empty")
    presence: str = _field("somebody", "text", "who is there: somebody, or nobody")
    lock: str = _field("off", "text", "what visitors may not turn, or off")
    journeys: tuple[str, ...] = _field((), "list", "names of the journeys that can be started")
    journey: str = _field("", "text", "name of the journey under way, or empty")
    journey_held: bool = _field(False, "flag", "the journey stands still")
    journey_s: float = _field(0.0, "number", "where the journey is", "s", 0)
    journey_length_s: float = _field(0.0, "number", "how long the journey is", "s", 0)
    journey_path: tuple[tuple[float, float, float], ...] = _field(
        (), "list", "way-points of the journey: second, valence, arousal"
    )
    tempo_bpm: float = _field(0.0, "number", "quarter notes per minute", "bpm", 0)
    clock_source: str = _field("internal", "text", "whose tempo is followed: internal, or midi: another program's")
    clock: str = _field("", "text", "the other program's MIDI clock: empty (none), standing, running or lost")
    clock_bpm: float = _field(0.0, "number", "tempo of the other program's MIDI clock", "bpm", 0)
    bar: int = _field(1, "whole", "bar of the piece, from 1", "", 1)
    beat: int = _field(1, "whole", "beat of the bar, from 1", "", 1)
    beats_per_bar: float = _field(4.0, "number", "quarter notes in a bar", "", 1, 16)
    key: str = _field("auto", "text", "the key that is set, or auto")
    chords: str = _field("off", "text", "the chord progression that is set, or off")
    chord: str = _field("off", "text", "the chord that is held, or off")
    phrase_bars: int = _field(0, "whole", "the length of phrases that is set; 0: as people's are", "bars", 0, 16)
    reach: int = _field(-1, "whole", "how far it may modulate; -1: as the mood will", "fifths", -1, 6)
    form: str = _field("on", "text", "on: sections come back and pieces end; or off")
    has_plan: bool = _field(
        False, "flag", "the model that plays follows a plan; without one the plan's fields are empty"
    )
    plan_key: str = _field("", "text", "the key now")
    plan_chord: str = _field("", "text", "the chord now")
    plan_next_chord: str = _field("", "text", "the chord that follows, or empty where none is planned yet")
    plan_next_in_beats: float = _field(
        0.0, "number", "until the next chord, as it was on the last felt beat", "quarters", 0
    )
    plan_metre: str = _field("", "text", "the metre, as in 6/8")
    plan_section: str = _field("", "text", "the section: A, B, a return with a stroke (A'), Coda; empty without a form")
    plan_phrase_bar: int = _field(0, "whole", "bar of the phrase, from 1", "", 0)
    plan_phrase_bars: int = _field(0, "whole", "how many bars the phrase has", "", 0)
    plan_cadence: str = _field("", "text", "the cadence that the phrase aims at: none, half, authentic or other")
    plan_piece: int = _field(0, "whole", "number of the piece, from 1", "", 0)
    plan_refers_bars_ago: int = _field(
        0, "whole", "how many bars ago the bar was that this one takes up; 0: none", "", 0
    )
    plan_likeness: int = _field(0, "whole", "how like that bar this one is to be", "%", 0, 100)
    plan_ahead: tuple[tuple[float, str, str, str, str, str], ...] = _field(
        (),
        "list",
        "places of the next seconds: moment, kind (phrase, bar or chord), then chord and key that begin, cadence of "
        "the phrase that ends, section that begins, each empty where there is none",
    )
    scene: str = _field("", "text", "the scene that was recalled or kept last, or empty")
    scene_coming: str = _field("", "text", "the scene that waits for the next beat or bar, or empty")
    scenes: tuple[str, ...] = _field((), "list", "names of the scenes")
    set_list: tuple[str, ...] = _field((), "list", "names of the scenes in the order of the set list")
    set_list_place: int = _field(0, "whole", "place in the set list, from 1; 0: before the first", "", 0)
    scene_at: str = _field("now", "text", "when scenes begin where nobody says otherwise: now, beat or bar")
    scene_glide_s: float = _field(
        -1.0, "number", "how long mood and numbers take in a recall; -1: as glide says in the scene", "s", -1, 600
    )
    scenes_unkept: str = _field("", "text", "why the scenes are not on the disk, or empty")
    begun_from: str = _field("", "text", "the bars that this piece began from, or empty")
    begins_from: str = _field("", "text", "what is read, or waits for the bar line, to be begun from; or empty")
    not_begun: str = _field("", "text", "why the last thing that was to be begun from cannot be, or empty")
    undo: str = _field("", "text", "the command that undo takes back, or empty")
    redo: str = _field("", "text", "the command that redo gives again, or empty")
    revision: int = _field(0, "whole", "how many times the mood has turned", "", 0)
    notes_planned: int = _field(0, "whole", "notes since the start", "", 0)
    notes_sent: int = _field(0, "whole", "notes that the present player process has sent", "", 0)
    notes_dropped: int = _field(0, "whole", "notes skipped because they would have been late", "", 0)
    sounding: int = _field(0, "whole", "notes that sound now", "", 0)
    lateness_p50_ms: float = _field(0.0, "number", "lateness of note-ons, median", "ms", 0)
    lateness_p99_ms: float = _field(0.0, "number", "lateness of note-ons, 99th percentile", "ms", 0)
    lateness_max_ms: float = _field(0.0, "number", "lateness of note-ons, largest", "ms", 0)
    stalls: int = _field(0, "whole", "how often the computer stood still", "", 0)
    note_age_s: int = _field(0, "whole", "since a note was last due, whole seconds", "s", 0)
    overdue_s: int = _field(
        0,
        "whole",
        "since a note should have begun, whole seconds; 0 while none is owed, as where somebody is waited for",
        "s",
        0,
    )
    output_ports: tuple[str, ...] = _field((), "list", "the port of each output as it was asked for; empty: our own")
    output_parts: tuple[tuple[str, str, int, int], ...] = _field(
        (),
        "list",
        "for each output its part (all, or the only one that it plays), its split (off, hands or melody), and its "
        "channels 1..16: its own, and that of the split's second part",
    )
    input_port: str = _field("", "text", "the input as it was asked for; empty: our own port")
    port_fault: str = _field("", "text", "why the ports that were asked for last are not used, or empty")
    ports: str = _field("", "text", "driver and names of the ports")
    connected: bool = _field(False, "flag", "a real MIDI port is there")
    model: str = _field("", "text", "name of the model that plays")
    degraded: tuple[str, ...] = _field(
        (), "list", "what does not work fully at present, a sentence each; empty: all is well"
    )
    fallback: int = _field(
        0,
        "whole",
        "what the engine was given less of after others failed; 0: nothing, 2: the default model, 3: and the default "
        "configuration, 4: and no network",
        "",
        0,
        4,
    )
    seed: int = _field(0, "whole", "of the music: the same seed improvises the same", "", 0)

    @property
    def point(self) -> Mood:
        """Where the mood is now."""
        return Mood(self.valence, self.arousal)

    def as_json(self) -> dict[str, Any]:
        """Plain values, numbers rounded to what frontends can show."""
        return {one.name: _plain(getattr(self, one.name)) for one in fields(self)}


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value


class StateField(NamedTuple):
    """What a frontend must know of one field."""

    name: str
    kind: Kind
    text: str
    unit: str
    low: float | None
    high: float | None
    default: Any

    def as_json(self) -> dict[str, Any]:
        """For frontends that build themselves from the table."""
        values = self._asdict()
        values["default"] = _plain(self.default)
        return {key: value for key, value in values.items() if value not in ("", None)}


def _described() -> dict[str, StateField]:
    table = {}
    for one in fields(State):
        default = one.default if one.default is not MISSING else {}
        table[one.name] = StateField(one.name, **one.metadata, default=default)
    return table


FIELDS: dict[str, StateField] = _described()
"""Name -> what frontends must know, in the order of the fields."""


def fields_as_json() -> list[dict[str, Any]]:
    """The whole table, for frontends that build themselves from it."""
    return [one.as_json() for one in FIELDS.values()]
