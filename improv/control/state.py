"""The state that commands lead to: one frozen value, and what each command makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from improv.control.commands import (
    FOLLOWING,
    LONGEST_GLIDE_S,
    SOLO,
    TEMPERATURE_RANGE,
    AbortJourney,
    AllNotesOff,
    BeginFrom,
    End,
    HandOver,
    HoldJourney,
    JumpJourney,
    KeepHours,
    Panic,
    Pause,
    Play,
    PlayPause,
    Reset,
    ResumeJourney,
    SetAttribute,
    SetChord,
    SetChords,
    SetClockSource,
    SetFollow,
    SetForm,
    SetGlide,
    SetIdle,
    SetInput,
    SetIntensity,
    SetKey,
    SetLimit,
    SetLock,
    SetLoop,
    SetLoopVariation,
    SetMode,
    SetModel,
    SetMood,
    SetOutput,
    SetParts,
    SetPhraseBars,
    SetPlace,
    SetPresence,
    SetReach,
    SetSession,
    SetTemperature,
    StartJourney,
    StateCommand,
    Stop,
    Tap,
)
from improv.control.journey import Course, Plan
from improv.control.presence import HERE, Before, Ceiling, Presence
from improv.music.attributes import ATTRIBUTES
from improv.music.chord import Chord
from improv.music.limits import FREE, Limits
from improv.music.mood import CORNERS, Glide, Mood

NOT_RESET = (
    "standing_limits",
    "limits_before",
    "session",
    "presence",
    "lock",
    "prepared",
    "model",
    "instead_of",
    "guided",
    "clock_source",
    "playing",
    "mode",
    "output_ports",
    "output_parts",
    "input_port",
)
"""What Reset leaves as it is, by the fields of ControlState."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlState:
    """All commands so far, as one value. A change makes a new one.

    glide_s, intensity and temperature have no default here: theirs stand in the configuration. revision rises with
    every change of mood: notes carry it, so that a log can tell under which mood each was chosen.
    """

    glide: Glide = field(default_factory=lambda: Glide(CORNERS["calm"], CORNERS["calm"]))
    glide_s: float
    intensity: float
    temperature: float
    overrides: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    playing: bool = True
    ending: bool = False
    stopping: bool = False
    revision: int = 0
    model: str = ""
    """Name of the model that is to play; empty for the one that the start chose."""
    instead_of: str | None = None
    """Name of the model that was commanded, while `model` plays in its place because it fails or is too slow."""
    guided: bool = True
    """Whether the model is asked without the commands as well, to exaggerate them; not while it is too slow."""
    mode: str = SOLO
    """How we play together, one of MODES."""
    following: Mapping[str, float] = field(default_factory=lambda: FOLLOWING)
    """How far the person is followed, each of FOLLOWED 0..1."""
    place: str = "auto"
    """Where we play beside their hands, one of PLACES."""
    loop: str = "off"
    """How many of the last bars come again and again, one of LOOPS."""
    loop_variation: float = 0.0
    """0 as they were .. 1 hardly to be known."""
    standing_limits: Limits = FREE
    session: str = ""
    """Id of the person whose session runs; empty: nobody's."""
    limits_before: Limits | None = None
    """The standing limits before the session: they come back with its end."""
    presence: Presence = HERE
    """What the hour asks for, and whether somebody is there."""
    lock: str = "off"
    """What visitors may not turn, one of locks.LOCKS."""
    prepared: Plan | None = None
    course: Course | None = None
    clock_source: str = "internal"
    """Whose tempo and bars are followed, one of CLOCK_SOURCES."""
    key: int | None = None
    """That the music is to be in, 0..23 (improv.music.chord)."""
    chords: str = ""
    """That go round, as `lead_sheet.parse_loop` reads them; empty: the plan's own."""
    chord: Chord | None = None
    """That holds from now on; the two do not stand together."""
    phrase_bars: int | None = None
    """1..16; None: as people's are."""
    reach_fifths: int | None = None
    """How far it may modulate, 0..6; None: as the mood will."""
    form: bool = True
    """Whether sections come back and pieces end."""
    output_ports: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    """Ports that were commanded, by the number of the output from 1; the others are as the configuration says."""
    output_parts: Mapping[int, tuple[str, str, int]] = field(default_factory=lambda: MappingProxyType({}))
    """Split, part and channel of the second part (SetParts) that were commanded, by the number of the output."""
    input_port: str | None = None
    """The port that was commanded; None: as the configuration says."""

    @property
    def together(self) -> bool:
        """Whether the person's notes are heard."""
        return self.mode != SOLO

    def mood(self, music_s: float) -> Mood:
        """The mood at a moment of the music: the journey's while one is under way, else the glide's."""
        return self._quiet(self._commanded_mood(music_s))

    def _commanded_mood(self, music_s: float) -> Mood:
        if self.course is not None and self.course.held_s is None:
            return self.course.mood(music_s)
        return self.glide.at(music_s)

    def _quiet(self, mood: Mood) -> Mood:
        ceiling = self.presence.ceiling
        return mood if ceiling is None else ceiling.mood(mood)

    def target(self, music_s: float) -> Mood:
        """Where the mood is going: the journey's next way-point while one is under way, else the glide's end."""
        return self._quiet(self.commanded_target(music_s))

    def commanded_target(self, music_s: float) -> Mood:
        """Where it would be going if no hours were quiet."""
        if self.course is not None and self.course.held_s is None:
            return self.course.journey.next_point(self.course.place_s(music_s)).mood
        return self.glide.target

    @property
    def limits(self) -> Limits:
        """What holds whatever else commands: the standing limits, narrowed by those of the journey under way and by
        quiet hours.
        """
        own, ceiling = self.standing_limits, self.presence.ceiling
        limits = own if self.course is None else self.course.journey.limits.within(own)
        return limits if ceiling is None else ceiling.limits(limits)

    def reached(self, music_s: float) -> ControlState:
        """The state once the music has come to `music_s`: a journey that is over leaves its last mood behind."""
        if self.course is None or not self.course.arrived(music_s):
            return self
        return replace(_stay(self, music_s), course=None, ending=self.ending or self.course.journey.ends)


