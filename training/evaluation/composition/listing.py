"""Bars as text, to be read: key, chords and melody of each."""

from __future__ import annotations

from training.analysis.keys import MINOR
from training.corpus.keys import TONICS
from training.evaluation.composition.music import TICKS_PER_BEAT, BarredMusic
from training.evaluation.composition.reading import Reading
from training.evaluation.composition.texture import figure_lengths


def listing(music: BarredMusic, first: int = 0, count: int = 16) -> str:
    """A line for each of `count` bars from `first` (from 0): number, key, a chord or . (as before) for each beat, the
    notes of the melody with the beat on which each begins, and in brackets the bars that its figure is kept for."""
    reading = Reading(music)
    h, figures = reading.harmony, figure_lengths(reading)
    lines, last = [f"{music.name} ({music.mood or 'no mood'})"], ""
    for bar in range(first, min(first + count, music.bars)):
        names = []
        for beat in (h.bar == bar).nonzero()[0]:
            name = h.name(int(beat))
            names.append("." if name == last else name)
            last = name
        line = " ".join(
            f"{note_name(pitch)}@{1 + place / TICKS_PER_BEAT:.3g}" for place, pitch in reading.melody_bars[bar]
        )
        lines.append(f"{bar + 1:4} {key_name(int(h.key[bar])):9} {' '.join(names):32} {line} [{figures[bar]}]")
    return "\n".join(lines)


def key_name(key: int) -> str:
    """0..11 major, 12..23 minor."""
    return f"{TONICS[key % MINOR]} {'minor' if key >= MINOR else 'major'}"


def note_name(pitch: int) -> str:
    """C4 for 60."""
    return f"{TONICS[pitch % 12]}{pitch // 12 - 1}"
