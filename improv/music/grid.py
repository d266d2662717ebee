"""A score on a grid: of the beat, from the bar line before its first note, or of seconds, from its first note on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from improv.music.note import HALVES_UP, quantise
from improv.music.score import FloatArray, Score, bars, merged

# onset_s and duration_s in seconds; pitch 0..127; velocity 1..127.
PLAYED_NOTE = np.dtype([("onset_s", "f8"), ("duration_s", "f8"), ("pitch", "i2"), ("velocity", "i2")])


class Gridded(NamedTuple):
    """rows: int64 (notes, 4) of onset, pitch, duration (steps) and velocity, in that order of sorting, equal ones once.

    steps: to the end of the last note. pedals: (down, up) in steps, ascending. first: where step 0 lies, in quarter
    notes or in seconds of the score.
    """

    rows: NDArray[np.int64]
    steps: int
    pedals: tuple[tuple[int, int], ...]
    first: float


def on_beats(score: Score, rate: int) -> Gridded:
    """The score on `rate` steps per quarter note."""
    first = first_beat(score)
    rows = _quantised(score.notes, score.notes["onset"] - first, score.notes["duration"], rate)
    steps = int((rows[:, 0] + rows[:, 2]).max())
    return Gridded(
        rows, steps, _steps_of([(down - first, up - first) for down, up in score.pedals], rate, steps), first
    )


def on_clock(score: Score, steps_per_s: int) -> Gridded:
    """The score on so many steps per second. The sustain pedal is not folded into the lengths."""
    notes, pedals, first_s = in_seconds(score)
    rows = _quantised(notes, notes["onset_s"], notes["duration_s"], steps_per_s)
    steps = int((rows[:, 0] + rows[:, 2]).max())
    return Gridded(rows, steps, _steps_of(pedals, steps_per_s, steps), first_s)


def first_beat(score: Score) -> float:
    """The bar line at or before the first note, in quarter notes: where a grid begins."""
    return float(bars(score.notes["onset"][:1], score.meters)[0][0])


def in_seconds(score: Score) -> tuple[NDArray[np.void], tuple[tuple[float, float], ...], float]:
    """Through the tempo map: notes of dtype PLAYED_NOTE from the first onset on, spans of the pedal, and that onset."""
    source = score.notes
    notes = np.empty(len(source), dtype=PLAYED_NOTE)
    onset_s = score.seconds(source["onset"])
    begin_s = float(onset_s.min())
    notes["onset_s"] = onset_s - begin_s
    notes["duration_s"] = score.seconds(score.ends) - onset_s
    notes["pitch"] = source["pitch"]
    notes["velocity"] = np.clip(source["velocity"], 1, 127)
    down_up = np.array(merged(score.pedals), dtype=np.float64).reshape(-1, 2)
    spans = score.seconds(down_up) - begin_s
    last_s = float((notes["onset_s"] + notes["duration_s"]).max())
    kept = np.clip(spans[(spans[:, 1] > 0) & (spans[:, 0] < last_s)], 0, last_s)
    return notes, tuple((float(down), float(up)) for down, up in kept.tolist()), begin_s


def _quantised(source: NDArray[np.void], onset: FloatArray, duration: FloatArray, rate: int) -> NDArray[np.int64]:
    """Rows of `Gridded` on whole steps, nearest and halves upward, each at least one long; equal ones once. Sorted.

    onset, duration: in the unit of which a step is the `rate`-th part.
    """
    start = np.floor(onset * rate + HALVES_UP).astype(np.int64)
    end = np.maximum(np.floor((onset + duration) * rate + HALVES_UP).astype(np.int64), start + 1)
    columns = (start, source["pitch"].astype(np.int64), end - start, np.maximum(source["velocity"], 1).astype(np.int64))
    rows = np.stack(columns, axis=1)
    rows = rows[np.lexsort(rows.T[::-1])]
    rows = rows[np.lexsort(rows.T[::-1])]
    return np.asarray(rows[np.append(True, np.any(np.diff(rows, axis=0), axis=1))])


def _steps_of(spans: Iterable[tuple[float, float]], rate: int, steps: int) -> tuple[tuple[int, int], ...]:
    """Stretches of time on whole steps, within the piece, at least a step long."""
    rounded = ((max(quantise(first, rate), 0), min(quantise(last, rate), steps)) for first, last in spans)
    return tuple((int(first), int(last)) for first, last in merged(s for s in rounded if s[0] < s[1]))
