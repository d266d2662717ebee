"""How much louder than its mood a phrase is: sections contrast, and phrases of one section differ a little."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from improv.plan.phrase_brief import Purpose, rng_of
from improv.plan.plan import PlannedBar

SECTIONS_DIFFER, PHRASES_DIFFER = 9.0, 6.0
"""Velocities where the loudness is 72, standard deviations. Half-minutes of people's pieces differ by 7.7 (eight pieces
of piano-midi.de of four minutes and more), four bars by 7.
"""
_FARTHEST = 2.0
"""Standard deviations."""


def level(seed: int, bar: PlannedBar) -> float:
    """Velocities, at a loudness of 72, that the bar's phrase is louder than the mood. A section keeps its own when it
    comes back.
    """
    letter = "A" if bar.section == "Coda" else bar.section[:1]
    return _level(seed, bar.piece, letter, bar.phrase)


@lru_cache(maxsize=16)
def _level(seed: int, piece: int, letter: str, phrase: int) -> float:
    of_section = rng_of(seed, Purpose.LOUDNESS, 1, piece, ord(letter or "A"))
    of_phrase = rng_of(seed, Purpose.LOUDNESS, phrase)
    return _drawn(of_section, SECTIONS_DIFFER) + _drawn(of_phrase, PHRASES_DIFFER)


def _drawn(rng: np.random.Generator, spread: float) -> float:
    return float(np.clip(rng.normal(0.0, spread), -_FARTHEST * spread, _FARTHEST * spread))
