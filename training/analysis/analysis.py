"""All that is found in one piece, in one call."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.analysis.chords import DEFAULT_CHORDS, Chords, ChordSettings, chords
from training.analysis.hands import Source, hands
from training.analysis.keys import DEFAULT_KEYS, KeySettings, keys
from training.analysis.metre import Bars, bars
from training.analysis.music import IntArray, Music
from training.analysis.references import References, references
from training.analysis.slots import Slots, slots


@dataclass(frozen=True)
class Analysis:
    """What was found in a piece. Times are ticks, TICKS_PER_BEAT 12 a quarter note, from the file's start.

    hand: int64 (notes,), 0 right, 1 left, in the order of the music's notes; hands_from: names, staves or guess.
    bars: see `metre.Bars`. slots: the felt beats, see `slots.Slots`. keys: int64 (slots,), 0..11 major, 12..23 minor.
    chords: see `chords.Chords`, arrays (slots,). references: see `references.References`, arrays (bars,).
    """

    hand: IntArray
    hands_from: Source
    bars: Bars
    slots: Slots
    keys: IntArray
    chords: Chords
    references: References

    @property
    def bar_keys(self) -> IntArray:
        """The key at the first beat of each bar, (bars,)."""
        first = np.searchsorted(self.slots.bar, np.arange(len(self.bars)))
        return np.asarray(self.keys[first])


def analyse(
    music: Music, key_settings: KeySettings = DEFAULT_KEYS, chord_settings: ChordSettings = DEFAULT_CHORDS
) -> Analysis:
    """Everything about a piece of at least one note. Raises ValueError when there is none."""
    if not len(music):
        raise ValueError("a piece without notes cannot be analysed")
    played = hands(music)
    lines = bars(music)
    beats = slots(music, lines)
    found = keys(beats, key_settings)
    return Analysis(
        hand=played.hand,
        hands_from=played.source,
        bars=lines,
        slots=beats,
        keys=found,
        chords=chords(beats, found, chord_settings),
        references=references(music, lines, played.hand),
    )
