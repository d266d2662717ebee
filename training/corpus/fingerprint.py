"""Near-duplicates: the same music saved anew, transposed, or at twice the note values.

Each onset becomes a number made of its chord's intervals, of the step from the chord before, and of the ratio of the
times before and after it; eight such numbers in a row become a shingle. None of them changes with the key or the scale
of time. Two pieces are the same when their sets of shingles share 80 % (Jaccard), estimated from the 64 smallest
hashes of each (Broder 1997).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.corpus.score import Score

Hashes = NDArray[np.uint64]
SHINGLE = 8  # onsets
SKETCH = 64  # hashes kept of a piece: the estimate's standard error is then 5 %
SAME_SHARE = 0.8
_FEW = 16  # shingles: a shorter piece is told only from its exact copies
_LOOKED_UP = 16  # of two pieces that share 80 %, the chance that none of the 16 lowest hashes is shared is under 1e-11
_RATIO_BINS = 4  # a doubling of time has four: small noise of a re-saved file stays within its bin
_CHORD, _STEP, _RATIO = 0, 1_000, 2_000


def sketch(score: Score) -> Hashes:
    """The smallest hashes of the piece's shingles, ascending, uint64; empty when it is too short to be told."""
    notes = score.notes
    onset, first = np.unique(np.round(notes["onset"], 4), return_index=True)
    if len(onset) < SHINGLE + _FEW:
        return np.zeros(0, dtype=np.uint64)
    lowest = np.minimum.reduceat(notes["pitch"], first).astype(np.int64)
    chord_of = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(notes))))
    intervals = notes["pitch"].astype(np.int64) - lowest[chord_of]
    tokens = np.add.reduceat(_mix(_CHORD + intervals), first)
    tokens[1:] += _mix(_STEP + np.diff(lowest) + 128)
    gaps = np.diff(onset)
    ratios = np.round(_RATIO_BINS * np.log2(gaps[1:] / gaps[:-1])).astype(np.int64)
    tokens[1:-1] += _mix(_RATIO + np.clip(ratios, -64, 64) + 64)
    tokens = tokens[1:-1]  # the first has no step, the last no ratio
    rows = np.lib.stride_tricks.sliding_window_view(tokens, SHINGLE)
    odd = _mix(np.arange(SHINGLE, dtype=np.int64)) | np.uint64(1)
    shingles = _mix((rows * odd).sum(axis=1, dtype=np.uint64))
    distinct = np.unique(shingles)
    return distinct[:SKETCH] if len(distinct) >= _FEW else np.zeros(0, dtype=np.uint64)


def _mix(values: NDArray[np.int64] | Hashes) -> Hashes:
    """Whole numbers -> well spread hashes (the finaliser of splitmix64)."""
    mixed = values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def share(one: Hashes, other: Hashes) -> float:
    """Estimated Jaccard similarity (0..1) of two pieces from their sketches."""
    if not len(one) or not len(other):
        return 0.0
    together = np.union1d(one, other)[: min(SKETCH, max(len(one), len(other)))]
    both = np.isin(together, one, assume_unique=True) & np.isin(together, other, assume_unique=True)
    return float(both.mean())


class Known:
    """The pieces kept so far, by their sketches."""

    def __init__(self) -> None:
        self._sketches: list[Hashes] = []
        self._names: list[str] = []
        self._by_hash: dict[int, list[int]] = {}

    def same_as(self, sketched: Hashes) -> str | None:
        """The name of the first kept piece that is the same music, or None."""
        candidates = {index for value in sketched[:_LOOKED_UP].tolist() for index in self._by_hash.get(value, ())}
        for index in sorted(candidates):
            if share(self._sketches[index], sketched) >= SAME_SHARE:
                return self._names[index]
        return None

    def add(self, name: str, sketched: Hashes) -> None:
        """Keep a piece in mind."""
        if not len(sketched):
            return
        index = len(self._names)
        self._names.append(name)
        self._sketches.append(sketched)
        for value in sketched[:_LOOKED_UP].tolist():
            self._by_hash.setdefault(value, []).append(index)


_TUNE_NOTES = 9  # in a row
_CHORD_S = 0.045  # what begins within this of the note before belongs to the same chord
TUNE_SKETCH = 256  # hashes kept of a piece's tune: a share of 3 % is some eight of them
# Rolls of one piece by two pianists share 8 % to 86 % of the shorter's tunes, 300 pairs of other pieces at most 0.8 %.
SAME_TUNE_SHARE = 0.03


def tune(score: Score) -> Hashes:
    """The smallest hashes of the intervals between nine highest notes in a row, ascending, uint64; empty where few are.

    They do not change with key, speed or rhythm: two takes of one piece by living hands share some, other pieces next
    to none.
    """
    notes = score.notes
    at_s = score.seconds(notes["onset"])
    order = np.argsort(at_s, kind="stable")
    onset_s, pitch = at_s[order], notes["pitch"][order].astype(np.int64)
    first = np.flatnonzero(np.diff(onset_s, prepend=-1.0) > _CHORD_S)
    if len(first) < _TUNE_NOTES + _FEW:
        return np.zeros(0, dtype=np.uint64)
    steps = np.diff(np.maximum.reduceat(pitch, first))
    rows = np.lib.stride_tricks.sliding_window_view(steps, _TUNE_NOTES - 1)
    # A scale, a trill and a repeated note are everybody's.
    ordered = np.sort(rows, axis=1)
    rows = rows[np.count_nonzero(np.diff(ordered, axis=1), axis=1) >= 3]
    odd = _mix(np.arange(_TUNE_NOTES - 1, dtype=np.int64)) | np.uint64(1)
    hashes = np.unique(_mix((_mix(rows + 128) * odd).sum(axis=1, dtype=np.uint64)))
    return hashes[:TUNE_SKETCH] if len(hashes) >= _FEW else np.zeros(0, dtype=np.uint64)


def same_tune(one: Hashes, other: Hashes) -> bool:
    """Whether two pieces share enough of their tunes to be one work."""
    if not len(one) or not len(other):
        return False
    shared = np.intersect1d(one, other, assume_unique=True)
    together = np.union1d(one, other)[:TUNE_SKETCH]
    return len(shared) >= 3 and float(np.isin(together, shared).mean()) >= SAME_TUNE_SHARE
