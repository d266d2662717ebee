"""What a person commands: frozen commands, the state they lead to, and the table from MIDI to commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple

import mido

from improv.attributes import ATTRIBUTES
from improv.mood import CORNERS, Glide, Mood

LONGEST_GLIDE_S = 60.0
TEMPERATURE_RANGE = (0.5, 1.5)

# ------------------------------------------------------------------------------------------------------- commands


class SetMood(NamedTuple):
    """Go to a mood; a coordinate that is None stays."""

    valence: float | None = None
    arousal: float | None = None


class SetIntensity(NamedTuple):
    """How much the commands weigh, 0..1; 0.5 as the model learned them."""

    value: float


class SetTemperature(NamedTuple):
    """How daring the choice of notes is, 0.5..1.5."""

    value: float


class SetAttribute(NamedTuple):
    """Command one attribute in its own unit, whatever the mood says; None gives it back to the mood."""

    name: str
    value: float | None


class SetGlide(NamedTuple):
    """How long the next mood changes take, seconds (0: at once)."""

    seconds: float


class Play(NamedTuple):
    """Play, after a pause or an ending."""


class Pause(NamedTuple):
    """Stop sounding, keep the place."""


class PlayPause(NamedTuple):
    """The one of the two that is not so now."""


class End(NamedTuple):
    """Bring the piece to a close on a cadence, then rest."""


class AllNotesOff(NamedTuple):
    """End every note that sounds, now; the music goes on."""


class Reset(NamedTuple):
    """Mood back to where it began, every override given back."""


Command = (
    SetMood
    | SetIntensity
    | SetTemperature
    | SetAttribute
    | SetGlide
    | Play
    | Pause
    | PlayPause
    | End
    | AllNotesOff
    | Reset
)

# ---------------------------------------------------------------------------------------------------------- state


@dataclass(frozen=True, slots=True)
class ControlState:
    """All commands so far, as one value. A change makes a new one.

    revision rises with every change of mood: notes carry it, so that a log can tell under which mood each was chosen.
    """

    glide: Glide = field(default_factory=lambda: Glide(CORNERS["calm"], CORNERS["calm"]))
    glide_s: float = 0.0
    intensity: float = 0.5
    temperature: float = 1.0
    overrides: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    playing: bool = True
    ending: bool = False
    revision: int = 0

    def mood(self, music_s: float) -> Mood:
        """The mood at a moment of the music."""
        return self.glide.at(music_s)


def apply(state: ControlState, command: Command, music_s: float, initial: ControlState | None = None) -> ControlState:
    """The state after a command that arrives when the music stands at `music_s` seconds.

    initial: what Reset goes back to (default: a fresh ControlState).
    """
    match command:
        case SetMood(valence, arousal):
            return _turn(state, valence, arousal, music_s)
        case SetIntensity(value):
            return replace(state, intensity=_clip(value, 0.0, 1.0))
        case SetTemperature(value):
            return replace(state, temperature=_clip(value, *TEMPERATURE_RANGE))
        case SetAttribute(name, value):
            return replace(state, overrides=_override(state.overrides, name, value))
        case SetGlide(seconds):
            return replace(state, glide_s=_clip(seconds, 0.0, LONGEST_GLIDE_S))
        case Play():
            return replace(state, playing=True, ending=state.ending and state.playing)
        case Pause():
            return replace(state, playing=False)
        case PlayPause():
            return apply(state, Pause() if state.playing else Play(), music_s)
        case End():
            return replace(state, ending=True)
        case Reset():
            fresh = initial or ControlState()
            target = fresh.glide.target
            turned = _turn(state, target.valence, target.arousal, music_s)
            return replace(fresh, glide=turned.glide, revision=turned.revision, playing=state.playing)
        case AllNotesOff():
            return state


def _turn(state: ControlState, valence: float | None, arousal: float | None, music_s: float) -> ControlState:
    target = state.glide.target
    goal = Mood(
        target.valence if valence is None else valence, target.arousal if arousal is None else arousal
    ).clipped()
    if goal == target:
        return state
    glide = Glide(state.mood(music_s), goal, music_s, state.glide_s)
    return replace(state, glide=glide, revision=state.revision + 1)


def _override(overrides: Mapping[str, float], name: str, value: float | None) -> Mapping[str, float]:
    attribute = ATTRIBUTES[name]
    changed = {key: old for key, old in overrides.items() if key != name}
    if value is not None:
        changed[name] = _clip(value, attribute.low, attribute.high)
    return MappingProxyType(changed)


def _clip(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


# ----------------------------------------------------------------------------------------------------------- MIDI

CONTROL_ACTIONS: tuple[str, ...] = (
    "valence",
    "arousal",
    "mood",
    "intensity",
    "temperature",
    *ATTRIBUTES,
    "glide",
    "play_pause",
    "end",
    "all_notes_off",
    "reset",
)
"""What a control change can be mapped to."""

_BUTTONS: dict[str, Command] = {"play_pause": PlayPause(), "end": End()}
_ALWAYS: dict[str, Command] = {"all_notes_off": AllNotesOff(), "reset": Reset()}


@dataclass(frozen=True, slots=True)
class MidiMap:
    """controls: number 0..127 -> action. programs: program 0..127 -> mood name. channel: 1..16, or 0 for all."""

    controls: Mapping[int, str]
    programs: Mapping[int, str]
    channel: int = 0
    moods: Mapping[str, Mood] = field(default_factory=lambda: MappingProxyType(CORNERS))

    def command(self, message: mido.Message) -> Command | None:
        """The command behind a message, or None when it means nothing here."""
        if message.type not in ("control_change", "program_change"):
            return None
        if self.channel and message.channel != self.channel - 1:
            return None
        if message.type == "program_change":
            name = self.programs.get(message.program)
            return SetMood(*self.moods[name]) if name is not None else None
        action = self.controls.get(message.control)
        return None if action is None else _control_command(action, message.value)


def _control_command(action: str, value: int) -> Command | None:
    """value: 0..127. Buttons act when they are pressed (64 or more), not when they are let go."""
    share = value / 127
    if action in ATTRIBUTES:
        return SetAttribute(action, ATTRIBUTES[action].denormalise(2 * share - 1))
    if action in _BUTTONS:
        return _BUTTONS[action] if value >= 64 else None
    if action in _ALWAYS:
        return _ALWAYS[action]
    match action:
        case "valence":
            return SetMood(valence=_centred(value))
        case "arousal":
            return SetMood(arousal=_centred(value))
        case "mood":
            return SetMood(*tuple(CORNERS.values())[min(value // 32, 3)])
        case "intensity":
            return SetIntensity(share)
        case "temperature":
            low, high = TEMPERATURE_RANGE
            return SetTemperature(low + share * (high - low))
        case "glide":
            return SetGlide(LONGEST_GLIDE_S * share**2)  # fine for short glides, where it matters
    raise ValueError(f"unknown control action {action!r}; allowed: {', '.join(CONTROL_ACTIONS)}")


def _centred(value: int) -> float:
    """0..127 -> -1..1 with 64 exactly in the middle, as knobs with a detent send it."""
    return max(-1.0, (value - 64) / 63)
