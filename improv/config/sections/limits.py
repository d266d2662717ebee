"""The sections `limits` and `journey`: what holds whatever else commands, and where journeys lie."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import platformdirs
from pydantic import BeforeValidator

from improv.config.sections.section import APP, Section, TableError, did_you_mean
from improv.music.limits import LIMITED, Limits, problem

Pair = tuple[float, float]

DEFAULT_LIMITS: dict[str, Pair] = {name: (kind.low, kind.high) for name, kind in LIMITED.items()}
"""All that is allowed: no limit."""


def _pairs(table: object) -> object:
    """Every limit as a pair; what the file leaves out is free."""
    if not isinstance(table, dict):
        return table
    pairs = dict(DEFAULT_LIMITS)
    for name, row in table.items():
        if name not in LIMITED:
            raise TableError((name,), f"unknown limit{did_you_mean(str(name), LIMITED)}; allowed: {', '.join(LIMITED)}")
        pair = list(row) if isinstance(row, list | tuple) else []
        if len(pair) != 2 or any(type(one) not in (int, float) for one in pair):
            raise TableError((name,), f"must be a pair of numbers [floor, ceiling] (got {row!r})")
        if text := problem(name, *pair):
            raise TableError((name,), text)
        pairs[name] = (float(pair[0]), float(pair[1]))
    return pairs


LimitsTable = Annotated[dict[str, Pair], BeforeValidator(_pairs)]


def limits_of(table: dict[str, Pair]) -> Limits:
    """The section as the controls hold it."""
    limits = Limits()
    for name, pair in table.items():
        if pair != DEFAULT_LIMITS[name]:
            limits = limits.changed(name, *pair)
    return limits


class JourneySection(Section):
    folder: str = ""

    @property
    def path(self) -> Path:
        """Where the journeys lie that can be started by name."""
        return Path(self.folder).expanduser() if self.folder else platformdirs.user_config_path(APP) / "journeys"
