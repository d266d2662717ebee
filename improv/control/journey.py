"""Journeys: a way through the mood plane over minutes. Pure values, no clock.

A journey is a row of way-points with times; between two the mood goes on a straight line, after the last it stays. The
iso principle (Altshuler 1948: meet a person's mood with the music, then change the music step by step) makes one from a
beginning and a target.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import NamedTuple

from improv.music.limits import FREE, Limits
from improv.music.mood import Glide, Mood

LONGEST_S = 24 * 3600.0
FEWEST_STEPS, MOST_STEPS = 3, 20
MATCH_S, LEAD_S, HOLD_S = 120.0, 600.0, 300.0  # of the iso principle, where nobody says otherwise
LARGEST_STEP = 0.7  # of the plane, a quarter of its diagonal: no single step of a lead goes further
# Whoever joins a journey elsewhere on the plane comes to it over this time, or over the glide that is set.
JOIN_S = 6.0


class Waypoint(NamedTuple):
    """at_s: seconds from the beginning of the journey."""

    at_s: float
    mood: Mood


@dataclass(frozen=True, slots=True)
class Journey:
    """points: at least one, times never falling. ends: the music comes to a close after the last."""

    name: str
    points: tuple[Waypoint, ...]
    limits: Limits = FREE
    ends: bool = False

    @property
    def length_s(self) -> float:
        """Until the last way-point."""
        return self.points[-1].at_s

    def at(self, journey_s: float) -> Mood:
        """The mood at a moment of the journey; before the first point and after the last it is theirs."""
        index = bisect_right(self.points, journey_s, key=lambda point: point.at_s)
        if index == 0:
            return self.points[0].mood
        if index == len(self.points):
            return self.points[-1].mood
        (start_s, origin), (end_s, target) = self.points[index - 1 : index + 1]
        return Glide(origin, target, start_s, end_s - start_s).at(journey_s)

    def next_point(self, journey_s: float) -> Waypoint:
        """The way-point that the journey is going to, or the last."""
        index = bisect_right(self.points, journey_s, key=lambda point: point.at_s)
        return self.points[min(index, len(self.points) - 1)]

    def begun_from(self, here: Mood) -> Journey:
        """The same journey: its beginning does not hang on where the music is."""
        return self


@dataclass(frozen=True, slots=True)
class Iso:
    """The iso principle: match, hold, lead in bounded steps to the target, hold.

    origin: where the person is; None: where the music is when the journey starts. match_s, lead_s, hold_s: how long the
    matching mood is held, the leading takes, the target is held. steps: at least FEWEST_STEPS; more are taken where one
    would be larger than LARGEST_STEP.
    """

    name: str
    origin: Mood | None
    target: Mood
    match_s: float = MATCH_S
    lead_s: float = LEAD_S
    hold_s: float = HOLD_S
    steps: int = FEWEST_STEPS
    limits: Limits = FREE
    ends: bool = False

    @property
    def length_s(self) -> float:
        """From the beginning to the end of the last hold."""
        return self.match_s + self.lead_s + self.hold_s

    def begun_from(self, here: Mood) -> Journey:
        """The journey, for a person (or music) that is `here`. Each step moves for one half of its time, then rests."""
        origin = self.origin or here
        steps = max(self.steps, math.ceil(math.dist(origin, self.target) / LARGEST_STEP - 1e-9))
        points = [Waypoint(0.0, origin), Waypoint(self.match_s, origin)]
        way = Glide(origin, self.target, 0.0, steps)
        for step in range(1, steps + 1):
            arrived_s, rested_s = (self.match_s + self.lead_s * share for share in ((step - 0.5) / steps, step / steps))
            points += [Waypoint(arrived_s, way.at(step)), Waypoint(rested_s, way.at(step))]
        points.append(Waypoint(self.length_s, self.target))
        return Journey(self.name, tuple(points), self.limits, self.ends)


Plan = Journey | Iso


@dataclass(frozen=True, slots=True)
class Course:
    """A journey under way. Music seconds stand still while the music rests, and so does the journey.

    start_s: music second of the journey's beginning. joined: the mood and music second at which it was joined, and how
    long the way onto its path takes. held_s: second of the journey at which it is held, or None while it goes on.
    """

    journey: Journey
    start_s: float
    joined: Glide
    held_s: float | None = None

    @classmethod
    def begin(cls, journey: Journey, here: Mood, music_s: float, glide_s: float, from_s: float = 0.0) -> Course:
        """Onto the journey at its second `from_s`, from the mood `here`."""
        join_s = max(glide_s, JOIN_S) if math.dist(here, journey.at(from_s)) > 1e-9 else 0.0
        return cls(journey, music_s - from_s, Glide(here, here, music_s, join_s))

    def place_s(self, music_s: float) -> float:
        """Second of the journey, 0 .. its length."""
        place_s = music_s - self.start_s if self.held_s is None else self.held_s
        return min(max(place_s, 0.0), self.journey.length_s)

    def mood(self, music_s: float) -> Mood:
        """The commanded mood."""
        path = self.journey.at(self.place_s(music_s))
        joined = self.joined
        return Glide(joined.origin, path, joined.start_s, joined.duration_s).at(music_s)

    def hold(self, music_s: float) -> Course:
        """The same, standing still."""
        return self if self.held_s is not None else replace(self, held_s=self.place_s(music_s))

    def arrived(self, music_s: float) -> bool:
        """Whether the end has been reached."""
        return self.held_s is None and music_s - self.start_s >= self.journey.length_s
