"""How long a figure is kept: for each hand how much the rhythm of a bar is that of the bar before, as people have it.

The counts are those of the training pieces (training.dataset.rhythm_counts): a bar's likeness, 0..100 in eleven bins
of which the last is 100 alone, given that of the bar before it and whether it is the last bar of its phrase.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from improv.model.habits import told
from improv.music.chord import UNKNOWN
from improv.plan.draws import draw
from improv.plan.mixed_counts import table

BINS = 11
NOTHING_BEFORE = BINS
"""The bin of a bar whose own likeness is not known."""
FloatArray = NDArray[np.float64]


def bin_of(likeness: int) -> int:
    """0..100 -> 0..10; UNKNOWN -> NOTHING_BEFORE."""
    return NOTHING_BEFORE if likeness == UNKNOWN else min(likeness // 10, BINS - 1)


@lru_cache(maxsize=4)
def counts(habits: str = "") -> FloatArray:
    """How often people do it, (hand, last bar of a phrase, bin of the bar before, bin). habits: of a composer."""
    text = resources.files("improv.plan").joinpath("rhythm.json").read_text(encoding="utf-8")
    everybody = json.loads(text)["counts"]
    own = told(habits).get("rhythm")
    return np.array(everybody, dtype=np.float64) if own is None else table("rhythm", everybody, own)


def draw_rhythm(hand: int, before: int, closes: bool, rng: np.random.Generator, habits: str = "") -> int:
    """The likeness of a hand's rhythm, 0..100. before: that of the bar before. closes: in the last bar of a phrase."""
    number = draw(counts(habits)[hand, int(closes), bin_of(before)] + 0.01, rng)
    return 100 if number == BINS - 1 else 10 * number + int(rng.integers(10))
