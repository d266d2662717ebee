"""The form of a piece: a phrase that was played comes back, as in A A B A, the next round with another theme.

What returns is a pull on the choice of notes, not a copy: the model varies it as it would vary anything.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from improv.music.mood import Mood
from improv.music.position import Position

PHRASE_BARS = 8
RETURNS = (0, 1, 0, 2)
"""For each phrase of a round: how many phrases ago stands what it brings back; 0: it is new."""
OTHER_MOOD = 0.8  # on the plane: a phrase from a mood so far away is not brought back


class Recall(NamedTuple):
    """What the earlier phrase did at this place.

    pitches: that began there. ticks_to_next: until it began something again, or None. weight: 0..1, by how near the
    mood of then is. nats: how strongly it draws, None: by the weight and the settings.
    """

    pitches: frozenset[int]
    ticks_to_next: int | None
    weight: float
    nats: float | None = None


class PhraseMemory:
    """Remembers what began when, as far back as a phrase may return. Ticks rise; `forget` goes back."""

    def __init__(self) -> None:
        self._started: dict[int, tuple[frozenset[int], Mood]] = {}  # by tick, ascending
        self._since = math.inf  # tick from which on everything is remembered

    def remember(self, position: Position, pitches: frozenset[int], mood: Mood) -> None:
        """What a step began, possibly nothing."""
        self._since = min(self._since, position.tick)
        if pitches:
            self._started[position.tick] = (pitches, mood)
        oldest = position.tick - (max(RETURNS) + 1) * PHRASE_BARS * position.bar_ticks
        while self._started and (first := next(iter(self._started))) < oldest:
            del self._started[first]
            self._since = first + 1

    def forget(self, tick: int) -> None:
        """All from `tick` on was never heard."""
        while self._started and (last := next(reversed(self._started))) >= tick:
            del self._started[last]

    def recall(self, position: Position, mood: Mood) -> Recall | None:
        """What should come back at this place; None in a new phrase, or when too little was played yet."""
        back = RETURNS[(position.bar - 1) // PHRASE_BARS % len(RETURNS)] * PHRASE_BARS * position.bar_ticks
        then = position.tick - back
        if not back or then < self._since:
            return None
        following = next((tick for tick in self._started if tick > then), None)
        if then in self._started:
            pitches, mood_then = self._started[then]
        elif following is not None:
            pitches, mood_then = frozenset[int](), self._started[following][1]
        else:
            return None
        weight = max(0.0, 1 - math.dist(mood, mood_then) / OTHER_MOOD)
        return Recall(pitches, None if following is None else following - then, weight)