def apply(  # noqa: C901 (a flat table of cases)
    state: ControlState, command: StateCommand, music_s: float, initial: ControlState | None = None
) -> ControlState:
    """The state after a command that arrives when the music stands at `music_s` seconds.

    initial: what Reset goes back to; None: it changes nothing but the overrides and the course.
    """
    match command:
        case SetMood():
            return _turn(state, command, music_s)
        case SetIntensity(value):
            return replace(state, intensity=_clip(value, 0.0, 1.0))
        case SetTemperature(value):
            return replace(state, temperature=_clip(value, *TEMPERATURE_RANGE))
        case SetAttribute(name, value):
            return replace(state, overrides=_override(state.overrides, name, value))
        case SetGlide(seconds):
            return replace(state, glide_s=_clip(seconds, 0.0, LONGEST_GLIDE_S))
        case Play():
            if not state.playing:
                return replace(state, playing=True, ending=False, stopping=False)
            return state
        case Pause() | Panic():
            return replace(state, playing=False)
        case PlayPause():
            return apply(state, Pause() if state.playing else Play(), music_s)
        case End():
            return replace(state, ending=True)
        case Stop():
            return replace(state, stopping=True) if state.playing else state
        case SetModel(name):
            return replace(state, model=name, instead_of=None, guided=True)
        case SetMode(name):
            return replace(state, mode=name)
        case SetFollow(name, value):
            return replace(state, following=MappingProxyType({**state.following, name: _clip(value, 0.0, 1.0)}))
        case SetLoop(bars):
            return replace(state, loop=bars)
        case SetLoopVariation(value):
            return replace(state, loop_variation=_clip(value, 0.0, 1.0))
        case SetPlace(name):
            return replace(state, place=name)
        case SetOutput() | SetParts() | SetInput():
            return _wired(state, command)
        case SetKey() | SetChords() | SetChord() | SetPhraseBars() | SetReach() | SetForm():
            return _planned(state, command)
        case Reset():
            return _reset(state, initial, music_s)
        case SetClockSource(source):
            return replace(state, clock_source=source)
        case KeepHours() | SetIdle() | SetLock():
            return _attended(state, command, music_s)
        case AllNotesOff() | Tap() | HandOver() | BeginFrom() | SetPresence():
            return state
        case SetLimit() | SetSession():
            return _limited(state, command)
        case StartJourney() | HoldJourney() | ResumeJourney() | AbortJourney() | JumpJourney():
            return _travel(state, command, music_s)


def _reset(state: ControlState, initial: ControlState | None, music_s: float) -> ControlState:
    """As at the start. A limit is no wish, and a port no mood: they stay until they are taken back."""
    fresh = initial or replace(state, overrides=MappingProxyType({}), course=None, ending=False, stopping=False)
    turned = _turn(state, SetMood(*fresh.glide.target), music_s)
    stays = {name: getattr(state, name) for name in NOT_RESET}
    return replace(fresh, glide=turned.glide, revision=turned.revision, **stays)


def _wired(state: ControlState, command: SetOutput | SetParts | SetInput) -> ControlState:
    """The state after a command to the ports, or to what goes to them."""
    match command:
        case SetOutput(port, number):
            return replace(state, output_ports=MappingProxyType({**state.output_ports, number: port}))
        case SetParts(split, part, channel, number):
            parts = {**state.output_parts, number: (split, part, channel)}
            return replace(state, output_parts=MappingProxyType(parts))
        case SetInput(port):
            return replace(state, input_port=port)


def _planned(
    state: ControlState, command: SetKey | SetChords | SetChord | SetPhraseBars | SetReach | SetForm
) -> ControlState:
    """The state after a command to the plan. Chords that go round and one that holds take each other's place."""
    match command:
        case SetKey(key):
            return replace(state, key=key)
        case SetChords(loop):
            return replace(state, chords=loop, chord=None)
        case SetChord(chord):
            return replace(state, chord=chord, chords="")
        case SetPhraseBars(bars):
            return replace(state, phrase_bars=bars)
        case SetReach(fifths):
            return replace(state, reach_fifths=fifths)
        case SetForm(on):
            return replace(state, form=on)


