"""config.yaml: typed, checked as a whole, every fault told at once with its line and what is allowed.

Precedence: `-o section.key=value` over `BRAINMUSIC_SECTION__KEY` over config.yaml over the defaults below.
"""

from __future__ import annotations

from improv.config.reading import dump, find, is_shipped, load, of_the_user, shipped
from improv.config.sections.controls import DEFAULT_CONTROLS
from improv.config.sections.midi import OutputSection
from improv.config.sections.mood import DEFAULT_TABLE
from improv.config.sections.section import APP
from improv.config.whole import Config

__all__ = [
    "APP",
    "DEFAULT_CONTROLS",
    "DEFAULT_TABLE",
    "Config",
    "OutputSection",
    "dump",
    "find",
    "is_shipped",
    "load",
    "of_the_user",
    "shipped",
]
