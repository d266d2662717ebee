"""The section `presence`: when it is open and when quiet, and what is played while nobody is there."""

from __future__ import annotations

import datetime
import math
import zoneinfo
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from improv.config.sections.mood import point
from improv.config.sections.section import Section, TableError
from improv.control.local_hours import Hours, span_of
from improv.control.presence import Ceiling, HouseRules
from improv.music.mood import Mood

MOST_SPANS = 50


class PresenceSection(Section):
    """Hours are in local time, by weekday."""

    opening: tuple[str, ...] = Field((), strict=False, max_length=MOST_SPANS)
    quiet: tuple[str, ...] = Field((), strict=False, max_length=MOST_SPANS)
    quiet_loudness: float = Field(50, ge=1, le=127)
    quiet_arousal: float = Field(-0.2, ge=-1, le=1)
    idle_minutes: float = Field(0, ge=0, le=10080)
    idle_mood: Annotated[str | tuple[float, float], BeforeValidator(point)] = ""
    idle_mode: Literal["", "solo", "duet", "answer", "imitate", "accompany", "lead", "continue", "play_for_me"] = ""
    time_zone: str = ""

    @field_validator("opening", "quiet")
    @classmethod
    def _hours(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for index, text in enumerate(texts):
            try:
                span_of(text)
            except ValueError as error:
                raise TableError((index,), str(error)) from None
        return texts

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            zone_of(name)
        except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
            text = f"must be empty, or a time zone like Europe/Madrid that this computer knows (got {name[:60]!r})"
            raise ValueError(text) from None
        return name

    def rules(self, moods: dict[str, Mood]) -> HouseRules:
        """As the engine keeps them. moods: by their names."""
        mood = self.idle_mood
        return HouseRules(
            opening=_hours_of(self.opening),
            quiet=_hours_of(self.quiet),
            ceiling=Ceiling(self.quiet_loudness, self.quiet_arousal),
            idle_s=60.0 * self.idle_minutes or math.inf,
            idle_mood=None if mood == "" else moods[mood] if isinstance(mood, str) else Mood(*mood),
            idle_mode=self.idle_mode,
            zone=zone_of(self.time_zone),
        )


def zone_of(name: str) -> datetime.tzinfo | None:
    """A time zone by its name; None for an empty one: this computer's."""
    return zoneinfo.ZoneInfo(name) if name else None


def _hours_of(texts: tuple[str, ...]) -> Hours:
    return tuple(span_of(text) for text in texts)
