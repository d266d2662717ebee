"""A piece as it is heard: notes in seconds with their velocities, for families that count no beats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from improv.music.grid import in_seconds
from improv.music.piano import fold_pedal
from training.corpus.clean import has_no_beat
from training.corpus.score import Score


@dataclass(frozen=True)
class Played:
    """What one hears of a piece, from its first note on.

    notes: dtype PLAYED_NOTE, sorted by onset, then pitch; the first onset is 0. pedals: (down, up) in seconds with the
    sustain pedal down, ascending, apart from each other; empty where it was folded into the lengths. has_beat: whether
    the file's beats are the music's, False for a recorded piano. has_dynamics: whether velocities are the source's own.
    """

    notes: NDArray[np.void]
    pedals: tuple[tuple[float, float], ...]
    has_beat: bool
    has_dynamics: bool

    @property
    def seconds(self) -> float:
        """From the first onset to the end of the last note."""
        return float((self.notes["onset_s"] + self.notes["duration_s"]).max())


def play(score: Score, *, fold: bool = True) -> Played:
    """The score through its tempo map. fold: notes last as long as the pedal lets them sound (`fold_pedal`)."""
    sounding = fold_pedal(score) if fold else score
    notes, pedals, _ = in_seconds(sounding)
    return Played(notes, pedals, not has_no_beat(score), score.has_dynamics)
