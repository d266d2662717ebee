"""The statistics of a listening test, each by a published formula. Arrays are numpy's; nothing here knows of files."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
T = TypeVar("T")
Z_95 = 1.959964
RESAMPLES = 1000


class Share(NamedTuple):
    """hits of n, and the 95 % interval of the share that they are a sample of."""

    hits: int
    n: int
    low: float
    high: float

    @property
    def share(self) -> float:
        return self.hits / self.n if self.n else math.nan


def share(hits: int, n: int) -> Share:
    """With the score interval of E. B. Wilson, "Probable inference", JASA 22 (1927), 209-212; 0..1 where n is 0."""
    if not n:
        return Share(0, 0, 0.0, 1.0)
    p, z2 = hits / n, Z_95**2
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return Share(hits, n, min(max(middle - half, 0.0), p), max(min(middle + half, 1.0), p))  # against rounding


def binomial_p(hits: int, n: int, chance: float = 0.5) -> float:
    """Exact two-sided p: how probable, by chance, is a number of hits that is no more probable than this one.

    The method of small p values (as R's binom.test): sums are compared with a tolerance of 1e-7 of their size.
    """
    logs = [
        math.lgamma(n + 1)
        - math.lgamma(k + 1)
        - math.lgamma(n - k + 1)
        + k * math.log(chance)
        + (n - k) * math.log1p(-chance)
        for k in range(n + 1)
    ]
    return min(sum(math.exp(log) for log in logs if log <= logs[hits] + 1e-7), 1.0)


def correlation(meant: Sequence[float], rated: Sequence[float]) -> float:
    """Pearson's r; its square is the R2 of the straight line. NaN where one of both never varies."""
    if len(meant) < 2 or np.ptp(meant) == 0 or np.ptp(rated) == 0:
        return math.nan
    return float(np.corrcoef(meant, rated)[0, 1])


def interval(
    listeners: Sequence[Sequence[T]], measure: Callable[[list[T]], float], seed: int = 0
) -> tuple[float, float]:
    """The 95 % percentile interval of a measure of all answers, by drawing whole listeners with replacement.

    Answers of one listener hang together, so they are drawn together (A. C. Davison and D. V. Hinkley, "Bootstrap
    methods and their application", 1997, section 3.8). NaN with fewer than two listeners.
    """
    if len(listeners) < 2:
        return math.nan, math.nan
    lot = np.random.default_rng(seed)
    drawn = lot.integers(0, len(listeners), (RESAMPLES, len(listeners)))
    found = np.array([measure([answer for one in draw for answer in listeners[one]]) for draw in drawn])
    found = found[np.isfinite(found)]
    if not len(found):
        return math.nan, math.nan
    low, high = np.percentile(found, (2.5, 97.5))
    return float(low), float(high)


def krippendorff_alpha(ratings: Floats) -> float:
    """Reliability of (listeners, stimuli) with NaN where nothing was asked: 1 agreement, 0 as by chance.

    For interval data: 1 - observed / expected disagreement, the mean squared differences of pairs within a stimulus
    and of all pairs (K. Krippendorff, "Computing Krippendorff's alpha-reliability", 2011). NaN without pairs.
    """
    columns = [column[np.isfinite(column)] for column in ratings.T]
    pairable = [column for column in columns if len(column) > 1]
    n = sum(map(len, pairable))
    if n < 2:
        return math.nan
    observed = sum(2 * len(column) * _squares(column) / (len(column) - 1) for column in pairable) / n
    expected = 2 * n * _squares(np.concatenate(pairable)) / (n * (n - 1))
    return 1 - observed / expected if expected > 0 else math.nan


def _squares(values: Floats) -> float:
    """Sum of squared distances from the mean; n times it is the sum over unordered pairs of squared differences."""
    return float(((values - values.mean()) ** 2).sum())


class Reliability(NamedTuple):
    """single: of one listener's ratings. average: of the mean over all listeners."""

    single: float
    average: float


def icc(ratings: Floats) -> Reliability:
    """ICC(2,1) and ICC(2,k) of a whole (listeners, stimuli): two-way random effects, absolute agreement.

    P. E. Shrout and J. L. Fleiss, "Intraclass correlations", Psychological Bulletin 86 (1979), 420-428. NaN where the
    table has holes, or fewer than two listeners or stimuli.
    """
    k, n = ratings.shape
    if k < 2 or n < 2 or not np.isfinite(ratings).all():
        return Reliability(math.nan, math.nan)
    grand = ratings.mean()
    between = k * ((ratings.mean(axis=0) - grand) ** 2).sum() / (n - 1)
    judges = n * ((ratings.mean(axis=1) - grand) ** 2).sum() / (k - 1)
    total = ((ratings - grand) ** 2).sum()
    error = (total - between * (n - 1) - judges * (k - 1)) / ((n - 1) * (k - 1))
    single = between + (k - 1) * error + k * (judges - error) / n
    average = between + (judges - error) / n
    return Reliability(
        float((between - error) / single) if single else math.nan,
        float((between - error) / average) if average else math.nan,
    )
