"""The section `let_go`: for how long may last what somebody began."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from improv.config.sections.section import Section
from improv.control.lasting import LongestTimes

Minutes = Annotated[float, Field(ge=0, le=10080)]


class LetGoSection(Section):
    """0: never. What would begin to sound by itself does so only where that is asked for."""

    loop_minutes: Minutes = 30
    chord_minutes: Minutes = 30
    plan_minutes: Minutes = 240
    attribute_minutes: Minutes = 240
    limit_minutes: Minutes = 720
    lock_minutes: Minutes = 720
    hold_minutes: Minutes = 120
    waiting_minutes: Minutes = 0
    clock_minutes: Minutes = 0
    pause_minutes: Minutes = 0

    @property
    def longest(self) -> LongestTimes:
        """In seconds."""
        minutes = (getattr(self, f"{kind}_minutes") for kind in LongestTimes._fields)
        return LongestTimes(*(60.0 * one if one else math.inf for one in minutes))
