"""Music as a family sees it: what is encoded is the same in `improv tokens` and in training."""

from __future__ import annotations

from itertools import starmap
from typing import NamedTuple

import numpy as np

from improv.model.vocabulary.base import Encoding, Extras
from improv.music import grid
from improv.music.note import Note
from improv.music.piano import fold_pedal, given_to_piano
from improv.music.score import FloatArray, Score

# The local tempo is the median over so many beats to either side: rubato is what differs from it, while a new section
# has a new tempo at once.
LOCAL_TEMPO_BEATS = 8
PEDALLED_FAMILIES = ("pianist",)  # the others hear notes for as long as they sound


class Seen(NamedTuple):
    """What `Encoding.encode` takes: notes on the family's grid, its length in ticks, pedal and rubato."""

    notes: tuple[Note, ...]
    steps: int
    extras: Extras


def seen(score: Score, encoding: Encoding) -> Seen:
    """The score on one piano, on the family's grid, from the bar line before its first note or from that note on."""
    sounding = with_pedal_for(given_to_piano(score), encoding)
    if encoding.tempo_bpm is None:
        rows, steps, pedals, first = grid.on_beats(sounding, encoding.ticks_per_beat)
        beats = first + np.arange(0, steps + 1, encoding.ticks_per_beat) / encoding.ticks_per_beat
        tempi = rubato(sounding.seconds(beats), encoding.ticks_per_beat) if score.has_tempo else ()
    else:
        rows, steps, pedals, _ = grid.on_clock(sounding, round(encoding.ticks_per_beat * encoding.tempo_bpm / 60))
        tempi = ()
    return Seen(tuple(starmap(Note, rows.tolist())), steps, Extras(pedals, tempi))


def with_pedal_for(score: Score, encoding: Encoding) -> Score:
    """The score with its pedal where the family tells it, folded into the lengths where it only hears it."""
    return fold_pedal(score) if encoding.performs and encoding.family not in PEDALLED_FAMILIES else score


def rubato(beats_s: FloatArray, ticks_per_beat: int) -> tuple[tuple[int, float], ...]:
    """(tick, tempo there as a ratio to the local tempo) of each beat. beats_s: where each begins, and the last ends."""
    bpm = 60 / np.maximum(np.diff(beats_s), 1e-3)
    ratio = bpm / local_tempo(bpm)
    return tuple((beat * ticks_per_beat, float(r)) for beat, r in enumerate(ratio))


def local_tempo(bpm: FloatArray) -> FloatArray:
    """For each beat the median tempo around it, shape as bpm."""
    if not len(bpm):
        return bpm
    padded = np.pad(bpm, LOCAL_TEMPO_BEATS, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * LOCAL_TEMPO_BEATS + 1)
    return np.asarray(np.nanmedian(windows, axis=1))
