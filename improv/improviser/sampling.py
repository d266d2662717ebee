"""From logits to a token: guidance, mask, temperature, top-p, one draw. Pure functions of their arguments."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from improv.model.vocabulary.base import BoolArray

FloatArray = NDArray[np.float64]


def guide(logits: NDArray[np.float32], guidance: float) -> FloatArray:
    """Classifier-free guidance (Ho & Salimans 2022).

    logits: (2, vocabulary), row 0 with the commands, row 1 without; or row 0 alone, which is taken as it is. guidance:
    0 ignores the commands, 1 follows them as learned, more exaggerates them.
    """
    if len(logits) == 1:
        return np.array(logits[0], np.float64)
    commanded, bare = logits.astype(np.float64)
    return np.asarray(bare + guidance * (commanded - bare))


def biased(logits: FloatArray, nats: FloatArray, legal: BoolArray) -> FloatArray:
    """Logits with a bias (`nats`) added, shifted so that the legal ones together keep their share of the probability.

    Which of the alternatives is taken changes, not how often one of them is.
    """
    if not legal.any():
        return logits
    raised = logits + nats
    return np.asarray(raised + (_log_sum_exp(logits[legal]) - _log_sum_exp(raised[legal])))


def _log_sum_exp(values: FloatArray) -> float:
    top = float(values.max())
    return top + float(np.log(np.exp(values - top).sum()))


def probabilities(logits: FloatArray, legal: BoolArray, temperature: float, top_p: float) -> FloatArray:
    """What to draw from, shape (vocabulary,), sum 1; only legal tokens have any weight.

    temperature: > 0; small is sure of itself. top_p: 0 < top_p <= 1, the smallest set of tokens that holds this share.
    """
    if not legal.any():
        raise ValueError("no token is legal here")
    masked = np.where(legal, logits / temperature, -np.inf)
    weights = np.exp(masked - masked.max())
    weights /= weights.sum()
    if top_p < 1:
        order = np.argsort(-weights, kind="stable")
        before = np.cumsum(weights[order]) - weights[order]
        weights[order[before >= top_p]] = 0.0
        weights /= weights.sum()
    return np.asarray(weights)


def choose(weights: FloatArray, rng: np.random.Generator) -> int:
    """One token id, drawn by inverting the cumulative distribution."""
    cumulative = np.cumsum(weights)
    return int(min(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"), len(weights) - 1))
