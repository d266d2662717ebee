"""How alike any two bars of a piece are, whatever figure they are played in."""

from __future__ import annotations

import numpy as np

from training.analysis.hands import RIGHT
from training.analysis.metre import Bars
from training.analysis.music import FloatArray, IntArray, Music, overlaps

_PARTS = 4  # of a bar: what sounds in each is compared
_PLACES = 8  # of a bar: what the melody has at each is compared
_HARMONY, _MELODY, _RHYTHM = 0.4, 0.4, 0.2


def likeness(music: Music, bars: Bars, hand: IntArray) -> FloatArray:
    """How alike each two bars are: (bars, bars), 0..1, 1 on the diagonal of bars that sound.

    The mean of three cosines (Foote 1999 compares the moments of a piece in this way): of the pitch classes that sound
    in each quarter of the bar, of the pitch classes of the melody at each eighth of it, and of the melody's onsets
    there. The melody is the highest note of the right hand at each onset, or of both where the right hand is silent.
    Unlike the likeness of `references` this one hears a theme through its variations.
    """
    on, place = top_line(music, hand), _PLACES
    bar = bars.of(music.onset_ticks[on])
    at = bars.place(music.onset_ticks[on]) * place // bars.whole[bar]
    at = np.clip(at, 0, place - 1)
    weight = np.minimum(music.end_ticks[on] - music.onset_ticks[on], bars.whole[bar] // 4).astype(np.float64)
    melody, rhythm = np.zeros((len(bars), place, 12)), np.zeros((len(bars), place))
    np.add.at(melody, (bar, at, music.pitch[on] % 12), weight)
    rhythm[bar, at] = 1.0
    of_melody, of_rhythm = _cosine(melody.reshape(len(bars), -1)), _cosine(rhythm)
    return np.asarray(_HARMONY * _cosine(_sounding(music, bars)) + _MELODY * of_melody + _RHYTHM * of_rhythm)


def top_line(music: Music, hand: IntArray) -> IntArray:
    """The notes of the melody, ascending: at each onset of the right hand its highest; both hands' if it has none."""
    mine = np.flatnonzero(hand == RIGHT)
    if not len(mine):
        mine = np.arange(len(hand))
    onset = music.onset_ticks[mine]  # ascending, and pitches ascend within one onset
    return np.asarray(mine[np.append(np.diff(onset) > 0, True)])


def _sounding(music: Music, bars: Bars) -> FloatArray:
    """Ticks that each pitch class sounds in each part of each bar, (bars, parts * 12)."""
    whole_start = bars.start - bars.lead
    edges = whole_start[:, None] + bars.whole[:, None] * np.arange(_PARTS)[None, :] // _PARTS
    edges = np.maximum.accumulate(np.clip(edges, bars.start[:, None], (bars.start + bars.length)[:, None]).ravel())
    part, note, ticks = overlaps(music.onset_ticks, music.end_ticks, np.append(edges, bars.end_tick))
    size = len(bars) * _PARTS * 12
    sums = np.bincount(part * 12 + music.pitch[note] % 12, ticks, minlength=size).astype(np.float64)
    return np.asarray(sums.reshape(len(bars), -1))


def _cosine(rows: FloatArray) -> FloatArray:
    size = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = np.divide(rows, size, out=np.zeros_like(rows), where=size > 0)
    return np.asarray(unit @ unit.T)
