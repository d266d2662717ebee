"""How high and dense people's hands play, in which metres, and how long their pieces are, for `improv.plan`."""

from __future__ import annotations

from collections import Counter as Tally
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from improv.model.plan_inputs import CADENCES
from training.analysis.analysis import Analysis
from training.analysis.hands import LEFT, RIGHT
from training.analysis.music import TICKS_PER_BEAT, FloatArray, IntArray, Music
from training.analysis.stretches import Stretches

_METRES = {24: "2/4", 36: "3/4", 48: "4/4", 72: "6/4"}
_LEAST_BARS = 3
LEAST_PIECES, LEAST_PHRASES = 3, 12
"""For what hands do: four numbers that follow from four others, and how they spread from piece to piece."""


@dataclass
class TextureCounts:
    """rows: of each phrase the piece, mode, onsets in four beats (log2), mean pitch and the four numbers of the hands.
    deviations: of each bar from its phrase. closing: of the last bars of phrases, by cadence.
    """

    pieces: int = 0
    rows: list[list[float]] = field(default_factory=list)
    deviations: list[list[float]] = field(default_factory=list)
    closing: list[list[list[float]]] = field(default_factory=lambda: [[] for _ in CADENCES])
    metres: Tally[tuple[str, int, int]] = field(default_factory=Tally)
    lengths: list[int] = field(default_factory=list)

    def add(self, music: Music, analysis: Analysis, phrases: Stretches) -> None:
        """One piece."""
        self.pieces += 1
        bars = analysis.bars
        self.lengths.append(len(bars))
        ticks, pulse = int(np.bincount(bars.whole).argmax()), int(np.bincount(bars.pulse).argmax())
        name = "6/8" if ticks == 36 and pulse == 18 else _METRES.get(ticks, "other")
        self.metres[name, int(np.median(phrases.minor)), int(np.median(phrases.fast))] += 1
        bar_of = bars.of(music.onset_ticks)
        table = bar_textures(music, analysis, bar_of)
        full = np.isfinite(table).all(axis=1)
        for p in phrases.counted:
            mine = np.flatnonzero((phrases.of_bar == p) & full)
            notes = np.isin(bar_of, mine)
            if len(mine) < _LEAST_BARS or not notes.any():
                continue
            onsets = len(np.unique(music.onset_ticks[notes])) * 4 * TICKS_PER_BEAT / bars.length[mine].sum()
            mean = table[mine].mean(axis=0)
            height = float(music.pitch[notes].mean())
            self.rows.append([self.pieces, 1 - 2 * phrases.minor[p], float(np.log2(onsets)), height, *mean])
            self.deviations.extend((table[mine[:-1]] - mean).tolist())
            if mine[-1] == phrases.first[p] + phrases.bars[p] - 1:
                kind = int(analysis.phrases.cadence[mine[-1]])
                self.closing[kind].append((table[mine[-1]] - table[mine[:-1]].mean(axis=0)).tolist())

    @property
    def tells_of_hands(self) -> bool:
        """Whether there is enough for `texture`."""
        pieces = len({row[0] for row in self.rows})
        return pieces >= LEAST_PIECES and len(self.rows) >= LEAST_PHRASES and len(self.deviations) >= LEAST_PHRASES

    def as_json(self) -> dict[str, Any]:
        """The tables in the form of `improv.plan.corpus_counts`; without `texture` where there is too little for it."""
        return {
            "metres": [[name, mode, fast, n] for (name, mode, fast), n in sorted(self.metres.items())],
            "lengths": np.percentile(self.lengths, range(0, 101, 5)).round().astype(int).tolist(),
        } | ({"texture": self._model()} if self.tells_of_hands else {})

    def _model(self) -> dict[str, Any]:
        """Least squares of the hands on speed, height and mode, and how people spread around it."""
        rows = np.array(self.rows)
        inputs = np.stack([np.ones(len(rows)), rows[:, 2], rows[:, 3] - 60, rows[:, 1]], axis=1)
        weights, *_ = np.linalg.lstsq(inputs, rows[:, 4:], rcond=None)
        left = rows[:, 4:] - inputs @ weights
        _, index = np.unique(rows[:, 0].astype(np.int64), return_inverse=True)
        means, totals = _means(left, index), _means(rows[:, 2:4], index)
        parts = {
            "weights": weights,
            "piece_covariance": np.cov(means.T),
            "phrase_covariance": np.cov((left - means[index]).T),
            "bar_covariance": np.cov(np.array(self.deviations).T),
            "closing": np.array([np.mean(part, axis=0) if part else np.zeros(4) for part in self.closing]),
            "speed_and_height_in_piece": np.cov((rows[:, 2:4] - totals[index]).T),
            "speed_and_height_of_pieces": np.cov(totals.T),
        }
        return {name: np.round(table, 4).tolist() for name, table in parts.items()}


def _means(rows: FloatArray, index: IntArray) -> FloatArray:
    """Of each piece."""
    sums = np.stack([np.bincount(index, column) for column in rows.T], axis=1)
    return np.asarray(sums / np.bincount(index)[:, None])


def bar_textures(music: Music, analysis: Analysis, bar_of: IntArray) -> FloatArray:
    """Of each bar, (bars, 4): mean pitch of left and right hand, log2 of 1 + onsets in four beats of each."""
    bars, columns = analysis.bars, []
    for hand in (LEFT, RIGHT):
        mine = analysis.hand == hand
        count = np.bincount(bar_of[mine], minlength=len(bars))
        height = np.bincount(bar_of[mine], music.pitch[mine], minlength=len(bars))
        columns.append(np.where(count > 0, height / np.maximum(count, 1), np.nan))
    for hand in (LEFT, RIGHT):
        onset = np.unique(music.onset_ticks[analysis.hand == hand])
        onsets = np.bincount(bars.of(onset), minlength=len(bars)) if len(onset) else np.zeros(len(bars))
        columns.append(np.log2(1 + onsets * 4 * TICKS_PER_BEAT / bars.length))
    return np.stack(columns, axis=1)
