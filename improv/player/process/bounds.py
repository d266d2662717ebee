"""What no output is ever asked for, whatever a model, a person or a program commands: its instrument may be a machine.

Far above what music needs, so that only a fault meets them. A note beyond them is left out whole.
"""

from __future__ import annotations

from collections import deque

MOST_SOUNDING = 96  # notes at once: more than a piano has keys
MOST_PER_S = 300  # notes that begin within a second
MOST_STRIKES_PER_S = 30  # of one key; the fastest grand repeats about 15 times a second
LONGEST_NOTE_S = 120.0  # however often its end is put off
LONGEST_PEDAL_S = 30.0  # likewise

Key = tuple[int, int]  # channel, pitch


class Strikes:
    """Counts the beginnings of the last second. All times are seconds of the monotonic clock, and rise."""

    def __init__(self) -> None:
        self._all: deque[float] = deque()
        self._of_key: dict[Key, deque[float]] = {}

    def allows(self, key: Key, at_s: float) -> bool:
        """Whether a note may begin on a key; it counts if so."""
        of_key = self._of_key.setdefault(key, deque())
        for strikes in (self._all, of_key):
            while strikes and strikes[0] <= at_s - 1.0:
                strikes.popleft()
        if len(self._all) >= MOST_PER_S or len(of_key) >= MOST_STRIKES_PER_S:
            return False
        self._all.append(at_s)
        of_key.append(at_s)
        return True
