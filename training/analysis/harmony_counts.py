"""What people do, counted for the planner of `improv.plan`: chords, harmonic rhythm, keys, returns and textures.

`Counter` takes the analysis of one piece after another; `as_json` gives the counts in the form that
`improv.plan.people` reads. A piece is heard in stretches of PHRASE_BARS bars; each has a mode, by the key of its first
beat, and a speed: slow or fast, by the onsets in a second (the rule of `improv.music.mood.mode_tempo_mood`).
"""

from __future__ import annotations

from collections import Counter as Tally
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from improv.music.chord import MINOR_KEYS, TONES, UNKNOWN
from improv.plan import people
from improv.plan.people import (
    FORMAT,
    LAG_LIMITS,
    LIKENESS_BINS,
    LONG_RETURN_BARS,
    RATES,
    bin_of,
    lag_class,
    rate_of,
)
from training.analysis.analysis import Analysis
from training.analysis.hands import LEFT, RIGHT
from training.analysis.music import TICKS_PER_BEAT, BoolArray, FloatArray, IntArray, Music

PHRASE_BARS = 4
FAST_ONSETS_PER_S = 2.97
LEAST_BARS = 12
MOST_OF_ONE_PIECE = 64
"""Phrases: a long movement must not outweigh ten short pieces."""
_METRES = {24: "2/4", 36: "3/4", 48: "4/4", 72: "6/4"}


