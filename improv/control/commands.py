"""What a person commands: one frozen record each. improv.control.table is their table, `state.apply` what they do."""

from __future__ import annotations

from typing import NamedTuple

from improv.control.journey import Plan

LONGEST_GLIDE_S = 600.0
TEMPERATURE_RANGE = (0.5, 1.5)
CLOCK_SOURCES = ("internal", "midi")
SOLO, DUET = MODES = ("solo", "duet")


class SetMood(NamedTuple):
    """Go to a mood; a coordinate that is None stays. glide_s: how long it takes, None: as SetGlide said."""

    valence: float | None = None
    arousal: float | None = None
    glide_s: float | None = None


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


class Stop(NamedTuple):
    """End with the bar, without a cadence, then rest."""


class AllNotesOff(NamedTuple):
    """End every note that sounds, now; the music goes on."""


class Panic(NamedTuple):
    """End every note that sounds, now, and pause."""


class SetModel(NamedTuple):
    """Let another model play, from the next bar line on; a name or path as model.path takes it."""

    name: str


class SetLimit(NamedTuple):
    """Hold one of limits.LIMITED between floor and ceiling, whatever else commands; None: free on that side."""

    name: str
    low: float | None = None
    high: float | None = None


class StartJourney(NamedTuple):
    """Set out on a journey; None: on the one that is prepared."""

    plan: Plan | None = None


class HoldJourney(NamedTuple):
    """Stay at this place of the journey."""


class ResumeJourney(NamedTuple):
    """Go on where the journey is held."""


class AbortJourney(NamedTuple):
    """Leave the journey; the mood stays as it is."""


class JumpJourney(NamedTuple):
    """Go on from another place: second of the journey, or share of its length, 0..1."""

    seconds: float | None = None
    share: float | None = None


class Tap(NamedTuple):
    """One beat of a tempo that is tapped; the engine knows when the others came."""


class SetClockSource(NamedTuple):
    """Whose tempo is followed: CLOCK_SOURCES."""

    source: str


class SetMode(NamedTuple):
    """solo: the person's notes are not heard. duet: they are part of the music that the model plays on from."""

    name: str


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
    | Stop
    | AllNotesOff
    | Panic
    | Tap
    | SetClockSource
    | SetModel
    | SetMode
    | Reset
    | SetLimit
    | StartJourney
    | HoldJourney
    | ResumeJourney
    | AbortJourney
    | JumpJourney
)
