"""Which excerpt is set against which."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence

from improv.app.study.design import Stimulus


def pairs(made: Sequence[Stimulus], group: str, other: str, seed: int) -> tuple[tuple[str, str], ...]:
    """Each excerpt of the smaller side once, of the same mood where both groups have moods, else any."""
    lot = random.Random(f"{seed}/pairs")
    sides = [[one for one in made if one.group == name] for name in (group, other)]
    if any(one.mood is None for side in sides for one in side):
        return _matched(lot, *sides)
    moods: dict[str | None, list[list[Stimulus]]] = defaultdict(lambda: [[], []])
    for index, side in enumerate(sides):
        for one in side:
            moods[one.mood][index].append(one)
    return tuple(pair for both in moods.values() for pair in _matched(lot, *both))


def _matched(lot: random.Random, one: Sequence[Stimulus], other: Sequence[Stimulus]) -> tuple[tuple[str, str], ...]:
    size = min(len(one), len(other))
    return tuple((a.name, b.name) for a, b in zip(lot.sample(one, size), lot.sample(other, size), strict=True))
