"""How much is copied: the longest run of a melody that the training pieces have as well, in any key and tempo.

A note is its interval from the note before and its distance in time to the next, in sixteenths; a run of n such pairs
is looked for among all training melodies. What held-out human pieces share with them is the measure of what is normal.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from training.dataset.dataset import Dataset, PieceRow
from training.evaluation.excerpts import Excerpt, of_piece
from training.evaluation.markov import within

IntArray = NDArray[np.int64]
MOST_TOKENS = 12_000_000  # some 4,000,000 notes of melodies: 32 MB for each length that is looked for
LONGEST = 64  # pairs: a longer copy is a copy all the same
_BASE = np.uint64(1_000_003)


def signature(excerpt: Excerpt) -> IntArray:
    """One number for each note of the top line but the first and the last."""
    moments, first = np.unique(excerpt.onset[::-1], return_index=True)
    pitch = excerpt.pitch[::-1][first]  # of the notes that begin together, the highest
    gap = np.clip(np.round(np.diff(moments) * 4), 1, 64).astype(np.int64)
    return np.asarray((np.diff(pitch)[:-1] + 128) * 65 + gap[1:], dtype=np.int64)


class Memory:
    """All runs of the training melodies, by length."""

    def __init__(self, melodies: Iterable[IntArray]) -> None:
        self._melodies = [melody.astype(np.uint64) for melody in melodies]
        self._known: dict[int, NDArray[np.uint64]] = {}

    @classmethod
    def of(cls, dataset: Dataset, pieces: Iterable[PieceRow]) -> Memory:
        """Of whole pieces, MOST_TOKENS at most, evenly spread."""
        chosen = within(list(pieces), MOST_TOKENS)
        excerpts = (of_piece(dataset, piece, seconds=1e9) for piece in chosen)
        return cls(signature(excerpt) for excerpt in excerpts if excerpt is not None)

    def longest(self, melody: IntArray) -> int:
        """How many notes of it, in a row, are known."""
        length = 0
        while length < min(LONGEST, len(melody)):
            runs = _runs(melody.astype(np.uint64), length + 1)
            if not np.isin(runs, self._runs_of(length + 1)).any():
                break
            length += 1
        return length

    def _runs_of(self, length: int) -> NDArray[np.uint64]:
        if length not in self._known:
            self._known[length] = np.unique(np.concatenate([_runs(melody, length) for melody in self._melodies]))
        return self._known[length]


def _runs(melody: NDArray[np.uint64], length: int) -> NDArray[np.uint64]:
    """A hash of every run: 64 bits, so that of 10^6 runs no two are taken for one another."""
    if len(melody) < length:
        return np.zeros(0, dtype=np.uint64)
    mixed = melody * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    total = np.zeros(len(melody) - length + 1, dtype=np.uint64)
    for offset in range(length):
        total = total * _BASE + mixed[offset : offset + len(total)]
    return total
