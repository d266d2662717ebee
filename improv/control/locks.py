"""What a curator holds for himself, and which commands of visitors it refuses. Pure."""

from __future__ import annotations

from improv.control import commands
from improv.control.commands import Command
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
_OF_THE_CURATOR = commands.SetLock | commands.SetSession | commands.SetOutput | commands.SetInput
_NEVER_LOCKED = commands.Panic | commands.AllNotesOff | commands.SetPresence
"""Who wants silence at once gets it."""
_OF_THE_MOOD = (
    commands.SetMood
    | commands.SetIntensity
    | commands.SetTemperature
    | commands.SetGlide
    | commands.SetAttribute
    | commands.SetLimit
    | commands.Tap
    | commands.StartJourney
    | commands.HoldJourney
    | commands.ResumeJourney
    | commands.AbortJourney
    | commands.JumpJourney
)
_OF_THE_MODE = commands.SetMode | commands.SetFollow | commands.SetPlace | commands.HandOver
_OF_PLAY = commands.Play | commands.Pause | commands.PlayPause | commands.End | commands.Stop


def refuse(command: Command, lock: str) -> None:
    """CommandError where a command is none for a visitor, or not while `lock` holds."""
    if isinstance(command, _OF_THE_CURATOR):
        raise CommandError("this is for the curator alone: `improv ctl`, or from an address of visitors.curators")
    if lock == OFF or isinstance(command, _NEVER_LOCKED):
        return
    if lock == ALL or _part(command) in ("", lock):
        raise CommandError(f"the curator has locked {LOCK_MEANINGS[lock]}")


def yielding(command: Command, lock: str) -> Command:
    """What a visitor's command is carried out as: where play is locked a panic ends all that sounds, and the music goes
    on, which no visitor could let play again.
    """
    return commands.AllNotesOff() if isinstance(command, commands.Panic) and lock in (PLAY, ALL) else command


def _part(command: Command) -> str:
    """The lock that a command falls under; empty for one that may turn several things, as a scene does."""
    if isinstance(command, commands.SetAttribute | commands.SetLimit) and command.name == "loudness":
        return VOLUME
    for kinds, part in ((_OF_THE_MOOD, MOOD), (_OF_THE_MODE, MODE), (_OF_PLAY, PLAY)):
        if isinstance(command, kinds):
            return part
    return ""
