"""What the hour and those who are there ask of the music: opening hours, quiet hours, and nobody there. Pure."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass
from typing import NamedTuple

from improv.control.local_hours import Hours, contains, turns
from improv.music.limits import LIMITED, Band, Limits
from improv.music.mood import Mood

SOMEBODY, NOBODY = PRESENT = ("somebody", "nobody")
"""Who is there, as it is said."""


class Ceiling(NamedTuple):
    """The most that quiet hours allow. loudness: velocity, 1..127. arousal: -1..1."""

    loudness: float
    arousal: float

    def mood(self, mood: Mood) -> Mood:
        """As it is felt below the ceiling."""
        return mood if mood.arousal <= self.arousal else Mood(mood.valence, self.arousal)

    def limits(self, limits: Limits) -> Limits:
        """As they hold below the ceiling; a floor above it gives way."""
        low, high = limits.bands.get("loudness", Band(LIMITED["loudness"].low, LIMITED["loudness"].high))
        return limits.changed("loudness", min(low, self.loudness), min(high, self.loudness))


class Before(NamedTuple):
    """What was commanded before nobody was there. mood: where it was going."""

    mood: Mood
    mode: str


@dataclass(frozen=True, slots=True)
class Presence:
    """closed: outside of the opening hours. ceiling: of quiet hours. idle: nobody is there; before: until then."""

    closed: bool = False
    ceiling: Ceiling | None = None
    idle: bool = False
    before: Before | None = None


HERE = Presence()
"""Open, not quiet, and somebody is there."""


class HouseRules(NamedTuple):
    """What an owner wants by the hour and while nobody is there.

    opening: no hours: always open. idle_s: after which nobody is there, if nobody commands or plays. idle_mood,
    idle_mode: what is played to then; None and empty: as before. zone: whose local time; None: this computer's.
    """

    opening: Hours = ()
    quiet: Hours = ()
    ceiling: Ceiling = Ceiling(127.0, 1.0)
    idle_s: float = math.inf
    idle_mood: Mood | None = None
    idle_mode: str = ""
    zone: datetime.tzinfo | None = None

    def closed(self, local: datetime.datetime) -> bool:
        """Whether a moment of the wall clock lies outside of the opening hours."""
        return bool(self.opening) and not contains(self.opening, local)

    def ceiling_at(self, local: datetime.datetime) -> Ceiling | None:
        """What quiet hours allow at a moment of the wall clock; None: it is none of them."""
        return self.ceiling if contains(self.quiet, local) else None

    def until(self, presence: Presence, local: datetime.datetime) -> str:
        """When closed or quiet hours end, such as `Mon 10:00`; empty where it is neither."""
        if presence.closed:
            return turns(self.opening, local)
        return turns(self.quiet, local) if presence.ceiling is not None else ""


ALWAYS = HouseRules()
