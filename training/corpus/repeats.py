"""The order in which the bars of a score are played: repeats, endings, da capo and dal segno.

Endings are played each in its turn. After da capo or dal segno nothing is repeated and the last endings are taken, as
players do; it goes on to Fine or, over the first coda sign, to the last one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MOST_TIMES_LONGER = 16
"""A piece whose repeats make more of it than that is damaged: it is played straight through."""


@dataclass(frozen=True)
class Signs:
    """What a bar says of the order. begins: a repeat begins with it; times: how often what ends with it is played, 1
    without a repeat; endings: the passes in which it is played, empty for all; jump: whether it leads back, and where
    to.
    """

    begins: bool = False
    times: int = 1
    endings: frozenset[int] = frozenset()
    segno: bool = False
    coda: bool = False
    fine: bool = False
    da_capo: bool = False
    dal_segno: bool = False

    @property
    def leads_back(self) -> bool:
        return self.times > 1 or self.da_capo or self.dal_segno


def played_order(bars: Sequence[Signs]) -> list[int]:
    """Indices of bars as they are played; straight through where the signs make no piece."""
    straight = list(range(len(bars)))
    if not any(bar.leads_back for bar in bars):
        return straight
    order: list[int] = []
    last_passes = _last_passes(bars)
    at, start, turn, jumped = 0, 0, 1, False
    while at < len(bars):
        bar = bars[at]
        if len(order) > MOST_TIMES_LONGER * len(bars):
            return straight
        if _opens(bars, at) and at != start:
            start, turn = at, 1
        if bar.endings and (last_passes[at] if jumped else turn) not in bar.endings:
            at += 1
            continue
        order.append(at)
        if jumped and bar.fine:
            break
        if jumped and (target := _coda(bars, at)) is not None:
            at = target
            continue
        if not jumped and turn < max(bar.times, last_passes[at] if bar.times > 1 else 1):
            at, turn = start, turn + 1
            continue
        if bar.times > 1:
            start, turn = at + 1, turn if bar.endings else 1
        goal = None if jumped else _jump(bars, at)
        if goal is not None:
            at, jumped = goal, True
            continue
        at += 1
    return order


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


def _coda(bars: Sequence[Signs], at: int) -> int | None:
    """Where the coda begins, if a bar leads to it: of two signs and more the last is the coda's own."""
    signs = [index for index, bar in enumerate(bars) if bar.coda]
    return signs[-1] if len(signs) > 1 and at == signs[0] else None


def _jump(bars: Sequence[Signs], at: int) -> int | None:
    if bars[at].da_capo:
        return 0
    if bars[at].dal_segno:
        return next((index for index, bar in enumerate(bars) if bar.segno), None)
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
