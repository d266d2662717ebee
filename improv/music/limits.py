"""Limits that hold whatever else commands: floor and ceiling of loudness, tempo, register and density. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from improv.music.attributes import ATTRIBUTES
from improv.music.read_only import read_only


class Kind(NamedTuple):
    """What can be limited: its unit and the lowest and highest value that a limit can have."""

    unit: str
    low: float
    high: float
    text: str


LIMITED: dict[str, Kind] = {
    "loudness": Kind("velocity", 1, 127, "softest and loudest note"),
    "tempo": Kind("bpm", 20, 300, "slowest and fastest tempo, ritardandi as well"),
    "register": Kind("MIDI pitch", 0, 127, "lowest and highest key"),
    "onset_density": Kind("onsets/s", 0, 20, "fewest and most onsets per second"),
}
NARROWEST_REGISTER = 11  # semitones between the lowest and the highest key: every pitch class has a place
# A mean pitch lies so far inside of the keys that may be played, where there is room.
REGISTER_MARGIN = 5.0
# The most onsets are counted over this time.
DENSITY_WINDOW_S = 2.0


class Band(NamedTuple):
    """A floor and a ceiling, inclusive."""

    low: float
    high: float

    def clamp(self, value: float) -> float:
        return min(max(value, self.low), self.high)


def problem(name: str, low: float, high: float) -> str:
    """Why floor and ceiling cannot be, as the rest of a sentence, or empty. name: a key of LIMITED."""
    kind = LIMITED[name]
    for value in (low, high):
        if not kind.low <= value <= kind.high:
            return f"must be {kind.low:g}..{kind.high:g} {kind.unit} (got {value:g})"
    if low > high:
        return f"the floor {low:g} lies above the ceiling {high:g}"
    if name == "register" and high - low < NARROWEST_REGISTER:
        return f"must leave {NARROWEST_REGISTER + 1} keys or more, an octave (got {low:g}..{high:g})"
    return ""


@dataclass(frozen=True, slots=True)
class Limits:
    """bands: name of LIMITED -> floor and ceiling; what is missing is free."""

    bands: Mapping[str, Band] = field(default_factory=lambda: read_only({}))

    def changed(self, name: str, low: float | None, high: float | None) -> Limits:
        """With another floor and ceiling; None: free on that side."""
        kind = LIMITED[name]
        bands = {key: band for key, band in self.bands.items() if key != name}
        if low is not None or high is not None:
            bands[name] = Band(kind.low if low is None else low, kind.high if high is None else high)
        return Limits(read_only(bands))

    def within(self, standing: Limits) -> Limits:
        """These limits, narrowed to others that go before them."""
        bands = dict(standing.bands)
        for name, band in self.bands.items():
            outer = standing.bands.get(name, Band(LIMITED[name].low, LIMITED[name].high))
            bands[name] = Band(outer.clamp(band.low), outer.clamp(band.high))
        if "register" in bands and bands["register"].high - bands["register"].low < NARROWEST_REGISTER:
            bands["register"] = standing.bands["register"]
        return Limits(read_only(bands))

    def attributes(self, values: Mapping[str, float]) -> dict[str, float]:
        """Commanded attributes, in their own units, held inside."""
        held = dict(values)
        for name, band in self.bands.items():
            if name not in held:
                continue
            low, high = band
            if name == "register":
                margin = min(REGISTER_MARGIN, (high - low) / 2)
                low, high = low + margin, high - margin
            attribute = ATTRIBUTES[name]
            held[name] = min(max(Band(low, high).clamp(held[name]), attribute.low), attribute.high)
        return held

    def velocity(self, value: int) -> int:
        """A velocity as it is sent."""
        band = self.bands.get("loudness")
        return int(band.clamp(value)) if band else value

    def tempo_bpm(self, value: float) -> float:
        """A tempo as it is played."""
        band = self.bands.get("tempo")
        return band.clamp(value) if band else value

    def pitch(self, value: int) -> int:
        """A pitch as it is sent: brought inside by octaves."""
        band = self.bands.get("register")
        if band is None:
            return value
        while value < band.low:
            value += 12
        while value > band.high:
            value -= 12
        return value

    def allows_onset(self, recent: int) -> bool:
        """Whether a further onset may begin after `recent` in the last DENSITY_WINDOW_S."""
        band = self.bands.get("onset_density")
        return band is None or recent + 1 <= max(band.high * DENSITY_WINDOW_S, 1)

    @property
    def longest_gap_s(self) -> float:
        """Seconds from one onset to the next that the floor of the density leaves."""
        band = self.bands.get("onset_density")
        return 1 / band.low if band and band.low > 0 else float("inf")


FREE = Limits()