@dataclass
class Counter:
    """Counts of all pieces so far. See `as_json` for what they mean."""

    pieces: int = 0
    bars: int = 0
    pairs: Tally[tuple[int, int, int]] = field(default_factory=Tally)
    single: Tally[tuple[int, int, int]] = field(default_factory=Tally)
    opening: Tally[tuple[int, int]] = field(default_factory=Tally)
    beginning: Tally[tuple[int, int]] = field(default_factory=Tally)
    changes: Tally[tuple[int, int, int, int]] = field(default_factory=Tally)
    rates: Tally[tuple[int, int, int]] = field(default_factory=Tally)
    next_rate: Tally[tuple[int, int]] = field(default_factory=Tally)
    keys: Tally[tuple[int, int, int]] = field(default_factory=Tally)
    lags: Tally[tuple[int, int]] = field(default_factory=Tally)
    stays: Tally[tuple[int, int, int]] = field(default_factory=Tally)
    likeness: Tally[tuple[int, int, int, int]] = field(default_factory=Tally)
    returns: Tally[tuple[int, int]] = field(default_factory=Tally)
    near: Tally[tuple[int, int]] = field(default_factory=Tally)
    near_alone: Tally[tuple[int, int]] = field(default_factory=Tally)
    moves: Tally[tuple[int, int, int]] = field(default_factory=Tally)
    metres: Tally[tuple[str, int, int]] = field(default_factory=Tally)
    lengths: list[int] = field(default_factory=list)
    textures: list[list[float]] = field(default_factory=list)
    """Rows of piece, mode, onsets in four beats, mean pitch, and the four numbers of both hands."""
    bar_deviations: list[list[float]] = field(default_factory=list)

    def add(self, music: Music, analysis: Analysis, bar_s: FloatArray) -> None:
        """One piece. bar_s: seconds of the beginning of each bar and of the end of the last, (bars + 1,)."""
        if len(analysis.bars) < LEAST_BARS or not (analysis.chords.root >= 0).any():
            return
        self.pieces += 1
        self.bars += len(analysis.bars)
        self.lengths.append(len(analysis.bars))
        first = 1 if analysis.bars.length[0] < analysis.bars.whole[0] else 0
        phrase_of_bar = np.maximum(np.arange(len(analysis.bars)) - first, 0) // PHRASE_BARS
        minor, fast = _moods(music, analysis, bar_s, phrase_of_bar)
        self._chords(analysis, phrase_of_bar, minor, fast)
        self._keys(analysis, phrase_of_bar)
        self._references(analysis, first)
        self._textures(music, analysis, phrase_of_bar, minor)
        ticks, pulse = int(np.bincount(analysis.bars.whole).argmax()), int(np.bincount(analysis.bars.pulse).argmax())
        name = "6/8" if ticks == 36 and pulse == 18 else _METRES.get(ticks, "12/8" if pulse == 18 else "other")
        self.metres[name, int(np.median(minor)), int(np.median(fast))] += 1

    def _chords(self, analysis: Analysis, phrase_of_bar: IntArray, minor: IntArray, fast: IntArray) -> None:
        slots, chords = analysis.slots, analysis.chords
        keys = analysis.keys
        phrase = phrase_of_bar[slots.bar]
        inversion = np.array(
            [
                TONES[q].index((b - r) % 12) if q >= 0 and (b - r) % 12 in TONES[q] else 0
                for r, q, b in zip(chords.root.tolist(), chords.quality.tolist(), chords.bass.tolist(), strict=True)
            ]
        )
        known = chords.root >= 0
        absolute = np.where(known, people.state_of(chords.root, chords.quality, inversion), UNKNOWN)
        relative = np.where(known, people.state_of((chords.root - keys) % 12, chords.quality, inversion), UNKNOWN)
        changed = np.append(True, np.diff(absolute) != 0)
        rates = np.zeros(len(minor), dtype=np.int64)
        for p in range(min(len(minor), MOST_OF_ONE_PIECE)):
            mine = np.flatnonzero(phrase == p)
            if not len(mine) or not known[mine].any():
                continue
            beats = slots.length[mine].sum() / TICKS_PER_BEAT
            rate = rates[p] = rate_of(changed[mine[1:]].sum() * 4 / beats)
            self.rates[int(minor[p]), int(fast[p]), rate] += 1
            if p:
                self.next_rate[int(rates[p - 1]), rate] += 1
            place = self.beginning if p else self.opening
            start = mine[known[mine]][0]
            place[int(keys[start] >= MINOR_KEYS), int(relative[start])] += 1
            for s in mine:
                if s == 0 or not known[s] or not known[s - 1]:
                    continue
                mode = int(keys[s] >= MINOR_KEYS)
                self.changes[mode, rate, int(slots.strength[s]), int(changed[s])] += 1
                if changed[s]:
                    before = people.state_of(
                        (chords.root[s - 1] - keys[s]) % 12, chords.quality[s - 1], inversion[s - 1]
                    )
                    self.pairs[mode, int(before), int(relative[s])] += 1
                    self.single[mode, int(fast[p]), int(relative[s])] += 1

    def _keys(self, analysis: Analysis, phrase_of_bar: IntArray) -> None:
        """Where the key goes: home to each phrase's key, as the way from the piece's last key."""
        keys = analysis.bar_keys
        home = int(keys[-1])
        for p in range(min(int(phrase_of_bar[-1]) + 1, MOST_OF_ONE_PIECE)):
            key = int(np.bincount(keys[phrase_of_bar == p], minlength=24).argmax())
            self.keys[int(home >= MINOR_KEYS), (key - home) % 12, int(key >= MINOR_KEYS)] += 1

    def _references(self, analysis: Analysis, first: int) -> None:
        found, chords = analysis.references, analysis.chords
        bars = len(found.moved_bar)
        at = np.searchsorted(analysis.slots.bar, np.arange(bars))
        lag = np.where(found.moved_bar >= 0, np.arange(bars) - found.moved_bar, 0)
        likeness = np.round(100 * found.moved_similarity).astype(int)
        near = np.round(100 * found.before).astype(int)
        moved = (found.left_semitones != 0) | (found.right_semitones != 0)
        for b in range(1, min(bars, MOST_OF_ONE_PIECE * PHRASE_BARS)):
            here, before = int(lag[b]), int(lag[b - 1])
            now, last = bin_of(likeness[b]), bin_of(likeness[b - 1])
            goes_on = b > 1 and here == before and here > 0
            if before > 0 and b > 1:
                self.stays[lag_class(before), last, int(goes_on)] += 1
            if not goes_on:
                self.lags[(b - first) % PHRASE_BARS, here] += 1
            if here == 0:
                self.near_alone[0, bin_of(near[b])] += 1
                continue
            self.likeness[lag_class(here), int(goes_on), last if goes_on else 0, now] += 1
            if here > 1 or moved[b]:
                self.near[now, bin_of(near[b])] += 1
            root, then = chords.root[at[b]], chords.root[at[b - here]]
            if root >= 0 and then >= 0:
                self.moves[int((root - then) % 12), int(found.left_semitones[b]), int(found.right_semitones[b])] += 1
        self._long_returns(lag, likeness)

    def _long_returns(self, lag: IntArray, likeness: IntArray) -> None:
        """Runs of bars that come back from far."""
        edges = np.flatnonzero(np.diff(lag)) + 1
        for start, stop in zip(np.append(0, edges).tolist(), np.append(edges, len(lag)).tolist(), strict=True):
            if lag[start] >= LONG_RETURN_BARS and stop - start >= PHRASE_BARS:
                row = [bin_of(x) for x in likeness[start:stop].tolist()]
                self.returns.update(zip([LIKENESS_BINS, *row[:-1]], row, strict=True))

    def _textures(self, music: Music, analysis: Analysis, phrase_of_bar: IntArray, minor: IntArray) -> None:
        bars = analysis.bars
        bar_of = bars.of(music.onset_ticks)
        table = _bar_textures(music, analysis, bar_of)
        full = np.isfinite(table).all(axis=1)
        for p in range(min(len(minor), MOST_OF_ONE_PIECE)):
            mine = np.flatnonzero((phrase_of_bar == p) & full)
            notes = np.isin(bar_of, mine)
            if len(mine) < PHRASE_BARS or not notes.any():
                continue
            onsets = len(np.unique(music.onset_ticks[notes])) * 4 * TICKS_PER_BEAT / bars.length[mine].sum()
            mean = table[mine].mean(axis=0)
            self.textures.append(
                [self.pieces, 1 - 2 * minor[p], np.log2(onsets), float(music.pitch[notes].mean()), *mean]
            )
            self.bar_deviations.extend((table[mine] - mean).tolist())


