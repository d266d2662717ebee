"""How well a chord is foretold by the one before, by what other pieces do: bits per change of chord."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable

import numpy as np

from training.evaluation.composition.chords import SUFFIXES, Harmony
from training.evaluation.composition.harmony import chord_changes

Symbol = tuple[bool, int, int]
"""Whether the bar's key is major, degree in semitones above its tonic, quality."""
SYMBOLS = 2 * 12 * len(SUFFIXES)


def symbols(harmony: Harmony) -> list[Symbol]:
    """The chords one after the other, each once, as they stand in the key of their bar."""
    at = np.flatnonzero(chord_changes(harmony) | ((np.arange(len(harmony.root)) == 0) & harmony.sounds))
    rows = zip(harmony.is_major[harmony.bar[at]], harmony.degree[at], harmony.quality[at], strict=True)
    return [(bool(major), int(degree), int(quality)) for major, degree, quality in rows]


class ChordBigram:
    """Counts of the chord after a chord, backed by counts of chords, backed by all alike (Witten and Bell 1991)."""

    def __init__(self, pieces: Iterable[Harmony]) -> None:
        self._single: Counter[Symbol] = Counter()
        self._pair: Counter[tuple[Symbol, Symbol]] = Counter()
        self._before: Counter[Symbol] = Counter()
        self._followers: Counter[Symbol] = Counter()
        for piece in pieces:
            row = symbols(piece)
            self._single.update(row)
            self._pair.update(itertools.pairwise(row))
        for (one, _), count in self._pair.items():
            self._before[one] += count
            self._followers[one] += 1

    def probability(self, before: Symbol, chord: Symbol) -> float:
        """Of a chord after another; above 0 for all."""
        total, kinds = self._single.total(), len(self._single)
        single = (self._single[chord] + kinds / SYMBOLS) / (total + kinds) if total else 1 / SYMBOLS
        seen, new = self._before[before], self._followers[before]
        return (self._pair[before, chord] + new * single) / (seen + new) if seen else single

    def bits(self, piece: Harmony) -> float:
        """Mean bits per change of chord; NaN for a piece with fewer than two chords."""
        row = symbols(piece)
        if len(row) < 2:
            return math.nan
        return float(np.mean([-math.log2(self.probability(a, b)) for a, b in itertools.pairwise(row)]))
