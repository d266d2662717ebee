"""One draw, as often as people do each thing."""

from __future__ import annotations

import numpy as np

from improv.plan.corpus_counts import FloatArray


def draw(weights: FloatArray, rng: np.random.Generator) -> int:
    """An index, as likely as its weight. weights: 0 or more, (choices,), not all 0."""
    total = weights.cumsum()
    return min(int(np.searchsorted(total, rng.random() * total[-1], side="right")), len(weights) - 1)
