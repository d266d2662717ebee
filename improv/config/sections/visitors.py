"""The section `visitors`: who is one, and who is the curator all the same."""

from __future__ import annotations

from pydantic import Field, field_validator

from improv.config.sections.frontends import networks
from improv.config.sections.section import Section


class VisitorsSection(Section):
    pages: bool = False
    osc: bool = False
    curators: tuple[str, ...] = Field((), strict=False, max_length=16)

    @field_validator("curators")
    @classmethod
    def _networks(cls, curators: tuple[str, ...]) -> tuple[str, ...]:
        return networks(curators)
