"""The note, the one record that every part of BrainMusic exchanges, and the grid that it lies on."""

from __future__ import annotations

import math
from dataclasses import dataclass

LOWEST_PIANO_PITCH = 21  # A0
HIGHEST_PIANO_PITCH = 108  # C8


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """A note on a grid.

    onset, duration: ticks (>= 0 and >= 1) of the grid that the context names.
    pitch: 0..127. velocity: 1..127.
    Raises ValueError when a field is out of its range.
    """

    onset: int
    pitch: int
    duration: int
    velocity: int = 80

    def __post_init__(self) -> None:
        if not 0 <= self.pitch <= 127:
            raise ValueError(f"pitch must be in 0..127, got {self.pitch}")
        if not 1 <= self.velocity <= 127:
            raise ValueError(f"velocity must be in 1..127, got {self.velocity}")
        if self.onset < 0:
            raise ValueError(f"onset must be 0 or more ticks, got {self.onset}")
        if self.duration < 1:
            raise ValueError(f"duration must be 1 or more ticks, got {self.duration}")

    @property
    def end(self) -> int:
        """First tick after the note."""
        return self.onset + self.duration


HALVES_UP = 0.5 + 1e-6
"""Added to a time before it is cut down to a step: halves go up, also where a sum has lost its last bits."""


def quantise(seconds_or_beats: float, rate: float) -> int:
    """Nearest grid step, halves upward, as note-seq does it."""
    return math.floor(seconds_or_beats * rate + HALVES_UP)
