"""All that the measures need to know of one piece, worked out once: melody, hands, chords, patterns of each bar."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from improv.music.attributes import melody
from training.analysis import hands
from training.evaluation.composition import chords
from training.evaluation.composition.music import RIGHT, BarredMusic, IntArray

Pattern = frozenset[tuple[int, int]]
"""Place in the bar in ticks and pitch (or another number) of each note."""
SLIVER_TICKS = 2
"""A note that sounds on for less into another's onset is a finger that leaves its key late."""


@dataclass(frozen=True)
class Reading:
    """One piece, read. Every list and array of bars has `music.bars` entries."""

    music: BarredMusic

    @cached_property
    def harmony(self) -> chords.Harmony:
        return chords.harmony(self.music)

    @cached_property
    def hands(self) -> IntArray:
        """LEFT or RIGHT for each note, guessed also where the file tells, so that all are treated alike."""
        return hands.guess(chords.to_analysis(self.music))

    @cached_property
    def melody(self) -> IntArray:
        """Indices of the top line's notes, by onset: the highest of the right hand that no higher one covers."""
        right = np.flatnonzero(self.hands == RIGHT)
        notes, end = self.music.notes[right], self.music.end[right]
        # The end of a note that barely touches the next onset must not cover it.
        ends = np.maximum(end - SLIVER_TICKS, notes["onset"] + 1).astype(np.float64)
        return right[melody(notes["onset"].astype(np.float64), ends, notes["pitch"].astype(np.float64))]

    @cached_property
    def moments(self) -> list[IntArray]:
        """The pitches that sound at each onset, ascending, those that just end left out."""
        notes, end = self.music.notes, self.music.end
        onsets = np.unique(notes["onset"])
        sounding = (notes["onset"][None, :] <= onsets[:, None]) & (end[None, :] > onsets[:, None] + SLIVER_TICKS)
        sounding |= notes["onset"][None, :] == onsets[:, None]
        return [np.unique(notes["pitch"][row]) for row in sounding]

    @cached_property
    def melody_bars(self) -> list[list[tuple[int, int]]]:
        """Of each bar the melody's (place, pitch), by place."""
        return self._by_bar(self.melody)

    @cached_property
    def accompaniment_bars(self) -> list[list[tuple[int, int]]]:
        """Of each bar the (place, pitch) of all but the melody."""
        return self._by_bar(np.setdiff1d(np.arange(len(self.music.notes)), self.melody))

    @cached_property
    def bar_patterns(self) -> list[Pattern]:
        """Of each bar all (place, pitch)."""
        return [frozenset(rows) for rows in self._by_bar(np.arange(len(self.music.notes)))]

    @cached_property
    def notes_in_bar(self) -> IntArray:
        return np.bincount(self.music.bar_of, minlength=self.music.bars)

    def _by_bar(self, chosen: IntArray) -> list[list[tuple[int, int]]]:
        found: list[list[tuple[int, int]]] = [[] for _ in range(self.music.bars)]
        bar, place, pitch = self.music.bar_of[chosen], self.music.place[chosen], self.music.notes["pitch"][chosen]
        for index in np.lexsort((pitch, place, bar)):
            found[bar[index]].append((int(place[index]), int(pitch[index])))
        return found


def likeness(one: Pattern, other: Pattern) -> float:
    """Shared notes of all notes, 0..1 (Jaccard); 0 for two empty bars."""
    return len(one & other) / len(one | other) if one or other else 0.0
