"""The section `together`: how BrainMusic follows the person who plays with it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

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
    lowest_key: int = Field(0, ge=0, le=127)
    highest_key: int = Field(127, ge=0, le=127)
    channels: list[Annotated[int, Field(ge=1, le=16)]] = []
    punch_in_s: float = Field(0.25, ge=0, le=5)

    @model_validator(mode="after")
    def _keys_in_order(self) -> Self:
        if self.lowest_key > self.highest_key:
            raise TableError(
                ("highest_key",), f"must be lowest_key ({self.lowest_key}) or more (got {self.highest_key})"
            )
        return self