def _bar_textures(music: Music, analysis: Analysis, bar_of: IntArray) -> FloatArray:
    """Of each bar: mean pitch of the left and of the right hand, log2 of 1 + onsets in four beats of each."""
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


def _moods(music: Music, analysis: Analysis, bar_s: FloatArray, phrase_of_bar: IntArray) -> tuple[IntArray, IntArray]:
    """Of each phrase: 1 in minor, 1 when fast."""
    count = int(phrase_of_bar[-1]) + 1
    keys = analysis.bar_keys
    onset = np.unique(music.onset_ticks)
    onsets = np.bincount(phrase_of_bar[analysis.bars.of(onset)], minlength=count)
    seconds = np.bincount(phrase_of_bar, np.diff(bar_s), minlength=count)
    minor = np.array([np.median(keys[phrase_of_bar == p] >= MINOR_KEYS) >= 0.5 for p in range(count)])
    fast: BoolArray = onsets / np.maximum(seconds, 1e-3) >= FAST_ONSETS_PER_S
    return minor.astype(np.int64), fast.astype(np.int64)


def _texture_model(rows: FloatArray, deviations: FloatArray) -> dict[str, Any]:
    """Least squares of the hands on speed, height and mode, and how people spread around it."""
    piece = rows[:, 0].astype(np.int64)
    inputs = np.stack([np.ones(len(rows)), rows[:, 2], rows[:, 3] - 60, rows[:, 1]], axis=1)
    weights, *_ = np.linalg.lstsq(inputs, rows[:, 4:], rcond=None)
    left = rows[:, 4:] - inputs @ weights
    names, index = np.unique(piece, return_inverse=True)
    means = np.stack([np.bincount(index, column) for column in left.T], axis=1) / np.bincount(index)[:, None]
    within = left - means[index]
    totals = np.stack([np.bincount(index, rows[:, c]) for c in (2, 3)], axis=1) / np.bincount(index)[:, None]
    inner = rows[:, 2:4] - totals[index]
    return {
        "weights": np.round(weights, 4).tolist(),
        "piece_covariance": np.round(np.cov(means.T), 4).tolist(),
        "phrase_covariance": np.round(np.cov(within.T), 4).tolist(),
        "bar_spread": np.round(deviations.std(axis=0), 4).tolist(),
        "speed_and_height_in_piece": np.round(np.cov(inner.T), 4).tolist(),
        "speed_and_height_of_pieces": np.round(np.cov(totals.T), 4).tolist(),
        "pieces": len(names),
    }


