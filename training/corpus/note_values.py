"""How long the notes of a score last by their shapes: THE table of MusicXML's note values."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

QUARTERS: Mapping[str, float] = MappingProxyType(
    {"maxima": 32.0, "long": 16.0, "breve": 8.0, "whole": 4.0, "half": 2.0, "quarter": 1.0, "eighth": 0.5}
    | {name: 4.0 / int(name.rstrip("thnd")) for name in ("16th", "32nd", "64th", "128th", "256th", "512th", "1024th")}
)
"""Quarter notes of each note value, all that MusicXML 4.0 knows (`note-type-value`, `beat-unit`)."""


def dotted(quarters: float, dots: int) -> float:
    """The length of a note value with so many dots: each adds half of what the one before it added."""
    return quarters * (2 - 0.5**dots)
