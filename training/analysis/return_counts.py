"""What the bars of people's pieces refer to, counted for the planner of `improv.plan`."""

from __future__ import annotations

from collections import Counter as Tally
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from improv.model.habits import LAG_LIMITS, LAG_PLACES, LIKENESS_BINS, MOST_LAG
from improv.plan.corpus_counts import LONG_RETURN_BARS, bin_of, lag_class
from training.analysis.analysis import Analysis
from training.analysis.harmony_counts import as_table
from training.analysis.music import IntArray
from training.analysis.stretches import Stretches

_COMMON_MOVES = 24


@dataclass
class ReturnCounts:
    """See `improv.plan.corpus_counts` for what each table means."""

    lags: Tally[tuple[int, int]] = field(default_factory=Tally)
    stays: Tally[tuple[int, int, int]] = field(default_factory=Tally)
    likeness: Tally[tuple[int, int, int, int]] = field(default_factory=Tally)
    returns: Tally[tuple[int, int]] = field(default_factory=Tally)
    near: Tally[tuple[int, int]] = field(default_factory=Tally)
    near_alone: Tally[int] = field(default_factory=Tally)
    moves: Tally[tuple[int, int, int]] = field(default_factory=Tally)

    def add(self, analysis: Analysis, phrases: Stretches) -> None:
        """One piece."""
        found, chords = analysis.references, analysis.chords
        bars = len(found.moved_bar)
        at = np.searchsorted(analysis.slots.bar, np.arange(bars))
        lag = np.where(found.moved_bar >= 0, np.arange(bars) - found.moved_bar, 0)
        likeness = np.round(100 * found.moved_similarity).astype(np.int64)
        near = np.round(100 * found.before).astype(np.int64)
        moved = (found.left_semitones != 0) | (found.right_semitones != 0)
        last = int(phrases.first[phrases.counted[-1]] + phrases.bars[phrases.counted[-1]])
        for b in range(1, last):
            here = int(lag[b])
            self._add_run(analysis, b, lag, likeness)
            if here == 0:
                self.near_alone[bin_of(int(near[b]))] += 1
                continue
            if here > 1 or moved[b]:
                self.near[bin_of(int(likeness[b])), bin_of(int(near[b]))] += 1
            root, then = chords.root[at[b]], chords.root[at[b - here]]
            if root >= 0 and then >= 0:
                self.moves[int((root - then) % 12), int(found.left_semitones[b]), int(found.right_semitones[b])] += 1
        self._add_returns(lag, likeness)

    def _add_run(self, analysis: Analysis, b: int, lag: IntArray, likeness: IntArray) -> None:
        """How far back and how much alike, after the bar before."""
        here, before = int(lag[b]), int(lag[b - 1])
        now, last = bin_of(int(likeness[b])), bin_of(int(likeness[b - 1]))
        goes_on = b > 1 and here == before and here > 0
        if before > 0 and b > 1:
            self.stays[lag_class(before), last, int(goes_on)] += 1
        if not goes_on:
            self.lags[min(int(analysis.phrases.since[b]), LAG_PLACES - 1), here] += 1
        if here > 0:
            self.likeness[lag_class(here), int(goes_on), last if goes_on else 0, now] += 1

    def _add_returns(self, lag: IntArray, likeness: IntArray) -> None:
        """Runs of bars that come back from far."""
        edges = np.flatnonzero(np.diff(lag)) + 1
        for start, stop in zip(np.append(0, edges).tolist(), np.append(edges, len(lag)).tolist(), strict=True):
            if lag[start] >= LONG_RETURN_BARS and stop - start >= LONG_RETURN_BARS // 2:
                row = [bin_of(x) for x in likeness[start:stop].tolist()]
                self.returns.update(zip([LIKENESS_BINS, *row[:-1]], row, strict=True))

    def as_json(self) -> dict[str, Any]:
        """The tables in the form of `improv.plan.corpus_counts`."""
        classes = len(LAG_LIMITS) + 1
        moves: dict[str, list[list[int]]] = {}
        for interval in range(12):
            rows = Tally({move[1:]: n for move, n in self.moves.items() if move[0] == interval})
            moves[str(interval)] = [[left, right, n] for (left, right), n in rows.most_common(_COMMON_MOVES)]
        return {
            "lags": as_table(self.lags, (LAG_PLACES, MOST_LAG + 1)),
            "stays": as_table(self.stays, (classes, LIKENESS_BINS, 2)),
            "likeness": as_table(self.likeness, (classes, 2, LIKENESS_BINS, LIKENESS_BINS)),
            "returns": as_table(self.returns, (LIKENESS_BINS + 1, LIKENESS_BINS)),
            "near": as_table(self.near, (LIKENESS_BINS, LIKENESS_BINS)),
            "near_alone": as_table(self.near_alone, (LIKENESS_BINS,)),
            "moves": moves,
        }
