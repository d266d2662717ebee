"""Where the person's phrases begin and end. Pure.

A phrase ends when nothing sounded for a rest in proportion to the tempo. While a key is down it goes on, so no change
of fingering and no legato ends it; while the pedal holds it goes on as well, until the strings have died away.
"""

from __future__ import annotations

import statistics
from collections import deque
from typing import Literal

REST_BEATS = 2.0
SHORTEST_REST_S, REST_S, LONGEST_REST_S = 0.6, 1.0, 1.8
GAPS = 12  # of the person's own, remembered
REST_GAPS = 1.6  # a rest is so much longer than the longest of those gaps, that of one phrase
PEDAL_RINGS_S = 4.0  # after the last key was let go

News = Literal["", "begins", "ends"]


class Phrases:
    """Feed it with strikes, ask it at every moment with `look`."""

    def __init__(self) -> None:
        self.began_s: float | None = None
        """When the phrase under way began; None between phrases."""
        self.ended_s: float | None = None
        """When the last note of the last phrase was let go; None before the first."""
        self._last_strike_s = 0.0
        self._quiet_s: float | None = None
        self._gaps: deque[float] = deque(maxlen=GAPS)

    def strike(self, at_s: float) -> News:
        """A key was struck."""
        began = self.began_s is None
        if began:
            self.began_s = at_s
        else:
            self._gaps.append(at_s - self._last_strike_s)
        self._last_strike_s, self._quiet_s = at_s, None
        return "begins" if began else ""

    def look(self, now_s: float, *, keys_down: bool, pedal: bool, period_s: float | None) -> News:
        """What has come about by now. period_s: of the person's beat, None where there is none."""
        if self.began_s is None:
            return ""
        if keys_down:
            self._quiet_s = None
            return ""
        if self._quiet_s is None:
            self._quiet_s = now_s
        if pedal and now_s - self._quiet_s < PEDAL_RINGS_S:
            return ""
        if now_s - max(self._quiet_s, self._last_strike_s) < self.rest_s(period_s):
            return ""
        self.ended_s, self.began_s = self._quiet_s, None
        return "ends"

    def let_go(self, now_s: float) -> None:
        """The last key that was down went up."""
        if self._quiet_s is None:
            self._quiet_s = now_s

    def end(self, now_s: float) -> bool:
        """The person hands over by other means (a pedal, a key). False: there was no phrase."""
        if self.began_s is None:
            return False
        self.ended_s, self.began_s = now_s, None
        return True

    def rest_s(self, period_s: float | None) -> float:
        """How long a rest ends a phrase."""
        rest_s = REST_S if period_s is None else REST_BEATS * period_s
        if len(self._gaps) >= GAPS // 2:
            rest_s = max(rest_s, REST_GAPS * statistics.quantiles(self._gaps, n=8)[-1])
        return min(max(rest_s, SHORTEST_REST_S), LONGEST_REST_S)
