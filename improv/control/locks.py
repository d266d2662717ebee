"""What a curator holds for himself, and which commands of visitors it refuses. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from improv.control import commands
from improv.control.commands import Command
from improv.control.journey import Plan
from improv.control.presence import NOBODY
from improv.control.state import ControlState
from improv.errors import CommandError

OFF, MOOD, VOLUME, MODE, PLAY, ALL = LOCKS = ("off", "mood", "volume", "mode", "play", "all")
LOCK_MEANINGS = {
    OFF: "nothing is locked",
    MOOD: "mood, journeys, limits and what shapes the notes",
    VOLUME: "the loudness and its limit",
    MODE: "how one plays together",
    PLAY: "play, pause, end and stop",
    ALL: "everything",
}
NOTHING: frozenset[str] = frozenset()
EVERYTHING = frozenset({MOOD, VOLUME, MODE, PLAY})
_MOOD, _MODE, _PLAY = frozenset({MOOD}), frozenset({MODE}), frozenset({PLAY})
TOUCHES: Mapping[type[Command], frozenset[str]] = MappingProxyType(
    {
        commands.SetMood: _MOOD,
        commands.SetIntensity: _MOOD,
        commands.SetTemperature: _MOOD,
        commands.SetGlide: _MOOD,
        commands.SetAttribute: _MOOD,
        commands.SetLimit: _MOOD,
        commands.Tap: _MOOD,
        commands.StartJourney: _MOOD,
        commands.HoldJourney: _MOOD,
        commands.ResumeJourney: _MOOD,
        commands.AbortJourney: _MOOD,
        commands.JumpJourney: _MOOD,
        commands.SetMode: _MODE,
        commands.SetFollow: _MODE,
        commands.SetPlace: _MODE,
        commands.HandOver: _MODE,
        commands.Play: _PLAY,
        commands.Pause: _PLAY,
        commands.PlayPause: _PLAY,
        commands.End: _PLAY,
        commands.Stop: _PLAY,
        commands.AllNotesOff: NOTHING,  # who wants silence at once gets it
        commands.Panic: NOTHING,  # see `yielding`
        commands.SetPresence: frozenset({MOOD, MODE}),  # idle music has a mood and a mode of its own
    }
)
"""The locks that a command falls under. One that is not named may turn several things, as a scene does: it falls under
all of them, so a new command is refused until somebody says here what it touches. What depends on its values, or on the
journey, `touched` adds.
"""
_OF_THE_CURATOR = (
    commands.SetLock
    | commands.SetSession
    | commands.SetOutput
    | commands.SetParts
    | commands.SetInput
    | commands.KeepHours
    | commands.SetIdle
)
OF_THE_CURATOR = ("lock", "session_start", "session_end", "output", "parts", "input")
"""The same by their names in the table of commands: no page of a visitor offers them."""
_OF_A_JOURNEY = (
    commands.SetMood  # which holds the one under way
    | commands.StartJourney
    | commands.HoldJourney
    | commands.ResumeJourney
    | commands.AbortJourney
    | commands.JumpJourney
)


def refuse(command: Command, state: ControlState) -> None:
    """CommandError where a command is none for a visitor, or not while what it touches is locked."""
    if isinstance(command, _OF_THE_CURATOR):
        raise CommandError(
            "this is for the curator alone: `improv ctl`, an address of visitors.curators, or a device with that role"
        )
    lock = state.lock
    if lock == OFF:
        return
    parts = touched(command, state)
    if lock in parts or (lock == ALL and parts):
        raise CommandError(f"the curator has locked {LOCK_MEANINGS[lock]}")


def yielding(command: Command, lock: str) -> Command:
    """What a visitor's command is carried out as: where play is locked a panic ends all that sounds, and the music goes
    on, which no visitor could let play again.
    """
    return commands.AllNotesOff() if isinstance(command, commands.Panic) and lock in (PLAY, ALL) else command


def touched(command: Command, state: ControlState) -> frozenset[str]:
    """The locks, of LOCKS but off and all, that a command falls under in this state, now or by what follows from it."""
    parts = TOUCHES.get(type(command), EVERYTHING)
    if isinstance(command, commands.SetAttribute | commands.SetLimit) and command.name == "loudness":
        return frozenset({VOLUME})
    if isinstance(command, commands.SetPresence) and command.present != NOBODY:
        return NOTHING  # what was commanded before nobody was there comes back
    if isinstance(command, commands.SetMode) and _waits(command.name) != _waits(state.mode):
        return parts | _PLAY  # it falls silent until somebody plays, or begins to play by itself
    return parts | _of_journeys(command, state) if isinstance(command, _OF_A_JOURNEY) else parts


def _waits(mode: str) -> bool:
    return mode in commands.WAITING_MODES


def _of_journeys(command: Command, state: ControlState) -> frozenset[str]:
    """A journey may end the music, and bound its loudness, while it is under way."""
    plans: list[Plan | None] = [state.course.journey if state.course is not None else None]
    if isinstance(command, commands.StartJourney):
        plans.append(command.plan or state.prepared)
    parts = NOTHING
    for plan in plans:
        if plan is not None and plan.ends:
            parts |= {PLAY}
        if plan is not None and "loudness" in plan.limits.bands:
            parts |= {VOLUME}
    return parts
