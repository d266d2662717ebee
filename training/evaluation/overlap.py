"""Distance to human music: the overlapped area of each feature's distances, both densities on one grid (after Yang &
Lerch, On the evaluation of generative models in music, 2018).

For a feature, the distances between every two human excerpts have a density, and those between human and generated ones
another. The area under both is 1 when generated music lies among the human as human music does. How much the two halves
of the human excerpts have is the ceiling.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.evaluation.excerpts import Excerpt
from training.evaluation.figures import Estimate
from training.evaluation.measures import FEATURES

FloatArray = NDArray[np.float64]

GRID = 256
SAMPLES = 200


def features_of(excerpts: Sequence[Excerpt]) -> dict[str, FloatArray]:
    """Feature -> (excerpts, dimensions)."""
    return {
        name: np.stack([np.atleast_1d(np.asarray(feature(excerpt), dtype=np.float64)) for excerpt in excerpts])
        for name, feature in FEATURES.items()
    }


def distances(one: FloatArray, other: FloatArray) -> FloatArray:
    """Euclidean, (len(one), len(other))."""
    return np.asarray(np.linalg.norm(one[:, None] - other[None], axis=2))


def area(one: FloatArray, other: FloatArray) -> float:
    """Of two samples' densities (Gaussian kernels, Scott's width each), on one grid: 0..1."""
    high = max(float(one.max()), float(other.max()), 1e-9)
    edges = np.linspace(-0.3 * high, 1.3 * high, GRID + 1)
    width = edges[1] - edges[0]
    both = []
    for values in (one, other):
        density = np.histogram(values, bins=edges)[0].astype(np.float64)
        sigma = max(float(values.std()) * len(values) ** -0.2, 0.5 * width)
        reach = np.arange(-GRID // 2, GRID // 2 + 1) * width
        kernel = np.exp(-0.5 * (reach / sigma) ** 2)
        smooth = np.convolve(density, kernel / kernel.sum(), mode="same")
        both.append(smooth / max(smooth.sum(), 1e-9))
    return float(np.minimum(*both).sum())


def overlap(human: FloatArray, other: FloatArray, *, seed: int = 0) -> Estimate:
    """The overlapped area with its interval from bootstrap samples of excerpts. Arrays (excerpts, dimensions)."""
    within, between = distances(human, human), distances(human, other)
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(SAMPLES):
        rows, columns = rng.integers(0, len(human), len(human)), rng.integers(0, len(other), len(other))
        pairs = within[np.ix_(rows, rows)][rows[:, None] != rows[None]]
        if pairs.size:
            drawn.append(area(pairs, between[np.ix_(rows, columns)].ravel()))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(area(_upper(within), between.ravel()), float(low), float(high))


def _upper(matrix: FloatArray) -> FloatArray:
    return np.asarray(matrix[np.triu_indices(len(matrix), 1)])


def overlaps(human: Sequence[Excerpt], others: dict[str, Sequence[Excerpt]]) -> dict[str, dict[str, Estimate]]:
    """Feature -> set -> overlapped area with the first half of the human excerpts; `human` is the second half."""
    first, second = human[::2], human[1::2]
    reference = features_of(first)
    found = {name: features_of(excerpts) for name, excerpts in {"human": second, **others}.items()}
    return {
        feature: {name: overlap(values, found[name][feature]) for name in found}
        for feature, values in reference.items()
    }
