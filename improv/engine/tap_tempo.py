"""Tap tempo: the median of the last taps' distances; a tap that does not fit begins a new row. Pure."""

from __future__ import annotations

import statistics

from improv.music.attributes import ATTRIBUTES

REMEMBERED = 8  # taps
FITS = 0.3  # a distance so much (as a share) from the median of those before does not belong to them
SHORTEST_S = 0.05  # between two taps: 1,200 a minute
TAPS = 3  # needed: two taps could be an accident


class TapTempo:
    """Feed it with the times of the taps."""

    def __init__(self) -> None:
        self._taps_s: list[float] = []

    def tap(self, at_s: float) -> float | None:
        """A tap at at_s; returns the tempo in bpm that the row of taps has, or None while it is too short."""
        tempo = ATTRIBUTES["tempo"]
        longest_s = (1 + FITS) * 60 / tempo.low
        if self._taps_s:
            distance_s = at_s - self._taps_s[-1]
            if distance_s < SHORTEST_S:
                return None  # one tap that is told twice
            middle_s = self._median_s() or distance_s
            if distance_s > longest_s or abs(distance_s / middle_s - 1) > FITS:
                self._taps_s = self._taps_s[-1:] if distance_s <= longest_s else []
        self._taps_s = [*self._taps_s, at_s][-REMEMBERED:]
        median_s = self._median_s()
        if len(self._taps_s) < TAPS or not median_s:
            return None
        return min(max(60 / median_s, tempo.low), tempo.high)

    def _median_s(self) -> float:
        distances = [late - early for early, late in zip(self._taps_s, self._taps_s[1:], strict=False)]
        return statistics.median(distances) if distances else 0.0
