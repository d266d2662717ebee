"""THE table of commands. Every face is derived from it: MIDI, OSC, the page, `improv ctl`, docs/protocol.md.

A row says what a command is called, what it takes and what a MIDI value means to it; `parse` turns a message of a face
into a command of improv.control.state, or says in one sentence what is wrong with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import mido

from improv.control import state
from improv.control.journey import LONGEST_S, Plan
from improv.control.state import LONGEST_GLIDE_S, TEMPERATURE_RANGE, Command
from improv.errors import CommandError
from improv.music.attributes import ATTRIBUTES
from improv.music.limits import LIMITED, problem
from improv.music.mood import CORNERS, Mood

Kind = Literal["number", "whole", "choice", "text", "flag"]
ENVELOPE = frozenset({"command", "id", "from", "kind"})
"""Keys of a message that are no arguments."""
PRESSED = 64  # a button acts from this value on, not when it is let go
LONGEST_TEXT = 1000  # characters
LARGEST = 1e12  # beyond this a number is none that music needs, and some whole ones are no floats


class Names(NamedTuple):
    """What can be named in a command and is known only while the program runs."""

    moods: Mapping[str, Mood] = MappingProxyType(CORNERS)
    models: tuple[str, ...] = ()
    journeys: Mapping[str, Plan] = MappingProxyType({})


class Argument(NamedTuple):
    """What a command takes.

    low, high: allowed numbers, inclusive. choices: allowed words; choices_of: a field of Names that holds them.
    optional: may be left out (None is then what the command gets). nullable: null is a value with a meaning.
    ranges: allowed numbers by the value of the argument that stands before this one.
    """

    name: str
    kind: Kind
    text: str
    low: float | None = None
    high: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    choices_of: str = ""
    optional: bool = False
    nullable: bool = False
    ranges: Mapping[str, tuple[float, float]] = MappingProxyType({})

    def as_json(self) -> dict[str, Any]:
        """For faces that build themselves from the table."""
        values = self._asdict() | {
            "choices": list(self.choices),
            "ranges": {k: list(v) for k, v in self.ranges.items()},
        }
        return {key: value for key, value in values.items() if value or (value == 0.0 and value is not False)}


class MidiAction(NamedTuple):
    """What a control change can be mapped to: its meaning in words, and 0..127 -> arguments (None: does nothing)."""

    text: str
    arguments: Callable[[int], Mapping[str, object] | None]


@dataclass(frozen=True, slots=True)
class Row:
    """One command. make: from checked arguments to the command; moods: the argument that names one is looked up."""

    name: str
    text: str
    make: Callable[..., Command]
    arguments: tuple[Argument, ...] = ()
    midi: Mapping[str, MidiAction] = field(default_factory=lambda: MappingProxyType({}))

    def as_json(self) -> dict[str, Any]:
        """For faces that build themselves from the table."""
        return {
            "name": self.name,
            "text": self.text,
            "arguments": [argument.as_json() for argument in self.arguments],
            "midi": list(self.midi),
        }


# ------------------------------------------------------------------------------------------------------ MIDI values


def _centred(value: int) -> float:
    """0..127 -> -1..1 with 64 exactly in the middle, as knobs with a detent send it."""
    return max(-1.0, (value - 64) / 63)


def _pressed(value: int) -> dict[str, object] | None:
    return {} if value >= PRESSED else None


def _always(value: int) -> dict[str, object]:
    return {}


def _mood_of(value: int) -> dict[str, object]:
    return {"name": tuple(CORNERS)[min(value // 32, 3)]}


def _attribute_knob(name: str) -> MidiAction:
    attribute = ATTRIBUTES[name]
    shape = ", logarithmic" if attribute.scale == "log" else ""

    def arguments(value: int) -> dict[str, object]:
        position = attribute.denormalise(2 * value / 127 - 1)
        return {"name": name, "value": min(max(position, attribute.low), attribute.high)}  # a power rounds

    return MidiAction(f"{attribute.low:g}..{attribute.high:g} {attribute.unit}{shape}", arguments)


def _button(name: str) -> Mapping[str, MidiAction]:
    return {name: MidiAction(f"{PRESSED}..127: acts", _pressed)}


def _alarm(name: str) -> Mapping[str, MidiAction]:
    return {name: MidiAction("any", _always)}


# ------------------------------------------------------------------------------------------------------- the table

_GLIDE = Argument(
    "glide_s", "number", "how long the way takes; left out: as glide says", 0, LONGEST_GLIDE_S, "s", optional=True
)


def _limit(name: str, low: float | None, high: float | None) -> Command:
    kind = LIMITED[name]
    text = problem(name, kind.low if low is None else low, kind.high if high is None else high)
    if text:
        raise CommandError(f"limit: {name} {text}")
    return state.SetLimit(name, low, high)


_ROWS: tuple[Row, ...] = (
    Row(
        "mood",
        "Go to a mood by its name.",
        state.SetMood,
        (Argument("name", "choice", "the mood", choices_of="moods"), _GLIDE),
        {"mood": MidiAction("quarters of the range: happy, nervous, sad, calm", _mood_of)},
    ),
    Row(
        "point",
        "Go to a point of the mood plane.",
        state.SetMood,
        (
            Argument("valence", "number", "unpleasant .. pleasant", -1, 1),
            Argument("arousal", "number", "still .. excited", -1, 1),
            _GLIDE,
        ),
    ),
    Row(
        "valence",
        "Go to a valence; the arousal stays.",
        lambda value: state.SetMood(valence=value),
        (Argument("value", "number", "unpleasant .. pleasant", -1, 1),),
        {"valence": MidiAction("-1..1, 64 is 0", lambda value: {"value": _centred(value)})},
    ),
    Row(
        "arousal",
        "Go to an arousal; the valence stays.",
        lambda value: state.SetMood(arousal=value),
        (Argument("value", "number", "still .. excited", -1, 1),),
        {"arousal": MidiAction("-1..1, 64 is 0", lambda value: {"value": _centred(value)})},
    ),
    Row(
        "intensity",
        "How much the mood weighs: 0.5 as the model learned it, 1 exaggerated.",
        state.SetIntensity,
        (Argument("value", "number", "the weight", 0, 1),),
        {"intensity": MidiAction("0..1", lambda value: {"value": value / 127})},
    ),
    Row(
        "temperature",
        "How daring the choice of notes is.",
        state.SetTemperature,
        (Argument("value", "number", "1 is as learned", *TEMPERATURE_RANGE),),
        {
            "temperature": MidiAction(
                "{:g}..{:g}".format(*TEMPERATURE_RANGE),
                lambda value: {
                    "value": TEMPERATURE_RANGE[0] + value / 127 * (TEMPERATURE_RANGE[1] - TEMPERATURE_RANGE[0])
                },
            )
        },
    ),
    Row(
        "attribute",
        "Command one attribute in its own unit, whatever the mood says; null gives it back to the mood.",
        state.SetAttribute,
        (
            Argument("name", "choice", "the attribute", choices=tuple(ATTRIBUTES)),
            Argument(
                "value",
                "number",
                "in the attribute's unit; null: as the mood says",
                nullable=True,
                ranges={name: (attribute.low, attribute.high) for name, attribute in ATTRIBUTES.items()},
            ),
        ),
        {name: _attribute_knob(name) for name in ATTRIBUTES},
    ),
    Row(
        "glide",
        "How long later changes of mood take.",
        state.SetGlide,
        (Argument("seconds", "number", "0: from the next note on", 0, LONGEST_GLIDE_S, "s"),),
        # fine for short glides, where it matters
        {
            "glide": MidiAction(
                f"0..{LONGEST_GLIDE_S:g} s, cubic",
                lambda value: {"seconds": LONGEST_GLIDE_S * (value / 127) ** 3},
            )
        },
    ),
    Row(
        "tempo",
        "Command the tempo, whatever the mood says (the attribute tempo); null gives it back to the mood.",
        lambda bpm: state.SetAttribute("tempo", bpm),
        (
            Argument(
                "bpm",
                "number",
                "quarter notes per minute; null: as the mood says",
                ATTRIBUTES["tempo"].low,
                ATTRIBUTES["tempo"].high,
                "bpm",
                nullable=True,
            ),
        ),
    ),
    Row("tap", "One beat of a tempo that is tapped, at least three in a row.", state.Tap, (), _button("tap")),
    Row(
        "clock",
        "Whose tempo and bars are followed: our own, or those of the program that sends MIDI clock.",
        state.SetClockSource,
        (Argument("source", "choice", "internal, or midi: the master's", choices=state.CLOCK_SOURCES),),
    ),
    Row("play", "Play, after a pause or an ending.", state.Play, (), _button("play")),
    Row("pause", "Stop sounding at once, keep the place.", state.Pause, (), _button("pause")),
    Row("play_pause", "The one of the two that is not so now.", state.PlayPause, (), _button("play_pause")),
    Row("end", "Bring the piece to a close on a cadence, then rest.", state.End, (), _button("end")),
    Row("stop", "End with the bar, without a cadence, then rest.", state.Stop, (), _button("stop")),
    Row(
        "mode",
        "solo: what you play is not heard. duet: it is part of the music that the model goes on from.",
        state.SetMode,
        (Argument("name", "choice", "the mode", choices=state.MODES),),
        {
            "duet": MidiAction(
                f"0..{PRESSED - 1} solo, {PRESSED}..127 duet",
                lambda value: {"name": state.DUET if value >= PRESSED else state.SOLO},
            )
        },
    ),
    Row("all_notes_off", "End every note now; the music goes on.", state.AllNotesOff, (), _alarm("all_notes_off")),
    Row("panic", "End every note now and pause.", state.Panic, (), _alarm("panic")),
    Row(
        "limit",
        "Hold loudness, tempo, register or density between a floor and a ceiling, whatever else commands.",
        _limit,
        (
            Argument("name", "choice", "what is limited", choices=tuple(LIMITED)),
            Argument("low", "number", "the floor; null: none", optional=True, nullable=True),
            Argument("high", "number", "the ceiling; null: none", optional=True, nullable=True),
        ),
    ),
    Row(
        "journey_start",
        "Set out on a journey: a named one, or the one that was prepared or begun before.",
        lambda name: state.StartJourney(name),
        (Argument("name", "choice", "the journey", choices_of="journeys", optional=True),),
        _button("journey_start"),
    ),
    Row(
        "journey_hold",
        "Stay at this place of the journey.",
        state.HoldJourney,
        (),
        _button("journey_hold"),
    ),
    Row(
        "journey_resume",
        "Go on where the journey is held.",
        state.ResumeJourney,
        (),
        _button("journey_resume"),
    ),
    Row(
        "journey_abort",
        "Leave the journey; the mood stays as it is.",
        state.AbortJourney,
        (),
        _button("journey_abort"),
    ),
    Row(
        "journey_jump",
        "Go on from another place of the journey.",
        state.JumpJourney,
        (
            Argument("seconds", "number", "from the journey's beginning", 0, LONGEST_S, "s", optional=True),
            Argument("share", "number", "of the journey's length", 0, 1, optional=True),
        ),
        {"journey_jump": MidiAction("0..1 of the journey's length", lambda value: {"share": value / 127})},
    ),
    Row(
        "model",
        "Let another model play, from the next bar line on.",
        state.SetModel,
        (Argument("name", "choice", "the model", choices_of="models"),),
    ),
    Row("reset", "Mood and every setting back to the configuration's.", state.Reset, (), _alarm("reset")),
)

COMMANDS: dict[str, Row] = {row.name: row for row in _ROWS}
"""Name -> row, in the order in which faces show them."""

_ACTIONS: dict[str, tuple[Row, MidiAction]] = {
    name: (row, action) for row in COMMANDS.values() for name, action in row.midi.items()
}
CONTROL_ACTIONS: tuple[str, ...] = tuple(_ACTIONS)
"""What a control change can be mapped to."""


def table_as_json() -> list[dict[str, Any]]:
    """The whole table, for faces that build themselves from it."""
    return [row.as_json() for row in COMMANDS.values()]


# --------------------------------------------------------------------------------------------------------- reading


def parse(message: Mapping[str, object], names: Names | None = None) -> Command:
    """{"command": "point", "valence": -0.4, "arousal": 0.7} -> a command. CommandError says what is wrong."""
    names = names or Names()
    word = message.get("command")
    if not isinstance(word, str) or word not in COMMANDS:
        raise CommandError(f"unknown command {_shown(word)}; allowed: {', '.join(COMMANDS)}")
    row = COMMANDS[word]
    known = [argument.name for argument in row.arguments]
    for key in message:
        if key not in ENVELOPE and key not in known:
            raise CommandError(f"{word} takes {', '.join(known) or 'no arguments'}, not {_shown(key)}")
    values: dict[str, Any] = {}
    before: object = None
    for argument in row.arguments:
        values[argument.name] = before = _checked(word, argument, message, names, before)
    if (named := next((a for a in row.arguments if a.choices_of == "moods"), None)) is not None:
        mood = names.moods[values.pop(named.name)]
        return row.make(**mood._asdict(), **values)
    if (named := next((a for a in row.arguments if a.choices_of == "journeys"), None)) is not None:
        values[named.name] = names.journeys.get(values[named.name])
    return row.make(**values)


def _checked(word: str, argument: Argument, message: Mapping[str, object], names: Names, before: object) -> object:
    name = f"{word}: {argument.name}"
    if argument.name not in message:
        if argument.optional:
            return None
        raise CommandError(f"{name} is missing; {_allowed(argument, names, before)}")
    value: Any = message[argument.name]
    if value is None and (argument.nullable or argument.optional):
        return None
    if not _fits(argument, value, names, before):
        raise CommandError(f"{name} must be {_allowed(argument, names, before)} (got {_shown(value)})")
    return float(value) if argument.kind == "number" else value


def _fits(argument: Argument, value: object, names: Names, before: object) -> bool:
    if argument.kind == "flag":
        return isinstance(value, bool)
    if argument.kind == "text":
        return isinstance(value, str) and len(value) <= LONGEST_TEXT
    if argument.kind == "choice":
        return isinstance(value, str) and value in _choices(argument, names)
    if isinstance(value, bool) or not isinstance(value, int if argument.kind == "whole" else int | float):
        return False
    low, high = _range(argument, before)
    return low <= value <= high and -LARGEST <= value <= LARGEST  # NaN is in no range


def _range(argument: Argument, before: object) -> tuple[float, float]:
    if argument.ranges:
        return argument.ranges[str(before)]
    return (
        -math.inf if argument.low is None else argument.low,
        math.inf if argument.high is None else argument.high,
    )


def _choices(argument: Argument, names: Names) -> Sequence[str]:
    return tuple(getattr(names, argument.choices_of)) if argument.choices_of else argument.choices


def _allowed(argument: Argument, names: Names, before: object) -> str:
    null = " or null" if argument.nullable else ""
    if argument.kind == "choice":
        return f"one of {', '.join(_choices(argument, names)) or 'nothing here'}{null}"
    if argument.kind == "text":
        return f"a text of at most {LONGEST_TEXT} characters{null}"
    if argument.kind == "flag":
        return f"true or false{null}"
    kind = "a whole number" if argument.kind == "whole" else "a number"
    low, high = _range(argument, before)
    if math.isinf(low) and math.isinf(high):
        return f"{kind}{null}"
    unit = f" {argument.unit}" if argument.unit else ""
    return f"{kind} {low:g}..{high:g}{unit}{null}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


# ------------------------------------------------------------------------------------------------------------ MIDI


@dataclass(frozen=True, slots=True)
class MidiMap:
    """controls: number 0..127 -> action. programs: program 0..127 -> mood name. channel: 1..16, or 0 for all."""

    controls: Mapping[int, str]
    programs: Mapping[int, str]
    channel: int = 0
    moods: Mapping[str, Mood] = field(default_factory=lambda: MappingProxyType(CORNERS))
    journeys: Mapping[str, Plan] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def names(self) -> Names:
        """What can be named in a command."""
        return Names(self.moods, journeys=self.journeys)

    def command(self, message: mido.Message) -> Command | None:
        """The command behind a message, or None when it means nothing here."""
        if message.type not in ("control_change", "program_change"):
            return None
        if self.channel and message.channel != self.channel - 1:
            return None
        names = self.names
        if message.type == "program_change":
            name = self.programs.get(message.program)
            return parse({"command": "mood", "name": name}, names) if name is not None else None
        action = self.controls.get(message.control)
        return None if action is None else _of_control(action, message.value, names)


def _of_control(action: str, value: int, names: Names) -> Command | None:
    """value: 0..127."""
    if action not in _ACTIONS:
        raise ValueError(f"unknown control action {action!r}; allowed: {', '.join(CONTROL_ACTIONS)}")
    row, meaning = _ACTIONS[action]
    arguments = meaning.arguments(value)
    return None if arguments is None else parse({"command": row.name, **arguments}, names)
