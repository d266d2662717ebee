"""The table of an event vocabulary: consecutive ranges of token ids, one range for each kind of event."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple


class Range(NamedTuple):
    """Consecutive token ids of one kind, for the values low..high."""

    kind: str
    low: int
    high: int


@dataclass(frozen=True)
class Table:
    """The whole vocabulary, in the order of its ids. Everything else is looked up in it.

    velocity_step: how many velocities share a token. initial_velocity: of notes before the first VELOCITY.
    centred: whether a velocity token is decoded to the middle of its bin, or to its lowest.
    """

    family: str
    ticks_per_beat: int
    ranges: tuple[Range, ...]
    velocity_step: int
    initial_velocity: int
    centred: bool
    first: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        first, at = {}, 0
        for kind, low, high in self.ranges:
            first[kind] = at
            at += high - low + 1
        object.__setattr__(self, "first", first)

    @cached_property
    def rows(self) -> tuple[tuple[str, int], ...]:
        """(kind, value) of each id."""
        return tuple((kind, value) for kind, low, high in self.ranges for value in range(low, high + 1))

    @property
    def size(self) -> int:
        return len(self.rows)

    def range_of(self, kind: str) -> Range:
        return next(r for r in self.ranges if r.kind == kind)

    def slice_of(self, kind: str) -> slice:
        """The ids of a kind; empty where the family has none."""
        if kind not in self.first:
            return slice(0, 0)
        low, high = self.range_of(kind)[1:]
        return slice(self.first[kind], self.first[kind] + high - low + 1)

    def id_of(self, kind: str, value: int = 0) -> int:
        """ValueError when the kind has no such value."""
        _, low, high = self.range_of(kind)
        if not low <= value <= high:
            raise ValueError(f"{self.family}: {kind} must be in {low}..{high}, got {value}")
        return self.first[kind] + value - low

    def row(self, token_id: int) -> tuple[str, int]:
        """(kind, value) of a token; ValueError for one out of range."""
        if not 0 <= token_id < self.size:
            raise ValueError(f"{self.family} token must be in 0..{self.size - 1}, got {token_id}")
        return self.rows[token_id]

    def label(self, token_id: int) -> str:
        kind, value = self.row(token_id)
        _, low, high = self.range_of(kind)
        return kind if low == high else f"{kind} {value}"

    def velocity_bin(self, velocity: int) -> int:
        """1..127 -> bin from 1."""
        return (velocity - 1) // self.velocity_step + 1

    def velocity_of(self, bin_number: int) -> int:
        """A bin from 1 -> 1..127."""
        return 1 + self.velocity_step * (bin_number - 1) + (self.velocity_step // 2 if self.centred else 0)


def tempo_ratio(step: int, steps_per_doubling: int) -> float:
    """The ratio behind a TEMPO value: 0 is 1, each step the same share faster."""
    return float(2.0 ** (step / steps_per_doubling))
