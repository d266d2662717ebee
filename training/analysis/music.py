"""What the analysis looks at: the notes of a piece in quarter notes with its tracks and maps, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from training.corpus.midi import read_midi
from training.corpus.score import Score

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

TICKS_PER_BEAT = 12
"""Ticks in a quarter note: sixteenths are 3, triplets of eighths 4."""


@dataclass(frozen=True)
class TimeSignature:
    """From `beat` (quarter notes) on a bar has `numerator` notes of the `denominator`-th part of a whole note."""

    beat: float
    numerator: int
    denominator: int

    @property
    def bar_ticks(self) -> int:
        """Length of a bar, ticks."""
        return round(4 * TICKS_PER_BEAT * self.numerator / self.denominator)

    @property
    def pulse_ticks(self) -> int:
        """Length of a felt beat, ticks: three units in 6/8, 9/8, 12/8 and the like, else the unit, but at least 1/8."""
        unit = 4 * TICKS_PER_BEAT // self.denominator
        compound = self.denominator >= 8 and self.numerator % 3 == 0 and self.numerator > 3
        return max(3 * unit if compound else unit, TICKS_PER_BEAT // 2, 1)


@dataclass(frozen=True)
class Music:
    """The notes of one piece, sorted by onset and then pitch, arrays of shape (notes,).

    onset_beats, duration_beats: quarter notes from the file's start. pitch: 0..127. velocity: 1..127. track: which of
    `track_names` (empty where the file gives none). time_signatures: in order of beats; the first holds from the start.
    has_bars: whether they draw the bar lines of the source, so that none need be looked for.
    """

    onset_beats: FloatArray
    duration_beats: FloatArray
    pitch: IntArray
    velocity: IntArray
    track: IntArray
    track_names: tuple[str, ...] = ()
    time_signatures: tuple[TimeSignature, ...] = (TimeSignature(0.0, 4, 4),)
    has_bars: bool = False

    def __len__(self) -> int:
        return len(self.pitch)

    @property
    def onset_ticks(self) -> IntArray:
        """Onsets on the grid, nearest tick and halves upward."""
        return np.floor(self.onset_beats * TICKS_PER_BEAT + 0.5).astype(np.int64)

    @property
    def end_ticks(self) -> IntArray:
        """Ends on the grid, each at least a tick after the onset."""
        ends = np.floor((self.onset_beats + self.duration_beats) * TICKS_PER_BEAT + 0.5).astype(np.int64)
        return np.asarray(np.maximum(ends, self.onset_ticks + 1))


def music(
    onset_beats: FloatArray,
    duration_beats: FloatArray,
    pitch: IntArray,
    velocity: IntArray | None = None,
    track: IntArray | None = None,
    track_names: tuple[str, ...] = (),
    time_signatures: tuple[TimeSignature, ...] = (TimeSignature(0.0, 4, 4),),
    has_bars: bool = False,
) -> Music:
    """Music from arrays in any order; velocity 64 and track 0 where not given."""
    order = np.lexsort((pitch, onset_beats))
    whole = np.zeros(len(order), dtype=np.int64)
    return Music(
        np.asarray(onset_beats, dtype=np.float64)[order],
        np.asarray(duration_beats, dtype=np.float64)[order],
        np.asarray(pitch, dtype=np.int64)[order],
        whole + 64 if velocity is None else np.asarray(velocity, dtype=np.int64)[order],
        whole if track is None else np.asarray(track, dtype=np.int64)[order],
        track_names,
        tuple(sorted(time_signatures, key=lambda signature: signature.beat)),
        has_bars,
    )


def of_score(score: Score) -> Music:
    """The music of a score as it was read."""
    notes = score.notes
    return music(
        notes["onset"],
        notes["duration"],
        notes["pitch"].astype(np.int64),
        notes["velocity"].astype(np.int64),
        notes["track"].astype(np.int64),
        score.track_names,
        tuple(TimeSignature(*signature) for signature in score.time_signatures)
        or tuple(signature_of(beat, per_bar) for beat, per_bar in score.meters),
        score.has_bars,
    )


def signature_of(beat: float, beats_per_bar: float) -> TimeSignature:
    """The likeliest signature of a bar of so many quarter notes: 3/4 for 3 quarters, 9/8 for four and a half."""
    fraction = Fraction(beats_per_bar / 4).limit_denominator(64)
    scale = max(4 // fraction.denominator, 1)
    return TimeSignature(beat, fraction.numerator * scale, fraction.denominator * scale)


def of_midi(content: bytes) -> Music:
    """The music in a MIDI file's bytes, without its drums, with time signatures and the names of the tracks."""
    return of_score(read_midi(content))


def overlaps(onset: IntArray, end: IntArray, edges: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Every pair of a note and a slot in which it sounds, with the ticks that it sounds there: slot, note, ticks."""
    last = len(edges) - 2
    first_slot = np.clip(np.searchsorted(edges, onset, side="right") - 1, 0, last)
    last_slot = np.clip(np.searchsorted(edges, end, side="left") - 1, first_slot, last)
    count = last_slot - first_slot + 1
    note = np.repeat(np.arange(len(onset)), count)
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    slot = first_slot[note] + within
    ticks = np.minimum(end[note], edges[slot + 1]) - np.maximum(onset[note], edges[slot])
    return slot, note, np.maximum(ticks, 0)
