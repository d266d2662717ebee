"""Phrases, cadences and sections of people, counted for the planner of `improv.plan`."""

from __future__ import annotations

from collections import Counter as Tally
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from improv.model.habits import LONGEST_PHRASE, MOST_SECTION_PHRASES, START
from improv.model.plan_inputs import CADENCES
from improv.music.chord import MINOR_KEYS, UNKNOWN
from improv.plan.corpus_counts import chord_of
from training.analysis.analysis import Analysis
from training.analysis.harmony_counts import as_table, states
from training.analysis.music import IntArray
from training.analysis.stretches import Stretches

FEWEST_SECTIONS, MOST_SECTIONS, COMMON_FORMS = 2, 9, 80


@dataclass
class FormCounts:
    """See `improv.plan.corpus_counts` for what each table means."""

    phrase_bars: Tally[tuple[int, int]] = field(default_factory=Tally)
    cadences: Tally[tuple[int, int, int]] = field(default_factory=Tally)
    last_cadence: Tally[int] = field(default_factory=Tally)
    closes: Tally[tuple[int, int, int, int, int]] = field(default_factory=Tally)
    forms: Tally[str] = field(default_factory=Tally)
    section_phrases: Tally[int] = field(default_factory=Tally)

    def add(self, analysis: Analysis, phrases: Stretches) -> None:
        """One piece."""
        relative = states(analysis, analysis.keys)
        usual = int(np.bincount(np.minimum(phrases.bars, LONGEST_PHRASE)).argmax())
        kinds, before = analysis.phrases.cadence[phrases.first], START
        for p in phrases.counted:
            if p < len(phrases) - 1:  # the last one may be cut
                self.phrase_bars[usual - 1, min(int(phrases.bars[p]), LONGEST_PHRASE) - 1] += 1
            mode, kind = int(phrases.minor[p]), int(kinds[p])
            self.cadences[mode, before, kind] += 1
            before = kind
            self._add_close(analysis, phrases, p, kind, relative)
        self.last_cadence[int(kinds[-1])] += 1
        self._add_form(analysis, len(phrases))

    def _add_close(self, analysis: Analysis, phrases: Stretches, p: int, kind: int, relative: IntArray) -> None:
        """The last two chords of a phrase that closes in its last bar."""
        bar, found = int(phrases.first[p] + phrases.bars[p] - 1), analysis.cadences
        arrival = int(found.arrival[bar])
        if not kind or int(found.kind[bar]) != kind or arrival < 1 or relative[arrival - 1] == UNKNOWN:
            return
        key = int(analysis.keys[arrival])
        if int(analysis.keys[arrival - 1]) == key:
            mode = int(key >= MINOR_KEYS)
            row = (int(relative[arrival - 1]), int(relative[arrival]), int(analysis.slots.strength[arrival]))
            self.closes[(mode, kind, *row)] += 1

    def _add_form(self, analysis: Analysis, phrases: int) -> None:
        """The letters of the sections, and how many phrases each has."""
        found = analysis.sections
        if FEWEST_SECTIONS <= len(found.letter) <= MOST_SECTIONS:
            self.forms["".join(chr(ord("A") + letter) for letter in found.letter.tolist())] += 1
        sizes = np.diff(np.append(found.phrase, phrases))
        self.section_phrases.update(np.minimum(sizes, MOST_SECTION_PHRASES).tolist())

    def as_json(self) -> dict[str, Any]:
        """The tables in the form of `improv.plan.corpus_counts`."""
        kinds = len(CADENCES)
        return {
            "phrase_bars": as_table(self.phrase_bars, (LONGEST_PHRASE, LONGEST_PHRASE)),
            "cadences": as_table(self.cadences, (2, kinds + 1, kinds)),
            "last_cadence": as_table(self.last_cadence, (kinds,)),
            "closes": [[self._closes(mode, kind) for kind in range(kinds)] for mode in (0, 1)],
            "forms": [[form, count] for form, count in self.forms.most_common(COMMON_FORMS)],
            "section_phrases": as_table(self.section_phrases, (MOST_SECTION_PHRASES + 1,)),
        }

    def _closes(self, mode: int, kind: int) -> list[list[int]]:
        rows = [(row, count) for row, count in self.closes.most_common() if row[:2] == (mode, kind)]
        return [[*chord_of(before), *chord_of(arrival), s, n] for (_, _, before, arrival, s), n in rows]
