"""The section `together`: how BrainMusic follows the person who plays with it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator

from improv.config.sections.section import Section, TableError, did_you_mean
from improv.control.commands import FOLLOWED, FOLLOWING


def _strengths(table: object) -> object:
    """Every strength; what the file leaves out has its default."""
    if not isinstance(table, dict):
        return table
    for name, value in table.items():
        if name not in FOLLOWED:
            hint = did_you_mean(str(name), FOLLOWED)
            raise TableError((name,), f"unknown{hint}; allowed: {', '.join(FOLLOWED)}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise TableError((name,), f"must be a number 0..1 (got {value!r})")
    return {**FOLLOWING, **{name: float(value) for name, value in table.items()}}


class TogetherSection(Section):
    follow: Annotated[dict[str, float], BeforeValidator(_strengths)] = dict(FOLLOWING)
    place: Literal["auto", "above", "below", "around"] = "auto"
