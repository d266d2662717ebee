"""Chords, harmonic rhythm and keys of people, counted for the planner of `improv.plan`."""

from __future__ import annotations

from collections import Counter as Tally
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from improv.model.habits import RATES
from improv.music.chord import MINOR_KEYS, TONES, UNKNOWN
from improv.plan.corpus_counts import chord_of, rate_of, state_of
from training.analysis.analysis import Analysis
from training.analysis.music import TICKS_PER_BEAT, IntArray
from training.analysis.stretches import Stretches

_DOWNBEAT = 3


def states(analysis: Analysis, keys: IntArray | None = None) -> IntArray:
    """The number of each slot's chord, UNKNOWN in silence; the root above the tonic of `keys` where they are given."""
    chords = analysis.chords
    inversion = [
        TONES[q].index((b - r) % 12) if q >= 0 and (b - r) % 12 in TONES[q] else 0
        for r, q, b in zip(chords.root.tolist(), chords.quality.tolist(), chords.bass.tolist(), strict=True)
    ]
    root = chords.root if keys is None else (chords.root - keys) % 12
    return np.where(chords.root >= 0, state_of(root, chords.quality, np.array(inversion)), UNKNOWN)


@dataclass
class HarmonyCounts:
    """See `improv.plan.corpus_counts` for what each table means."""

    pairs: Tally[tuple[int, int, int]] = field(default_factory=Tally)
    single: Tally[tuple[int, int, int]] = field(default_factory=Tally)
    opening: Tally[tuple[int, int]] = field(default_factory=Tally)
    beginning: Tally[tuple[int, int]] = field(default_factory=Tally)
    changes: Tally[tuple[int, int, int, int]] = field(default_factory=Tally)
    rates: Tally[tuple[int, int, int]] = field(default_factory=Tally)
    keys: Tally[tuple[int, int, int]] = field(default_factory=Tally)

    def add(self, analysis: Analysis, phrases: Stretches) -> None:
        """One piece."""
        absolute, relative = states(analysis), states(analysis, analysis.keys)
        changed = np.append(True, np.diff(absolute) != 0)
        of_slot = phrases.of_bar[analysis.slots.bar]
        for p in phrases.counted:
            mine = np.flatnonzero(of_slot == p)
            mine = mine[absolute[mine] >= 0]
            if len(mine):
                self._add_phrase(analysis, phrases, p, mine, relative, changed)
        self._add_keys(phrases)

    def _add_phrase(
        self, analysis: Analysis, phrases: Stretches, p: int, mine: IntArray, relative: IntArray, changed: IntArray
    ) -> None:
        slots, chords, keys = analysis.slots, analysis.chords, analysis.keys
        beats = slots.length[mine].sum() / TICKS_PER_BEAT
        rate = rate_of(changed[mine[1:]].sum() * 4 / beats)
        fast = int(phrases.fast[p])
        if phrases.has_speed:
            self.rates[int(phrases.minor[p]), fast, rate] += 1
        first = mine[slots.strength[mine] == _DOWNBEAT][:1].tolist()  # not a pickup
        for s in first:
            (self.beginning if p else self.opening)[int(keys[s] >= MINOR_KEYS), int(relative[s])] += 1
        for s in mine.tolist():
            if s == 0 or relative[s - 1] == UNKNOWN:
                continue
            mode = int(keys[s] >= MINOR_KEYS)
            self.changes[mode, rate, int(slots.strength[s]), int(changed[s])] += 1
            if changed[s]:
                _, quality, inversion = chord_of(int(relative[s - 1]))
                before = state_of((int(chords.root[s - 1]) - int(keys[s])) % 12, quality, inversion)
                self.pairs[mode, before, int(relative[s])] += 1
                if phrases.has_speed:
                    self.single[mode, fast, int(relative[s])] += 1

    def _add_keys(self, phrases: Stretches) -> None:
        """The keys of phrases, seen from that of the last one."""
        home = int(phrases.key[-1])
        for p in phrases.counted:
            key = int(phrases.key[p])
            self.keys[int(home >= MINOR_KEYS), (key - home) % 12, int(key >= MINOR_KEYS)] += 1

    def as_json(self) -> dict[str, Any]:
        """The tables in the form of `improv.plan.corpus_counts`."""
        rates = len(RATES) + 1
        return {
            "pairs": [
                [[*chord_of(a), *chord_of(b), n] for (m, a, b), n in sorted(self.pairs.items()) if m == mode]
                for mode in (0, 1)
            ],
            "single": [
                [[*chord_of(s), n] for (m, f, s), n in sorted(self.single.items()) if (m, f) == (mode, fast)]
                for mode in (0, 1)
                for fast in (0, 1)
            ],
            "opening": [_chords(self.opening, mode) for mode in (0, 1)],
            "beginning": [_chords(self.beginning, mode) for mode in (0, 1)],
            "changes": as_table(self.changes, (2, rates, 4, 2)),
            "rates": as_table(self.rates, (2, 2, rates)),
            "keys": as_table(self.keys, (2, 12, 2)),
        }


def _chords(tally: Tally[tuple[int, int]], mode: int) -> list[list[int]]:
    return [[*chord_of(state), count] for (m, state), count in sorted(tally.items()) if m == mode]


def as_table(tally: Tally[Any], shape: tuple[int, ...]) -> list[Any]:
    """Counts as nested lists."""
    out = np.zeros(shape, dtype=np.int64)
    for index, count in tally.items():
        out[index] = count
    return list(out.tolist())
