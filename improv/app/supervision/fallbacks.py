"""How much less an engine is given after others failed, and when it is given more again. Pure: it asks no clock.

An engine that fails at once, or makes no note, twice in a row has something in its way that comes back with it: each
next one is given less of what that may be. After a while of playing without a failure one step is taken back. If that
fails, the step is made again, and the while is twice as long.
"""

from __future__ import annotations

from collections import deque

from improv.app.supervision.orders import AS_BEFORE, NO_NETWORK

SHORT_LIFE_S = 5.0  # an engine that plays less long is taken for unable to play
OFTEN, LATELY_S = 8, 60.0  # each time that so many failed lately something else may be at fault
SOUND_S, LONGEST_SOUND_S = 600.0, 6 * 3600.0  # of playing, before a step is taken back
LONGEST_LOOK_S = 1.0  # between two looks: beyond it the machine stood still


class Fallbacks:
    """level: of improv.app.supervision.orders."""

    def __init__(self) -> None:
        self.level = AS_BEFORE
        self.sound_s = SOUND_S
        """So long it must play before the next step is taken back."""
        self._taken_back_from: int | None = None  # until it has played for long enough without it
        self._short_lives = 0  # of the last engines, one after the other
        self._failed_s: deque[float] = deque(maxlen=OFTEN * NO_NETWORK)
        self._started_s = self._looked_s = self._played_s = 0.0

    def started(self, now_s: float) -> None:
        """Another engine was told to play."""
        self._started_s = self._looked_s = now_s
        self._played_s = 0.0

    def could_not_start(self) -> None:
        """There was no engine to tell."""
        self._short_lives += 1

    def failed(self, now_s: float, *, silent: bool = False) -> None:
        """It ended, hung, or (silent) made no notes although some were owed."""
        short = silent or now_s - self._started_s < SHORT_LIFE_S
        self._short_lives = self._short_lives + 1 if short else 0
        self._failed_s.append(now_s)
        lately = sum(now_s - failed_s < LATELY_S for failed_s in self._failed_s)
        level = self.level + (self._short_lives > 1)
        if self._taken_back_from is not None:
            level = max(level, self._taken_back_from)
            self.sound_s = min(2 * self.sound_s, LONGEST_SOUND_S)
            self._taken_back_from = None
        self.level = min(max(level, lately // OFTEN), NO_NETWORK)

    def look(self, now_s: float, *, plays: bool) -> bool:
        """Whether a step may be taken back. plays: music is made, since the last look."""
        past_s, self._looked_s = min(now_s - self._looked_s, LONGEST_LOOK_S), now_s
        self._played_s += past_s * plays
        if self._played_s < self.sound_s:
            return False
        self._taken_back_from = None
        if self.level == AS_BEFORE:
            self.sound_s = SOUND_S
        return self.level > AS_BEFORE

    def take_back(self) -> None:
        """The next engine is given more, on trial."""
        self._taken_back_from, self._short_lives = self.level, 0
        self.level -= 1
        self._played_s = 0.0