def _table(tally: Tally[Any], shape: tuple[int, ...]) -> list[Any]:
    out = np.zeros(shape, dtype=np.int64)
    for index, count in tally.items():
        out[index] = count
    return list(out.tolist())


def as_json(counter: Counter, note: dict[str, Any]) -> dict[str, Any]:
    """The counts with a note of what they were counted on, in the format that `improv.plan.people` documents."""
    classes = len(LAG_LIMITS) + 1
    pairs = [
        [[*_names(a), *_names(b), n] for (m, a, b), n in sorted(counter.pairs.items()) if m == mode] for mode in (0, 1)
    ]
    moves: dict[str, list[list[int]]] = {}
    for interval in range(12):
        common = Tally({move[1:]: n for move, n in counter.moves.items() if move[0] == interval}).most_common(24)
        moves[str(interval)] = [[left, right, n] for (left, right), n in common]
    return {
        "format": FORMAT,
        **note,
        "pieces": counter.pieces,
        "bars": counter.bars,
        "pairs": pairs,
        "single": [
            [[*_names(s), n] for (m, f, s), n in sorted(counter.single.items()) if (m, f) == (mode, fast)]
            for mode in (0, 1)
            for fast in (0, 1)
        ],
        "opening": [[[*_names(s), n] for (m, s), n in sorted(counter.opening.items()) if m == mode] for mode in (0, 1)],
        "beginning": [
            [[*_names(s), n] for (m, s), n in sorted(counter.beginning.items()) if m == mode] for mode in (0, 1)
        ],
        "changes": _table(counter.changes, (2, len(RATES) + 1, 4, 2)),
        "rates": _table(counter.rates, (2, 2, len(RATES) + 1)),
        "next_rate": _table(counter.next_rate, (len(RATES) + 1, len(RATES) + 1)),
        "keys": _table(counter.keys, (2, 12, 2)),
        "lags": _table(counter.lags, (PHRASE_BARS, 49)),
        "stays": _table(counter.stays, (classes, LIKENESS_BINS, 2)),
        "likeness": _table(counter.likeness, (classes, 2, LIKENESS_BINS, LIKENESS_BINS)),
        "returns": _table(counter.returns, (LIKENESS_BINS + 1, LIKENESS_BINS)),
        "near": _table(counter.near, (LIKENESS_BINS, LIKENESS_BINS)),
        "near_alone": _table(counter.near_alone, (1, LIKENESS_BINS))[0],
        "moves": moves,
        "metres": [[name, mode, fast, n] for (name, mode, fast), n in sorted(counter.metres.items())],
        "lengths": np.percentile(counter.lengths, range(0, 101, 5)).round().astype(int).tolist(),
        "texture": _texture_model(np.array(counter.textures), np.array(counter.bar_deviations)),
    }


def _names(state: int) -> tuple[int, int, int]:
    root, quality, inversion = people.chord_of(state)
    return int(root), int(quality), int(inversion)
