"""How much is too much: a bucket that fills at a steady rate and from which everybody takes."""

from __future__ import annotations

from improv.clock import Clock

REMEMBERED = 1024  # addresses; the one that was quiet longest is forgotten


class Rates:
    """One bucket for each name: `at_once` at the beginning, `per_s` more every second."""

    def __init__(self, clock: Clock, per_s: float, at_once: float) -> None:
        self._clock, self._per_s, self._at_once = clock, per_s, at_once
        self._buckets: dict[object, tuple[float, float]] = {}

    def allow(self, name: object) -> bool:
        """Take one from the bucket; False when it is empty."""
        now_s = self._clock.now()
        left, at_s = self._buckets.pop(name, (self._at_once, now_s))
        left = min(self._at_once, left + (now_s - at_s) * self._per_s)
        allowed = left >= 1.0
        self._buckets[name] = (left - allowed, now_s)
        if len(self._buckets) > REMEMBERED:
            del self._buckets[next(iter(self._buckets))]
        return allowed
