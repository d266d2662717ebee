"""The sections `limits` and `journey`: what holds whatever else commands, and where journeys lie."""

from __future__ import annotations

from pathlib import Path

import platformdirs
from pydantic import field_validator, model_validator

from improv.config.section import APP, Section, TableError
from improv.limits import LIMITED, Limits, problem

Pair = tuple[float, float]


def _whole(name: str) -> Pair:
    return LIMITED[name].low, LIMITED[name].high


class LimitsSection(Section):
    loudness: Pair = _whole("loudness")
    tempo: Pair = _whole("tempo")
    register: Pair = _whole("register")
    onset_density: Pair = _whole("onset_density")

    @field_validator("*", mode="before")
    @classmethod
    def _pair(cls, value: object) -> object:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise ValueError(f"must be a pair [floor, ceiling] (got {value!r})")
        for one in value:
            if isinstance(one, bool) or not isinstance(one, int | float):
                raise ValueError(f"must be a pair of numbers [floor, ceiling] (got {value!r})")
        return (float(value[0]), float(value[1]))

    @model_validator(mode="after")
    def _possible(self) -> LimitsSection:
        for name in LIMITED:
            if text := problem(name, *getattr(self, name)):
                raise TableError((name,), text)
        return self

    @property
    def limits(self) -> Limits:
        """As the controls hold them; what spans all that is allowed is free."""
        limits = Limits()
        for name in LIMITED:
            if (pair := getattr(self, name)) != _whole(name):
                limits = limits.changed(name, *pair)
        return limits


class JourneySection(Section):
    folder: str = ""

    @property
    def path(self) -> Path:
        """Where the journeys lie that can be started by name."""
        return Path(self.folder).expanduser() if self.folder else platformdirs.user_config_path(APP) / "journeys"
