"""Music as it was read, before any grid: notes in quarter notes with the maps of tempo, metre and pedal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

# onset and duration in quarter notes; pitch 0..127; velocity 0..127; program 0..127 (General MIDI); track from 0.
NOTE = np.dtype(
    [("onset", "f8"), ("duration", "f8"), ("pitch", "i2"), ("velocity", "i2"), ("program", "i2"), ("track", "i4")]
)
DEFAULT_TEMPO_BPM = 120.0  # what the MIDI standard says where a file says nothing


@dataclass(frozen=True)
class Score:
    """One file's music. notes: dtype NOTE, sorted by onset, drums left out.

    tempos: (beat, bpm). meters: (beat, quarter notes per bar). pedals: (first beat, last beat) with the sustain pedal
    down. has_tempo: whether the tempo is the source's own. done: what was changed on the way, as sentences.
    track_names: of each track that the notes' column `track` counts, "" where the file names none.
    time_signatures: (beat, numerator, denominator), which tell 6/8 from 3/4; empty where the file has none. has_bars:
    whether bar lines fall where the source draws them, pickups and short bars included: MIDI files do not tell.
    """

    notes: NDArray[np.void]
    tempos: tuple[tuple[float, float], ...]
    meters: tuple[tuple[float, float], ...]
    pedals: tuple[tuple[float, float], ...] = ()
    has_tempo: bool = True
    has_dynamics: bool = True
    done: tuple[str, ...] = ()
    track_names: tuple[str, ...] = ()
    time_signatures: tuple[tuple[float, int, int], ...] = ()
    has_bars: bool = False

    @property
    def ends(self) -> FloatArray:
        """Where each note ends, quarter notes."""
        return np.asarray(self.notes["onset"] + self.notes["duration"], dtype=np.float64)

    def seconds(self, beats: FloatArray) -> FloatArray:
        """Seconds of each beat through the tempo map, from beat 0."""
        return seconds(beats, self.tempos)


def notes_of(rows: list[tuple[float, float, int, int, int, int]]) -> NDArray[np.void]:
    """Rows of (onset, duration, pitch, velocity, program, track) as an array of dtype NOTE, sorted."""
    return sort(np.array(rows, dtype=NOTE))


def sort(notes: NDArray[np.void]) -> NDArray[np.void]:
    """By onset, then pitch; the order among equals stays."""
    return notes[np.lexsort((notes["pitch"], notes["onset"]))]


def seconds(beats: FloatArray, tempos: tuple[tuple[float, float], ...] | list[tuple[float, float]]) -> FloatArray:
    """Seconds of each beat through a tempo map of (beat, bpm), from beat 0. Of two at one beat the later holds."""
    steps = sorted(tempos, key=itemgetter(0)) or [(0.0, DEFAULT_TEMPO_BPM)]
    if steps[0][0] > 0:
        steps.insert(0, (0.0, steps[0][1]))
    at = np.array([beat for beat, _ in steps])
    beat_s = 60 / np.array([bpm for _, bpm in steps])
    elapsed = np.concatenate([[0.0], np.cumsum(np.diff(at) * beat_s[:-1])])
    segment = np.clip(np.searchsorted(at, beats, side="right") - 1, 0, None)
    return np.asarray(elapsed[segment] + (beats - at[segment]) * beat_s[segment], dtype=np.float64)


def bars(
    beats: FloatArray, meters: tuple[tuple[float, float], ...] | list[tuple[float, float]]
) -> tuple[FloatArray, FloatArray]:
    """For each beat the start of its bar and that bar's length, in quarter notes."""
    changes = sorted(meters, key=itemgetter(0))
    at = np.array([beat for beat, _ in changes])
    length = np.array([per_bar for _, per_bar in changes])
    segment = np.clip(np.searchsorted(at, beats + 1e-9, side="right") - 1, 0, None)
    into = beats - at[segment]
    return at[segment] + np.floor(into / length[segment] + 1e-9) * length[segment], length[segment]


def merged(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Overlapping spans as one, ascending; touching ones stay two: a pedal that rose and fell at once damped the
    strings."""
    found: list[tuple[float, float]] = []
    for first, last in sorted(spans):
        if found and first < found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found
