"""A piece as it is heard: notes in seconds with their velocities, for families that count no beats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.corpus.clean import fold_pedal, has_no_beat, merged
from training.corpus.score import Score

# onset_s and duration_s in seconds; pitch 0..127; velocity 1..127.
PLAYED_NOTE = np.dtype([("onset_s", "f8"), ("duration_s", "f8"), ("pitch", "i2"), ("velocity", "i2")])


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
    """The score through its tempo map. fold: notes last as long as the pedal lets them sound (`clean.fold_pedal`)."""
    sounding = fold_pedal(score) if fold else score
    source = sounding.notes
    notes = np.empty(len(source), dtype=PLAYED_NOTE)
    onset_s = sounding.seconds(source["onset"])
    begin_s = float(onset_s.min())
    notes["onset_s"] = onset_s - begin_s
    notes["duration_s"] = sounding.seconds(sounding.ends) - onset_s
    notes["pitch"] = source["pitch"]
    notes["velocity"] = np.clip(source["velocity"], 1, 127)
    down_up = np.array(merged(sounding.pedals), dtype=np.float64).reshape(-1, 2)
    spans = sounding.seconds(down_up) - begin_s
    last_s = float((notes["onset_s"] + notes["duration_s"]).max())
    kept = np.clip(spans[(spans[:, 1] > 0) & (spans[:, 0] < last_s)], 0, last_s)
    return Played(notes, tuple(map(tuple, kept.tolist())), not has_no_beat(score), score.has_dynamics)
