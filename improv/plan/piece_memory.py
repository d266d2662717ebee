"""What was played, by bar and hand: the memory that returns draw from. It can be wound back to any tick."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from improv.model.plan_inputs import BarOnsets
from improv.model.vocabulary.hands import LEFT, RIGHT

REMEMBERED_BARS = 512
"""A bar of eight onsets takes about two kilobytes: a megabyte in all."""


@dataclass(slots=True)
class _Bar:
    tick: int
    length: int
    places: dict[int, tuple[set[int], set[int]]] = field(default_factory=dict)
    onsets: BarOnsets | None = None


class PieceMemory:
    """Onsets of the latest bars. Bars come in order; `forget` takes back what was never heard."""

    def __init__(self, bars: int = REMEMBERED_BARS) -> None:
        self._most = bars
        self._bars: dict[int, _Bar] = {}  # by number, ascending

    def __len__(self) -> int:
        return len(self._bars)

    def begin(self, bar: int, tick: int, length: int) -> None:
        """A bar begins. bar: its number. tick: of its bar line. length: ticks. Told again it changes nothing, but for
        the length.
        """
        if bar in self._bars:
            if self._bars[bar].length != length:
                self._bars[bar].length, self._bars[bar].onsets = length, None
            return
        self._bars[bar] = _Bar(tick, length)
        while len(self._bars) > self._most:
            del self._bars[next(iter(self._bars))]

    def remember(self, bar: int, place: int, hand: int, pitches: Iterable[int]) -> None:
        """What a hand (LEFT or RIGHT) begins at `place` ticks of a bar. KeyError when the bar has not begun."""
        kept = self._bars[bar]
        kept.places.setdefault(place, (set(), set()))[hand].update(pitches)
        kept.onsets = None

    def forget(self, tick: int) -> None:
        """Nothing from `tick` on was played."""
        while self._bars:
            number = next(reversed(self._bars))
            kept = self._bars[number]
            if kept.tick >= tick:
                del self._bars[number]
                continue
            late = [place for place in kept.places if kept.tick + place >= tick]
            for place in late:
                del kept.places[place]
            if late:
                kept.onsets = None
            return

    def onsets(self, bar: int) -> BarOnsets | None:
        """What began in a bar, None where it is not remembered."""
        kept = self._bars.get(bar)
        if kept is None:
            return None
        if kept.onsets is None:
            order = sorted(place for place, hands in kept.places.items() if any(hands))
            left, right = (tuple(tuple(sorted(kept.places[place][hand])) for place in order) for hand in (LEFT, RIGHT))
            kept.onsets = BarOnsets(kept.length, tuple(order), left, right)
        return kept.onsets
