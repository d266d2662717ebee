"""Whether it is open, quiet, and somebody there: what the rules of the house make of the hour and of who commands."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any, NamedTuple

from improv.clock import Clock
from improv.control.commands import Command, KeepHours, Play, PlayPause, SetIdle, SetPresence
from improv.control.presence import NOBODY, SOMEBODY, HouseRules, Presence
from improv.control.state import ControlState
from improv.errors import CommandError
from improv.midi.messages import NOTE_ON

LOOK_EVERY_S = 0.5
FIRST_YEAR = 2025  # a computer without a clock of its own begins in 1970: until it knows the time no hour counts


class Asked(NamedTuple):
    """What is to be commanded now. words: for people, why."""

    command: KeepHours | SetIdle
    words: str


class Attendance:
    """local_time: date and time of day, with its zone. Whoever commands or plays is there."""

    def __init__(
        self, rules: HouseRules, clock: Clock, local_time: Callable[[], datetime.datetime], *, idle: bool = False
    ) -> None:
        """idle: nobody was there when an engine before this one ended."""
        self.rules = rules
        self._clock, self._local_time = clock, local_time
        self._touched_s: float | None = None if idle else clock.now()
        """When somebody did something last; None: somebody said that nobody is there."""
        self._look_s = clock.now()
        self._until = ""

    # ------------------------------------------------------------------------------------------------ who is there

    def commanded(self, command: Command, at_s: float) -> None:
        """Somebody commanded something; it may say itself that nobody is there."""
        self._touched_s = at_s
        if isinstance(command, SetPresence):
            self._touched_s = at_s if command.present == SOMEBODY else None
            self._look_s = self._clock.now()  # at once

    def hear(self, message: bytes, at_s: float) -> None:
        """A MIDI message of a person: a key that goes down is somebody."""
        if len(message) == 3 and message[0] & 0xF0 == NOTE_ON and message[2]:
            self._touched_s = at_s

    # -------------------------------------------------------------------------------------------------- what follows

    def asks(self, state: ControlState) -> Asked | None:
        """What the hour and the people ask for that is not so yet; looked at twice a second, and at the start."""
        now_s = self._clock.now()
        if now_s < self._look_s:
            return None
        self._look_s = now_s + LOOK_EVERY_S
        return self._of_the_hour(state.presence) or self._of_people(state, now_s)

    def refuse(self, command: Command, state: ControlState) -> None:
        """CommandError for what would play outside of the opening hours."""
        if state.presence.closed and isinstance(command, Play | PlayPause):
            until = f" until {self._until}" if self._until else ""
            raise CommandError(f"outside of the opening hours nothing plays{until} (presence.opening)")

    def back(self) -> Asked:
        """Somebody is there again."""
        return Asked(SetIdle(on=False), "somebody is there again: mood and mode as they were before")

    def fields(self, presence: Presence) -> dict[str, Any]:
        """Fields of the published state."""
        hours = "closed" if presence.closed else "quiet" if presence.ceiling is not None else "open"
        nobody = presence.idle or self._touched_s is None  # a journey is gone on with, whoever is said to be there
        return {"hours": hours, "hours_until": self._until, "presence": NOBODY if nobody else SOMEBODY}

    def _of_the_hour(self, presence: Presence) -> Asked | None:
        rules = self.rules
        if not rules.opening and not rules.quiet and not presence.closed and presence.ceiling is None:
            return None
        local = self._local_time().astimezone(rules.zone)
        if local.year < FIRST_YEAR:
            return None
        closed, ceiling = rules.closed(local), rules.ceiling_at(local)
        now = Presence(closed, ceiling, presence.idle, presence.before)
        self._until = rules.until(now, local)
        if now == presence:
            return None
        until = f" until {self._until}" if self._until else ""
        if closed:
            words = f"outside of the opening hours: no note sounds{until} (presence.opening)"
        elif ceiling is not None:
            words = f"quiet hours{until}: at most loudness {ceiling.loudness:g}, arousal {ceiling.arousal:g}"
        else:
            words = "the opening hours begin: the music plays" if presence.closed else "the quiet hours are over"
        loudness, arousal = ceiling if ceiling is not None else (None, None)
        return Asked(KeepHours(closed, loudness, arousal), words)

    def _of_people(self, state: ControlState, now_s: float) -> Asked | None:
        rules, at_s = self.rules, self._touched_s
        away = at_s is None or now_s - at_s >= rules.idle_s
        if away == state.presence.idle:
            return None
        if not away:
            return self.back()
        if state.course is not None and state.course.held_s is None:
            return None  # whoever set out on a journey listens
        valence, arousal = rules.idle_mood if rules.idle_mood is not None else (None, None)
        how = "nobody is there" if at_s is None else f"nobody did anything for {rules.idle_s / 60:g} minutes"
        follows = "with the opening the music is idle" if state.presence.closed else "the music is idle"
        return Asked(SetIdle(True, valence, arousal, rules.idle_mode), f"{how}: {follows}")
