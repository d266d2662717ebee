"""The earlier bar that each bar is most like: as it stands, and moved in pitch."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from training.analysis.hands import LEFT, RIGHT
from training.analysis.metre import Bars
from training.analysis.music import FloatArray, IntArray, Music

BARS_BACK = 48
"""How far back a bar may refer."""
WIDEST = 12
"""Semitones that a hand may be moved by, up or down."""
NO_BAR = -1
_MOVED_COST = 0.02  # of similarity, for each hand that is moved: between equals the one that stays wins
_SHIFTS = 2 * WIDEST + 1
_PAIRS_AT_ONCE = 4_000_000


class References(NamedTuple):
    """Of each bar, shape (bars,).

    bar: the most similar earlier bar, NO_BAR -1 where none shares a note. similarity: 0..1 with it. before: similarity
    with the bar before, 0 for the first. moved_bar, moved_similarity: the same where each hand may be moved.
    right_semitones, left_semitones: -12..12, how far above that bar's hand this one plays, 0 where nothing is shared.
    """

    bar: IntArray
    similarity: FloatArray
    before: FloatArray
    moved_bar: IntArray
    moved_similarity: FloatArray
    right_semitones: IntArray
    left_semitones: IntArray


def references(music: Music, bars: Bars, hand: IntArray, back: int = BARS_BACK) -> References:
    """References of every bar. hand: as of `hands.hands`. back: how many bars a bar may refer back.

    Similarity is Jaccard's: notes that both bars have (same place in the bar, hand and pitch) over notes that one of
    them has. Of equally similar bars the latest is taken. Moved: the shift of each hand is the one that shares most
    notes, the smallest of equals; the similarity counts the notes that then agree.
    """
    bar, place = bars.of(music.onset_ticks), bars.place(music.onset_ticks)
    rows = np.unique(np.stack([hand, place, bar, music.pitch], axis=1), axis=0)
    shared = _shared(rows, len(bars), back)
    sizes = np.bincount(rows[:, 0] * len(bars) + rows[:, 2], minlength=2 * len(bars)).reshape(2, -1).sum(axis=0)
    union = _sum_of_sizes(sizes, back)
    literal = _jaccard(shared[:, :, :, WIDEST].sum(axis=2), union)
    nearest = np.argsort(np.abs(np.arange(_SHIFTS) - WIDEST), kind="stable")
    best = nearest[shared[:, :, :, nearest].argmax(axis=3)]
    most = np.take_along_axis(shared, best[..., None], axis=3)[..., 0]
    shift = np.where(most > 0, best - WIDEST, 0)
    moved = _jaccard(most.sum(axis=2), union)
    lag, moved_lag = literal.argmax(axis=1), (moved - _MOVED_COST * (shift != 0).sum(axis=2)).argmax(axis=1)
    index = np.arange(len(bars))
    similarity, moved_similarity = literal[index, lag], moved[index, moved_lag]
    found = moved_similarity > 0
    return References(
        np.where(similarity > 0, index - lag - 1, NO_BAR),
        similarity,
        literal[:, 0],
        np.where(found, index - moved_lag - 1, NO_BAR),
        moved_similarity,
        np.where(found, shift[index, moved_lag, RIGHT], 0),
        np.where(found, shift[index, moved_lag, LEFT], 0),
    )


def _shared(rows: IntArray, bars: int, back: int) -> IntArray:
    """How many notes of each bar lie at the place of a note of an earlier bar: int64 (bars, lag - 1, hand, shift + 12).

    rows: (notes, 4) of hand, place, bar, pitch, each once, sorted.
    """
    group = np.cumsum(np.append(False, np.any(np.diff(rows[:, :2], axis=0) != 0, axis=1)))
    size = bars + back + 1
    at = group * size + rows[:, 2]  # ascending: notes of one group that lie near in bars lie near in the rows
    first = np.searchsorted(at, at - back)
    count = np.searchsorted(at, at) - first
    counts = np.zeros(bars * back * 2 * _SHIFTS, dtype=np.int64)
    for part in _parts(count):
        later = np.repeat(part, count[part])
        earlier = first[later] + np.arange(len(later)) - np.repeat(np.cumsum(count[part]) - count[part], count[part])
        shift = rows[later, 3] - rows[earlier, 3]
        near = np.abs(shift) <= WIDEST
        later, earlier, shift = later[near], earlier[near], shift[near]
        lag = rows[later, 2] - rows[earlier, 2] - 1
        code = ((rows[later, 2] * back + lag) * 2 + rows[later, 0]) * _SHIFTS + shift + WIDEST
        counts += np.bincount(code, minlength=len(counts))
    return counts.reshape(bars, back, 2, _SHIFTS)


def _parts(count: IntArray) -> list[IntArray]:
    """The rows in stretches of at most so many pairs that a table of them fits the memory."""
    part = np.cumsum(count) // _PAIRS_AT_ONCE
    return np.split(np.arange(len(count)), np.flatnonzero(np.diff(part)) + 1)


def _sum_of_sizes(sizes: IntArray, back: int) -> IntArray:
    """Notes of a bar and of the bar so many before it, (bars, back)."""
    earlier = np.arange(len(sizes))[:, None] - np.arange(1, back + 1)[None, :]
    return np.asarray(sizes[:, None] + np.where(earlier >= 0, sizes[np.maximum(earlier, 0)], 0))


def _jaccard(shared: IntArray, sizes: IntArray) -> FloatArray:
    return np.asarray(shared / np.maximum(sizes - shared, 1), dtype=np.float64)
