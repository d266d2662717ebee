"""All that is found in one piece, in one call."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.analysis.cadences import Cadences, cadences
from training.analysis.chords import DEFAULT_CHORDS, Chords, ChordSettings, chords, through_rests
from training.analysis.hands import Source, hands
from training.analysis.keys import DEFAULT_KEYS, KeySettings, keys
from training.analysis.likeness import likeness
from training.analysis.metre import Bars, bars
from training.analysis.music import IntArray, Music
from training.analysis.phrases import Phrases, phrases
from training.analysis.references import References, references
from training.analysis.sections import Sections, sections
from training.analysis.slots import Slots, slots


@dataclass(frozen=True)
class Analysis:
    """What was found in a piece. Times are ticks, TICKS_PER_BEAT 12 a quarter note, from the file's start.

    hand: int64 (notes,), 0 right, 1 left, in the order of the music's notes; hands_from: names, staves or guess.
    bars: see `metre.Bars`. slots: the felt beats, see `slots.Slots`. keys: int64 (slots,), 0..11 major, 12..23 minor.
    chords: see `chords.Chords`, arrays (slots,); they last through rests of less than a bar. references: see
    `references.References`, arrays (bars,). cadences, phrases, sections: see the modules of these names.
    """

    hand: IntArray
    hands_from: Source
    bars: Bars
    slots: Slots
    keys: IntArray
    chords: Chords
    references: References
    cadences: Cadences
    phrases: Phrases
    sections: Sections

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
    harmony = through_rests(chords(beats, found, chord_settings), beats, lines.whole[beats.bar])
    closes = cadences(beats, found, harmony, len(lines))
    alike = likeness(music, lines, played.hand)
    parts = phrases(music, lines, played.hand, closes, alike)
    return Analysis(
        hand=played.hand,
        hands_from=played.source,
        bars=lines,
        slots=beats,
        keys=found,
        chords=harmony,
        references=references(music, lines, played.hand),
        cadences=closes,
        phrases=parts,
        sections=sections(parts, alike),
    )
