"""The order in which the bars of a score are played: repeats, endings, da capo and dal segno.

Endings are played each in its turn. After da capo or dal segno nothing is repeated and the last endings are taken, as
players do, where the bars were heard before; it goes on to Fine or to the coda.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MOST_TIMES_LONGER = 16
"""A piece whose repeats make more of it than that is damaged: it is played straight through."""


@dataclass(frozen=True)
class Signs:
    """What a bar says of the order. begins: a repeat begins with it; times: how often what ends with it is played, 1
    without a repeat; endings: the passes in which it is played, empty for all; to_coda: after a jump it leads to the
    coda; again: repeats are played after the jump, too (of the bar that jumps or repeats).
    """

    begins: bool = False
    times: int = 1
    endings: frozenset[int] = frozenset()
    segno: bool = False
    coda: bool = False
    fine: bool = False
    da_capo: bool = False
    dal_segno: bool = False
    to_coda: bool = False
    again: bool = False

    @property
    def leads_back(self) -> bool:
        return self.times > 1 or self.jumps

    @property
    def jumps(self) -> bool:
        return self.da_capo or self.dal_segno


def played_order(bars: Sequence[Signs]) -> list[int]:
    """Indices of bars as they are played; straight through where the signs make no piece."""
    straight = list(range(len(bars)))
    if not any(bar.leads_back for bar in bars):
        return straight
    walk = _Walk(bars)
    while walk.at < len(bars):
        if len(walk.order) > MOST_TIMES_LONGER * len(bars):
            return straight
        if not walk.step():
            break
    return walk.order


class _Walk:
    """A player's way through the bars."""

    def __init__(self, bars: Sequence[Signs]) -> None:
        self.order: list[int] = []
        self.at = 0
        self._bars = bars
        self._last_passes = _last_passes(bars)
        self._codas = _codas(bars)
        self._start, self._turn = 0, 1
        self._heard: set[int] = set()  # before the last jump: these are not repeated any more
        self._jumped: set[int] = set()  # bars that have led away: none does so twice

    def step(self) -> bool:
        """Play a bar or pass it by. False at the end of the piece."""
        at, bar = self.at, self._bars[self.at]
        if _opens(self._bars, at) and at != self._start:
            self._start, self._turn = at, 1
        once_more = at in self._heard
        if bar.endings and (self._last_passes[at] if once_more else self._turn) not in bar.endings:
            self.at += 1
            return True
        self.order.append(at)
        times = max(bar.times, self._last_passes[at] if bar.times > 1 else 1)
        if not once_more and self._turn < times:
            self.at, self._turn = self._start, self._turn + 1
            return True
        if self._jumped and bar.fine:
            return False
        if self._jumped and at in self._codas and at not in self._jumped:
            self._jumped.add(at)
            self._go_to(self._codas[at])
            return True
        if bar.times > 1:
            self._start, self._turn = at + 1, self._turn if bar.endings else 1
        goal = _jump(self._bars, at) if at not in self._jumped else None
        if goal is None:
            self.at += 1
            return True
        self._jumped.add(at)
        self._heard = set() if bar.again else {heard for heard in self.order if not self._bars[heard].again}
        self._go_to(goal)
        return True

    def _go_to(self, bar: int) -> None:
        self.at, self._start, self._turn = bar, bar, 1


def _codas(bars: Sequence[Signs]) -> dict[int, int]:
    """Bars that lead to a coda after a jump, and where it begins.

    Of two coda signs and more without a word between them the last is the coda's own, the first leads there. A coda
    without a sign begins behind the last jump.
    """
    away = [index for index, bar in enumerate(bars) if bar.to_coda]
    signs = [index for index, bar in enumerate(bars) if bar.coda]
    if not away:
        return {signs[0]: signs[-1]} if len(signs) > 1 else {}
    jumps = [index for index, bar in enumerate(bars) if bar.jumps]
    if not signs and jumps and jumps[-1] + 1 < len(bars):
        signs = [jumps[-1] + 1]
    found = {}
    for number, index in enumerate(away):
        later = [sign for sign in signs if sign > index]
        if later:
            own = signs[number] if len(signs) == len(away) else later[-1]
            found[index] = own if own > index else later[-1]
    return found


def _opens(bars: Sequence[Signs], at: int) -> bool:
    """Whether a new passage begins with a bar: by its sign, or because the endings of the one before are over."""
    if bars[at].begins:
        return True
    return at > 0 and bool(bars[at - 1].endings) and not bars[at].endings


def _last_passes(bars: Sequence[Signs]) -> list[int]:
    """For each bar the last pass that the endings around it name, 1 outside of endings."""
    found = [1] * len(bars)
    at = 0
    while at < len(bars):
        end = at
        while end < len(bars) and bars[end].endings and not (end > at and bars[end].begins):
            end += 1
        if end > at:
            found[at:end] = [max(max(bar.endings) for bar in bars[at:end])] * (end - at)
        at = max(end, at + 1)
    return found


def _jump(bars: Sequence[Signs], at: int) -> int | None:
    if bars[at].da_capo:
        return 0
    if bars[at].dal_segno:
        signs = [index for index, bar in enumerate(bars) if bar.segno]
        return next((index for index in reversed(signs) if index <= at), signs[0] if signs else None)
    return None


def numbered(endings: Sequence[frozenset[int] | None]) -> list[frozenset[int]]:
    """The passes of each bar's ending: None outside of endings, an empty set where an ending has no number.

    One without a number is the next after the one before it, or the first.
    """
    found: list[frozenset[int]] = []
    for index, own in enumerate(endings):
        before = found[-1] if found else frozenset()
        if own is None:
            found.append(frozenset())
        elif own:
            found.append(own)
        else:
            same = index > 0 and endings[index - 1] == own
            found.append(before if same and before else frozenset({max(before, default=0) + 1}))
    return found
