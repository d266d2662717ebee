"""What sounds in each beat: pitch classes by duration and the bass, the ground that keys and chords are read from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.analysis.metre import Bars
from training.analysis.music import FloatArray, IntArray, Music, overlaps

NO_PITCH = 128
"""Above all pitches, so that it never is the lowest."""


@dataclass(frozen=True)
class Slots:
    """The felt beats of a piece in order; arrays of shape (slots,) unless said.

    start, length: ticks. bar: the bar that each lies in. strength: 3 at the beginning of a bar, 2 in its middle, 1 on
    another beat. classes: (slots, 12), for each pitch class how much of it sounds: its notes' time within the slot in
    slots, an onset there counts _ONSET more. bass: (slots, 12), the same of the lowest notes, those above the lowest of
    their bar's half less and less. lowest: (slots, 12), the lowest pitch of each class that sounds, NO_PITCH if none.
    """

    start: IntArray
    length: IntArray
    bar: IntArray
    strength: IntArray
    classes: FloatArray
    bass: FloatArray
    lowest: IntArray

    def __len__(self) -> int:
        return len(self.start)


_ONSET = 0.25
_FADING = 10.0  # semitones: the upper notes of a figure are less of a bass than its lowest
_MOST = 1.0  # of one pitch class in one slot: repeated notes and doublings say little more than one note


def slots(music: Music, bars: Bars) -> Slots:
    """The beats of all bars with what sounds in them."""
    start, length, bar, strength = _beats(bars)
    edges = np.append(start, bars.end_tick)
    slot, note, ticks = overlaps(music.onset_ticks, music.end_ticks, edges)
    begins = music.onset_ticks[note] >= edges[slot]
    weight = ticks / length[slot] + _ONSET * begins
    classes = _sums(slot, music.pitch[note], weight, len(start))
    lowest = _lowest(music, slot, note, edges)
    low_slot, low_pitch = slot[lowest], music.pitch[note[lowest]]
    half = np.cumsum(strength >= 2)
    floor = np.full(half[-1] + 1, NO_PITCH)
    np.minimum.at(floor, half[low_slot], low_pitch)
    fading = np.exp(-(low_pitch - floor[half[low_slot]]) / _FADING)
    bass = _sums(low_slot, low_pitch, weight[lowest] * fading, len(start))
    pitches = np.full(len(start) * 12, NO_PITCH)
    np.minimum.at(pitches, slot * 12 + music.pitch[note] % 12, music.pitch[note])
    return Slots(start, length, bar, strength, np.minimum(classes, _MOST), bass, pitches.reshape(-1, 12))


def _beats(bars: Bars) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    rows: list[tuple[int, int, int, int]] = []
    columns = (bars.start, bars.length, bars.whole, bars.lead, bars.pulse)
    for bar, (start, length, whole, lead, pulse) in enumerate(zip(*(c.tolist() for c in columns), strict=True)):
        at = 0
        while at < length:
            place = lead + at
            size = min(pulse - place % pulse, length - at)
            middle = (whole // pulse) % 2 == 0 and place == whole // 2
            rows.append((start + at, size, bar, 3 if place == 0 else 2 if middle else 1))
            at += size
    start_, length_, bar_, strength_ = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    return start_, length_, bar_, strength_


def _sums(slot: IntArray, pitch: IntArray, weight: FloatArray, count: int) -> FloatArray:
    sums = np.bincount(slot * 12 + pitch % 12, weights=weight, minlength=12 * count)
    return np.asarray(sums.reshape(count, 12), dtype=np.float64)


def _lowest(music: Music, slot: IntArray, note: IntArray, edges: IntArray) -> IntArray:
    """Which of the pairs (slot, note) are bass: no lower note sounds at the note's onset or the slot's beginning."""
    begin = np.maximum(music.onset_ticks[note], edges[slot])
    moment, index = np.unique(begin, return_inverse=True)
    floor = _floor(music, moment)
    return np.flatnonzero(music.pitch[note] <= floor[index])


def _floor(music: Music, moment: IntArray) -> IntArray:
    """The lowest pitch that sounds at each moment, 127 where none does."""
    edges = np.append(moment, moment[-1] + 1)
    first = np.searchsorted(moment, music.onset_ticks)
    count = np.maximum(np.searchsorted(moment, music.end_ticks) - first, 0)
    note = np.repeat(np.arange(len(music)), count)
    at = first[note] + np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    floor = np.full(len(edges), 127, dtype=np.int64)
    np.minimum.at(floor, at, music.pitch[note])
    return floor[:-1]
