"""A piece in phrases, each with the mode and the speed that it is counted under."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from improv.music.chord import MINOR_KEYS
from improv.music.mood import mode_tempo_mood
from training.analysis.analysis import Analysis
from training.analysis.music import BoolArray, FloatArray, IntArray, Music

MOST_PHRASES = 64
"""Of one piece: a long movement must not outweigh ten short pieces."""


@dataclass(frozen=True)
class Stretches:
    """Of each phrase, arrays (phrases,): first and number of bars, minor and fast (0 or 1), key of most of its bars.

    of_bar: the phrase of each bar, (bars,). has_speed: whether the piece's tempo is its own, so that `fast` is known.
    """

    first: IntArray
    bars: IntArray
    minor: IntArray
    fast: IntArray
    key: IntArray
    of_bar: IntArray
    has_speed: bool

    def __len__(self) -> int:
        return len(self.first)

    @property
    def counted(self) -> range:
        """The phrases that are counted."""
        return range(min(len(self), MOST_PHRASES))


def stretches(music: Music, analysis: Analysis, bar_s: FloatArray | None) -> Stretches:
    """The phrases of a piece. bar_s: seconds of the beginning of each bar and of the end of the last, (bars + 1,); None
    where the tempo is not the piece's own.
    """
    of_bar, first = analysis.phrases.phrase, analysis.phrases.bar
    count = len(first)
    keys = analysis.bar_keys
    key = np.array([np.bincount(keys[of_bar == p], minlength=24).argmax() for p in range(count)])
    fast: BoolArray = np.ones(count, dtype=bool)
    if bar_s is not None:
        onsets = np.bincount(of_bar[analysis.bars.of(np.unique(music.onset_ticks))], minlength=count)
        seconds = np.bincount(of_bar, np.diff(bar_s), minlength=count)
        speeds = (onsets / np.maximum(seconds, 1e-3)).tolist()
        fast = np.array([mode_tempo_mood(1.0, speed) == "happy" for speed in speeds])
    bars = np.bincount(of_bar, minlength=count)
    minor = (key >= MINOR_KEYS).astype(np.int64)
    return Stretches(first, bars, minor, fast.astype(np.int64), key, of_bar, bar_s is not None)
