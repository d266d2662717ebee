"""What two hands can hold."""

from __future__ import annotations

from training.analysis.hands import FINGERS, TENTH
from training.evaluation.composition.music import IntArray


def reachable(pitches: IntArray) -> bool:
    """Whether two hands can hold these keys: divided somewhere, five notes and a tenth for each. Sorted ascending."""
    return any(_fits(pitches[:cut]) and _fits(pitches[cut:]) for cut in range(len(pitches) + 1))


def _fits(pitches: IntArray) -> bool:
    return len(pitches) == 0 or (len(pitches) <= FINGERS and int(pitches[-1] - pitches[0]) <= TENTH)
