"""The sections `model` and `music`: who plays, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import Field, field_validator

from improv.config.sections.section import APP, Section
from improv.control.commands import TEMPERATURE_RANGE
from improv.music.chord import KEY_NAMES, key_named

ANY_KEY = "auto"
"""The key is chosen as mood and plan will."""


class ModelSection(Section):
    path: str = ""
    provider: Literal["auto", "cpu", "cuda"] = "auto"


class MusicSection(Section):
    mode: Literal["solo", "duet", "answer", "imitate", "accompany", "lead", "continue", "play_for_me"] = "solo"
    seed: int = Field(-1, ge=-1, le=2**31 - 1)
    beats_per_bar: float = Field(4, ge=1, le=16)
    key: str = ANY_KEY
    temperature: float = Field(0.95, ge=TEMPERATURE_RANGE[0], le=TEMPERATURE_RANGE[1])
    top_p: float = Field(0.97, gt=0, le=1)
    strongest_guidance: float = Field(3.0, ge=1, le=10)
    key_pull: float = Field(1.6, ge=0, le=3)
    density_pull: float = Field(2.5, ge=0, le=3)
    dissonance_pull: float = Field(2.2, ge=0, le=5)
    register_pull: float = Field(1.5, ge=0, le=3)
    chord_pull: float = Field(1.5, ge=0, le=3)
    repeat_pull: float = Field(1.0, ge=0, le=5)
    voice_leading_pull: float = Field(1.0, ge=0, le=8)
    recall_pull: float = Field(5.0, ge=0, le=6)
    planned_pulls: float = Field(0.0, ge=0, le=1)
    metres: Literal["varied", "fixed"] = "varied"
    longest_rest_beats: float = Field(2, ge=0.25, le=64)
    longest_note_beats: float = Field(6, ge=1, le=128)
    ending_bars: int = Field(4, ge=1, le=32)
    pedal: float = Field(1.0, ge=0, le=2)
    expression: float = Field(1.0, ge=0, le=2)
    breath: float = Field(1.0, ge=0, le=2)
    beginnings: str = ""

    @property
    def beginnings_path(self) -> Path:
        """The folder of MIDI files that music can begin from by their names."""
        return (
            Path(self.beginnings).expanduser() if self.beginnings else platformdirs.user_data_path(APP) / "beginnings"
        )

    @field_validator("key")
    @classmethod
    def _key(cls, name: str) -> str:
        return ANY_KEY if name.strip().lower() in ("", ANY_KEY) else KEY_NAMES[key_named(name)]

    @property
    def key_number(self) -> int | None:
        """0..23, as `improv.music.chord` counts them; None: as mood and plan will."""
        return None if self.key == ANY_KEY else key_named(self.key)

    @field_validator("beats_per_bar")
    @classmethod
    def _sixteenths(cls, beats: float) -> float:
        if beats * 4 != round(beats * 4):
            raise ValueError(f"must be a whole number of sixteenths, 0.25 of a quarter (got {beats:g})")
        return beats
