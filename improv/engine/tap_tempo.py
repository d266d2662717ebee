"""Tap tempo: the median of the last taps' distances; a tap that does not fit begins a new row. Pure."""

from __future__ import annotations

import math
import statistics

from improv.music.attributes import ATTRIBUTES

REMEMBERED = 8  # taps
FITS = 0.3  # a distance so much (as a share) from the median of those before does not belong to them
TAPS = 3  # needed: two taps could be an accident
# Nobody taps twice so soon: a pedal's switch bounces, or two controllers send one tap.
BOUNCE_S = 0.05


class TapTempo:
    """Feed it with the times of the taps."""

    def __init__(self) -> None:
        self._taps_s: list[float] = []

    def tap(self, at_s: float) -> float | None:
        """A tap at at_s; returns the tempo in bpm that the row of taps has, or None while it is too short."""
        tempo = ATTRIBUTES["tempo"]
        longest_s = (1 + FITS) * 60 / tempo.low
        distance_s = at_s - self._taps_s[-1] if self._taps_s else math.inf
        if -longest_s <= distance_s < BOUNCE_S:
            return None
        median_s = self._median_s()
        if abs(distance_s) > longest_s:
            self._taps_s = []
        elif median_s is not None and abs(distance_s / median_s - 1) > FITS:
            self._taps_s = self._taps_s[-1:]
        self._taps_s = [*self._taps_s, at_s][-REMEMBERED:]
        median_s = self._median_s()
        if len(self._taps_s) < TAPS or median_s is None:
            return None
        return min(max(60 / median_s, tempo.low), tempo.high)

    def _median_s(self) -> float | None:
        """The median distance of the row of taps, more than 0; None while there is only one."""
        distances = [late - early for early, late in zip(self._taps_s, self._taps_s[1:], strict=False)]
        return statistics.median(distances) if distances else None
