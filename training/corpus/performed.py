"""What the families need of a piece beyond its notes: their own grid, the pedal, and the rubato."""

from __future__ import annotations

import numpy as np

from improv.model.vocabulary import Encoding, Extras
from training.corpus import clean, reading
from training.corpus.reading import Piece
from training.corpus.score import FloatArray, Score

# The local tempo is the median over so many beats to either side: rubato is what differs from it, while a new section
# has a new tempo at once.
LOCAL_TEMPO_BEATS = 8
PEDALLED_FAMILIES = ("pianist",)  # the others hear notes for as long as they sound


def on_steps(score: Score, name: str, source: str, encoding: Encoding) -> Piece:
    """The piece on the family's grid: of the beat, or of the clock where its ticks are a fixed time."""
    if encoding.family not in PEDALLED_FAMILIES and encoding.performs:
        score = clean.fold_pedal(score)
    if encoding.tempo_bpm is None:
        return reading.on_grid(score, name, source, encoding.ticks_per_beat)
    return reading.on_clock(score, name, source, encoding.ticks_per_beat * reading.NOMINAL_BEATS_PER_S)


def extras(piece: Piece, ticks_per_beat: int) -> Extras:
    """Pedal and rubato of a piece on a grid of beats; without a tempo of its own it has no rubato."""
    if piece.on_clock or not piece.has_tempo:
        return Extras(piece.pedals)
    starts = piece.step_s[::ticks_per_beat]
    bpm = 60 / np.maximum(np.diff(starts), 1e-3)
    ratio = bpm / local_tempo(bpm)
    return Extras(piece.pedals, tuple((beat * ticks_per_beat, float(r)) for beat, r in enumerate(ratio)))


def local_tempo(bpm: FloatArray) -> FloatArray:
    """For each beat the median tempo around it, shape as bpm."""
    padded = np.pad(bpm, LOCAL_TEMPO_BEATS, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * LOCAL_TEMPO_BEATS + 1)
    return np.asarray(np.nanmedian(windows, axis=1)) if len(bpm) else bpm
