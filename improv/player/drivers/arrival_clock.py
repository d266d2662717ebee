"""When messages arrived: from the distances that a MIDI system gives with them, and from when they were taken."""

from __future__ import annotations

from collections import deque

LOOKS = 64  # takings of which the promptest is believed: at one in 3 ms it was 0.05 ms late
LATEST_S = 0.02  # a message lies no longer; farther behind, the distances lost the thread


class ArrivalClock:
    """A message is taken up to a poll's distance late; the distance from the message before it is exact.

    So the sum of the distances is a clock of its own, and of many takings the promptest tells how far it is from ours.
    """

    def __init__(self) -> None:
        self._sum_s = 0.0
        self._behind_s: deque[float] = deque(maxlen=LOOKS)

    def arrived_s(self, now_s: float, since_last_s: float) -> float:
        """Time of arrival of a message that is taken at now_s and came so long after the one before it."""
        self._sum_s += since_last_s
        behind_s = now_s - self._sum_s
        if self._behind_s and behind_s - min(self._behind_s) > LATEST_S:
            self._behind_s.clear()
        self._behind_s.append(behind_s)
        return self._sum_s + min(self._behind_s)