def _limited(state: ControlState, command: SetLimit | SetSession) -> ControlState:
    """Limits that are set while a session runs are that person's: they go with it."""
    if isinstance(command, SetLimit):
        return replace(state, standing_limits=state.standing_limits.changed(*command))
    if command.person == state.session:
        return state
    ours = state.standing_limits if state.limits_before is None else state.limits_before
    before = ours if command.person else None
    return replace(state, session=command.person, standing_limits=ours, limits_before=before)


def _attended(state: ControlState, command: KeepHours | SetIdle | SetLock, music_s: float) -> ControlState:
    """The state as the hour asks, while nobody is there, or locked. With the opening the music plays."""
    if isinstance(command, SetLock):
        return replace(state, lock=command.what)
    here = state.presence
    if isinstance(command, KeepHours):
        closed, loudness, arousal = command
        ceiling = None if loudness is None or arousal is None else Ceiling(loudness, arousal)
        turned = replace(state, presence=replace(here, closed=closed, ceiling=ceiling))
        if closed != here.closed:
            turned = replace(turned, playing=not closed, ending=False, stopping=False)
        return turned if turned.mood(music_s) == state.mood(music_s) else _risen(state, turned, music_s)
    if not command.on:
        return _returned(state, music_s)
    mood = SetMood(command.valence, command.arousal)
    before = Before(state.glide.target, state.mode)
    away = replace(_turn(state, mood, music_s), mode=command.mode or state.mode)
    return replace(away, presence=replace(here, idle=True, before=before))


def _risen(before: ControlState, after: ControlState, music_s: float) -> ControlState:
    """The mood goes from where it was heard to where it is commanded, as any other change."""
    glide = Glide(before.mood(music_s), after.glide.target, music_s, after.glide_s)
    return replace(after, glide=glide, revision=after.revision + 1)


def _returned(state: ControlState, music_s: float) -> ControlState:
    """Somebody is there again: mood and mode as they were before."""
    before, here = state.presence.before, replace(state.presence, idle=False, before=None)
    if before is None:
        return replace(state, presence=here)
    return replace(_turn(state, SetMood(*before.mood), music_s), mode=before.mode, presence=here)


def _travel(
    state: ControlState,
    command: StartJourney | HoldJourney | ResumeJourney | AbortJourney | JumpJourney,
    music_s: float,
) -> ControlState:
    """The state after a command to a journey; without a journey only a start changes anything."""
    course, here = state.course, state.mood(music_s)
    if isinstance(command, StartJourney):
        plan = command.plan or state.prepared
        if plan is None:
            return state
        begun = Course.begin(plan.begun_from(here), here, music_s, state.glide_s)
        return replace(state, course=begun, prepared=plan, revision=state.revision + 1)
    if course is None:
        return state
    match command:
        case HoldJourney():
            return replace(_stay(state, music_s), course=course.hold(music_s))
        case ResumeJourney():
            if course.held_s is None:
                return state
            again = Course.begin(course.journey, here, music_s, state.glide_s, course.held_s)
        case AbortJourney():
            return replace(_stay(state, music_s), course=None)
        case JumpJourney(seconds, share):
            place_s = seconds if seconds is not None else (share or 0.0) * course.journey.length_s
            place_s = _clip(place_s, 0.0, course.journey.length_s)
            again = Course.begin(course.journey, here, music_s, state.glide_s, place_s)
    return replace(state, course=again, revision=state.revision + 1)


def _stay(state: ControlState, music_s: float) -> ControlState:
    """The mood stays where it is now."""
    here = state._commanded_mood(music_s)  # quiet hours only cover it
    return replace(state, glide=Glide(here, here, music_s))


def _turn(state: ControlState, command: SetMood, music_s: float) -> ControlState:
    """A mood that a person commands goes before a journey, which is held until it is resumed."""
    if state.course is not None and state.course.held_s is None:
        state = _travel(state, HoldJourney(), music_s)
    target = state.glide.target
    goal = Mood(
        target.valence if command.valence is None else command.valence,
        target.arousal if command.arousal is None else command.arousal,
    ).clipped()
    if goal == target:
        return state
    glide_s = state.glide_s if command.glide_s is None else _clip(command.glide_s, 0.0, LONGEST_GLIDE_S)
    return replace(state, glide=Glide(state.mood(music_s), goal, music_s, glide_s), revision=state.revision + 1)


def _override(overrides: Mapping[str, float], name: str, value: float | None) -> Mapping[str, float]:
    attribute = ATTRIBUTES[name]
    changed = {key: old for key, old in overrides.items() if key != name}
    if value is not None:
        changed[name] = _clip(value, attribute.low, attribute.high)
    return MappingProxyType(changed)


def _clip(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
