"""The section `mood`: where the music begins, how it turns, and what each corner of the plane means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator, model_validator

from improv.config.sections.section import Section, TableError, did_you_mean
from improv.control.commands import LONGEST_GLIDE_S
from improv.music.attributes import ATTRIBUTES
from improv.music.mood import CORNERS, FURTHER_NAMES, Mood

NAME = re.compile(r"[a-z][a-z0-9_-]{0,29}")

DEFAULT_TABLE: dict[str, dict[str, float]] = {
    "mode": {"happy": 0.82, "nervous": -0.9, "sad": -0.87, "calm": 0.8},
    "onset_density": {"happy": 4.2, "nervous": 7.1, "sad": 2.1, "calm": 1.7},
    "register": {"happy": 65, "nervous": 58, "sad": 60, "calm": 67},
    "loudness": {"happy": 86, "nervous": 117, "sad": 74, "calm": 24},
    "articulation": {"happy": 1.0, "nervous": 0.8, "sad": 0.98, "calm": 1.0},
    "dissonance": {"happy": 0.175, "nervous": 0.26, "sad": 0.155, "calm": 0.155},
    "pitch_spread": {"happy": 10.5, "nervous": 12, "sad": 9, "calm": 10},
    "tempo": {"happy": 126, "nervous": 138, "sad": 66, "calm": 76},
}
DEFAULT_NAMES = {name: (mood.valence, mood.arousal) for name, mood in FURTHER_NAMES.items()}


def point(value: object) -> str | tuple[float, float]:
    """A mood's name (looked up later, when all names are known), or a pair [valence, arousal]."""
    return value if isinstance(value, str) else _pair(value, "a mood's name or a pair [valence, arousal]")


def _pair(value: Any, wanted: str = "a pair [valence, arousal]") -> tuple[float, float]:
    try:
        valence, arousal = (float(part) for part in value)
    except (TypeError, ValueError):
        raise ValueError(f"must be {wanted} (got {value!r})") from None
    if not (-1 <= valence <= 1 and -1 <= arousal <= 1):
        raise ValueError(f"valence and arousal must be -1..1 (got {valence:g}, {arousal:g})")
    return (valence, arousal)


def known_mood(place: str | tuple[float, float], moods: Mapping[str, Mood]) -> str | tuple[float, float]:
    """A point, or a name that is one of `moods`; ValueError for any other."""
    if isinstance(place, str) and place not in moods:
        hint = did_you_mean(place, moods)
        raise ValueError(f"unknown mood {place!r}{hint}; allowed: {', '.join(moods)} or [valence, arousal]")
    return place


class MoodSection(Section):
    start: Annotated[str | tuple[float, float], BeforeValidator(point)] = "calm"
    glide_s: float = Field(12.0, ge=0, le=LONGEST_GLIDE_S)
    intensity: float = Field(0.35, ge=0, le=1)
    names: dict[str, tuple[float, float]] = Field(DEFAULT_NAMES, max_length=100)
    table: dict[str, dict[str, float]] = DEFAULT_TABLE

    @field_validator("names", mode="before")
    @classmethod
    def _names(cls, names: object) -> object:
        if not isinstance(names, dict):
            return names
        pairs = {}
        for name, point in names.items():
            if name in CORNERS:
                raise TableError((name,), "is a corner of the plane and stays there; choose another name")
            if not isinstance(name, str) or not NAME.fullmatch(name):
                raise TableError((name,), f"a mood's name is a small letter, then a-z, 0-9, _ or - (got {name!r})")
            try:
                pairs[name] = _pair(point)
            except ValueError as error:
                raise TableError((name,), str(error)) from None
        return pairs

    @field_validator("table", mode="before")
    @classmethod
    def _with_defaults(cls, table: object) -> object:
        """What the file leaves out falls back to the default, attribute by attribute and corner by corner."""
        if not isinstance(table, dict):
            return table
        given = {
            name: {**DEFAULT_TABLE.get(name, {}), **row} if isinstance(row, dict) else row
            for name, row in table.items()
        }
        return {**DEFAULT_TABLE, **given}

    @field_validator("table")
    @classmethod
    def _in_range(cls, table: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        for name, corners in table.items():
            if name not in ATTRIBUTES:
                raise TableError((name,), f"unknown attribute{did_you_mean(name, ATTRIBUTES)}")
            low, high = ATTRIBUTES[name].low, ATTRIBUTES[name].high
            for corner, value in corners.items():
                if corner not in CORNERS:
                    hint = did_you_mean(corner, CORNERS)
                    raise ValueError(f"{name}: unknown corner {corner!r}{hint}; allowed: {', '.join(CORNERS)}")
                if not low <= value <= high:
                    unit = ATTRIBUTES[name].unit
                    raise TableError((name, corner), f"must be {low:g}..{high:g} {unit} (got {value:g})")
        return table

    @model_validator(mode="after")
    def _start_is_known(self) -> MoodSection:
        try:
            known_mood(self.start, self.moods)
        except ValueError as error:
            raise TableError(("start",), str(error)) from None
        return self

    @property
    def moods(self) -> dict[str, Mood]:
        """Every name and its point: the four corners first."""
        return CORNERS | {name: Mood(*point) for name, point in self.names.items()}

    @property
    def start_mood(self) -> Mood:
        """The point of `start`."""
        return self.moods[self.start] if isinstance(self.start, str) else Mood(*self.start)
