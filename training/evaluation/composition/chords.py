"""Chords and keys of barred music, as `training.analysis` finds them, beside the bars."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from training.analysis import chords, keys, slots
from training.analysis import music as analysed
from training.analysis.metre import Bars
from training.corpus.keys import TONICS
from training.evaluation.composition.music import TICKS_PER_BEAT, BarredMusic, BoolArray, FloatArray, IntArray

NONE = chords.NO_CHORD
MAJOR, MINOR, DOMINANT_SEVENTH = (chords.QUALITIES.index(name) for name in ("maj", "min", "dom7"))
SUFFIXES = ("", "m", "dim", "aug", "7", "maj7", "m7", "m7b5", "dim7")
"""Of `chords.QUALITIES`, as on a lead sheet."""
# A change costs the same on every beat: where chords change is measured, so it must not be taken for granted.
SETTINGS = chords.DEFAULT_CHORDS._replace(change_nats=(1.6, 1.6, 1.6))
_PER_TICK = TICKS_PER_BEAT // analysed.TICKS_PER_BEAT


class Harmony(NamedTuple):
    """Of each beat, shape (beats,), unless said.

    start: tick. bar: from 0. root: pitch class or NONE in silence. quality: index in `chords.QUALITIES`. bass: pitch
    class of the lowest chord tone while the chord lasts within its bar, or NONE. classes: (beats, 12), how much each
    pitch class sounds. key: the bar's, shape (bars,), 0..11 in major, 12 more in minor.
    """

    start: IntArray
    bar: IntArray
    root: IntArray
    quality: IntArray
    bass: IntArray
    classes: FloatArray
    key: IntArray

    @property
    def downbeat(self) -> BoolArray:
        """Whether the beat is the first of its bar."""
        return np.asarray(np.diff(self.bar, prepend=-1) > 0)

    @property
    def tonic(self) -> IntArray:
        """Of the key of each bar."""
        return self.key % keys.MINOR

    @property
    def is_major(self) -> BoolArray:
        """Of the key of each bar."""
        return np.asarray(self.key < keys.MINOR)

    @property
    def degree(self) -> IntArray:
        """Semitones from the tonic of the bar's key to the root; NONE in silence."""
        return np.where(self.root == NONE, NONE, (self.root - self.tonic[self.bar]) % 12)

    @property
    def sounds(self) -> BoolArray:
        return np.asarray(self.root != NONE)

    @property
    def in_root_position(self) -> BoolArray:
        return np.asarray(self.sounds & (self.bass == self.root))

    @property
    def inside(self) -> FloatArray:
        """Share of what sounds in each beat that belongs to its chord; 0 in silence."""
        member = np.zeros((len(chords.TONES), 12))
        for quality, tones in enumerate(chords.TONES):
            member[quality, list(tones)] = 1
        above = (np.arange(12)[None, :] - self.root[:, None]) % 12
        shares = self.classes / np.maximum(self.classes.sum(axis=1, keepdims=True), 1e-9)
        return np.asarray((shares * member[self.quality[:, None], above]).sum(axis=1))

    def name(self, beat: int) -> str:
        """As on a lead sheet: Am7/C; - for silence."""
        if not self.sounds[beat]:
            return "-"
        chord = TONICS[self.root[beat]] + SUFFIXES[self.quality[beat]]
        return chord if self.in_root_position[beat] else f"{chord}/{TONICS[self.bass[beat]]}"


def to_analysis(music: BarredMusic) -> analysed.Music:
    """The notes as `training.analysis` takes them."""
    return analysed.music(music.onset_beats, music.duration_beats, music.notes["pitch"], music.notes["velocity"])


def bars_of(music: BarredMusic) -> Bars:
    """Its bars; a felt beat is a quarter, or a dotted quarter where a bar is no whole number of quarters."""
    lines = music.lines // _PER_TICK
    length = np.diff(lines)
    beat = analysed.TICKS_PER_BEAT
    pulse = np.where(length % beat == 0, beat, np.where(2 * length % (3 * beat) == 0, 3 * beat // 2, beat))
    return Bars(lines[:-1], length, length, np.zeros_like(length), pulse)


def harmony(music: BarredMusic) -> Harmony:
    """Chords of the beats and keys of the bars. The key of a bar is that of its first beat."""
    found = slots.slots(to_analysis(music), bars_of(music))
    of_beat = keys.keys(found)
    root, quality, bass = chords.chords(found, of_beat, SETTINGS)
    first = np.searchsorted(found.bar, np.arange(music.bars))
    return Harmony(found.start * _PER_TICK, found.bar, root, quality, bass, found.classes, of_beat[first])
