"""Whether models keep pace with the music: what planning takes, against how long what was planned lasts. Pure."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

REMEMBERED = 256  # steps
# One step alone says nothing, the machine may have stood still for a moment: the longest one is left out.
# Too slow is what takes more than this share of the time, over so many seconds of music; much too slow what takes more
# than all of it in a few steps: the look-ahead is used up within a second then.
TOO_SLOW, OVER_S = 0.8, 3.0
MUCH_TOO_SLOW, FEW_STEPS = 1.2, 4
# There is time for more where this share is enough.
HAS_TIME, REST_OVER_S = 0.35, 8.0


class Planned(NamedTuple):
    """took_s: to plan it. music_s: how long it lasts."""

    took_s: float
    music_s: float


class Pace:
    """Of the model that plays; `clear` when another one begins."""

    def __init__(self) -> None:
        self._steps: deque[Planned] = deque(maxlen=REMEMBERED)

    def clear(self) -> None:
        """What follows is another thing."""
        self._steps.clear()

    def add(self, took_s: float, music_s: float) -> None:
        """A step was planned."""
        self._steps.append(Planned(took_s, max(music_s, 0.0)))

    @property
    def much_too_slow(self) -> bool:
        """Whether the music would stand still in a moment."""
        last = list(self._steps)[-FEW_STEPS:]
        return len(last) == FEW_STEPS and _share(last) > MUCH_TOO_SLOW

    @property
    def too_slow(self) -> bool:
        """Whether the music could not be kept going for long."""
        share = self._share_over(OVER_S)
        return self.much_too_slow or (share is not None and share > TOO_SLOW)

    @property
    def has_time(self) -> bool:
        """Whether more could be asked for: so it has been for a while."""
        share = self._share_over(REST_OVER_S)
        return share is not None and share < HAS_TIME

    def _share_over(self, music_s: float) -> float | None:
        """Over the last seconds of the music; None before there are so many."""
        last: list[Planned] = []
        lasted_s = 0.0
        for step in reversed(self._steps):
            last.append(step)
            lasted_s += step.music_s
            if lasted_s >= music_s:
                return _share(last)
        return None


def _share(steps: list[Planned]) -> float:
    longest = max(steps)
    music_s = sum(step.music_s for step in steps) - longest.music_s
    return (sum(step.took_s for step in steps) - longest.took_s) / music_s if music_s > 0 else 0.0
