"""Performance RNN's optional conditioning: how many notes are to come, and which pitch classes.

For each event a vector that stands before the one-hot of the event before it: density of notes over the next three
seconds in eight bins, and the share of each pitch class in what sounds over the next five. Both are worked out anew
only after a shift of time. The daemon commands the same through `onset_density` and `mode` of
improv.music.attributes; this is the published configuration, to be compared with.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from improv.model.vocabulary.performance import STEPS_PER_S, TABLE

FloatArray = NDArray[np.float64]
T = TypeVar("T")
DENSITY_EDGES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)  # notes per second
DENSITY_WINDOW_S, HISTOGRAM_WINDOW_S = 3.0, 5.0
DENSITY_SIZE, HISTOGRAM_SIZE = len(DENSITY_EDGES) + 1, 12
HISTOGRAM_PRIOR_S = 0.01
DEFAULT_DENSITY = 15.0


def density_bins(notes_per_s: float) -> FloatArray:
    """One-hot of the bin, shape (8,)."""
    return np.asarray(np.eye(DENSITY_SIZE)[bisect_right(DENSITY_EDGES, notes_per_s)])


def densities(token_ids: Sequence[int]) -> list[float]:
    """Notes per second in the three seconds that begin with each event."""
    return _after_shifts(token_ids, _density)


def histograms(token_ids: Sequence[int]) -> list[FloatArray]:
    """Share of each pitch class in what sounds in the five seconds that begin with each event, shape (12,) each."""
    return _after_shifts(token_ids, _histogram)


def _after_shifts(token_ids: Sequence[int], measure: Callable[[Sequence[int], int], T]) -> list[T]:
    """Measured at the first event and after each shift of time; kept in between."""
    values: list[T] = []
    for index in range(len(token_ids)):
        shifted = index > 0 and TABLE.row(token_ids[index - 1])[0] == "TIME_SHIFT"
        values.append(measure(token_ids, index) if index == 0 or shifted else values[-1])
    return values


def _density(token_ids: Sequence[int], first: int) -> float:
    steps = notes = 0
    for token_id in token_ids[first:]:
        kind, value = TABLE.row(token_id)
        notes += kind == "NOTE_ON"
        steps += value if kind == "TIME_SHIFT" else 0
        if steps >= DENSITY_WINDOW_S * STEPS_PER_S:
            break
    return notes / DENSITY_WINDOW_S


def _histogram(token_ids: Sequence[int], first: int) -> FloatArray:
    """What sounds already counts from the first event on."""
    down: list[int] = []
    sounded = np.full(HISTOGRAM_SIZE, HISTOGRAM_PRIOR_S)
    left = round(HISTOGRAM_WINDOW_S * STEPS_PER_S)
    for index, token_id in enumerate(token_ids):
        kind, value = TABLE.row(token_id)
        if kind == "NOTE_ON":
            down.append(value)
        elif kind == "NOTE_OFF" and value in down:
            down.remove(value)
        elif kind == "TIME_SHIFT" and index >= first:
            for pitch in down:
                sounded[pitch % 12] += min(value, left) / STEPS_PER_S
            left -= value
            if left <= 0:
                break
    return np.asarray(sounded / sounded.sum())


def controls(
    token_ids: Sequence[int], *, density: bool = True, histogram: bool = True, optional: bool | None = None
) -> FloatArray:
    """The vectors of all events, shape (events, 20) with both; fewer columns with one.

    optional: None leaves the leading flag away; False sets it to 0; True sets it to 1 and everything else to 0.
    """
    columns = []
    if density:
        columns.append(np.stack([density_bins(value) for value in densities(token_ids)]))
    if histogram:
        columns.append(np.stack(histograms(token_ids)))
    rows = np.concatenate(columns, axis=1)
    if optional is None:
        return rows
    flag = np.full((len(rows), 1), float(optional))
    return np.concatenate([flag, np.zeros_like(rows) if optional else rows], axis=1)
