"""The chord of every beat: root, quality and bass, the way through all chords that explains the notes best."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from improv.music.chord import QUALITIES, TONES, UNKNOWN
from training.analysis.keys import MINOR
from training.analysis.music import FloatArray, IntArray
from training.analysis.slots import NO_PITCH, Slots

__all__ = [
    "DEFAULT_CHORDS",
    "NO_CHORD",
    "QUALITIES",
    "TONES",
    "ChordSettings",
    "Chords",
    "chords",
    "likelihoods",
    "through_rests",
]

NO_CHORD = UNKNOWN
_SCALES = (frozenset((0, 2, 4, 5, 7, 9, 11)), frozenset((0, 2, 3, 5, 7, 8, 10, 11)))


class ChordSettings(NamedTuple):
    """tones: how likely root, third, fifth and seventh are among what sounds. rest: all other classes together.
    in_scale: how much likelier another class of the scale is than one outside. bass: how likely root, third, fifth,
    seventh are in the bass; bass_weight: how much the bass counts beside the rest. change_nats: cost of a change on a
    beat of strength 1, 2, 3. quality_nats: cost of each quality. foreign_nats: cost for each tone outside the scale.
    Set on every other work that `python -m training check-analysis` knows; the rest are for checking.
    """

    tones: tuple[float, float, float, float] = (0.33, 0.28, 0.22, 0.17)
    rest: float = 0.13
    in_scale: float = 2.0
    bass: tuple[float, float, float, float] = (0.62, 0.18, 0.1, 0.06)
    bass_weight: float = 0.4
    change_nats: tuple[float, float, float] = (2.0, 1.4, 0.8)
    quality_nats: tuple[float, ...] = (0.0, 0.3, 0.8, 2.5, 0.0, 3.5, 1.8, 1.0, 0.6)
    foreign_nats: float = 0.7


DEFAULT_CHORDS = ChordSettings()


class Chords(NamedTuple):
    """Of each slot, int64 (slots,): root and bass 0..11, quality as in QUALITIES; NO_CHORD -1 in all where none is."""

    root: IntArray
    quality: IntArray
    bass: IntArray


def chords(slots: Slots, keys: IntArray, settings: ChordSettings = DEFAULT_CHORDS) -> Chords:
    """The chord of each slot. keys: as of `keys.keys`.

    Each chord says how likely the pitch classes that sound are, and the bass (the template match of Fujishima 1999 as
    log-likelihoods); Viterbi finds the way of least cost, where a change costs more off the beat (Raphael and Stoddard
    2004 find chords by the same kind of hidden states). A slot without any sound has no chord.
    """
    fit = likelihoods(slots, keys, settings)
    change = np.array(settings.change_nats)[slots.strength - 1]
    way = _cheapest(fit, change)
    root, quality = way // len(QUALITIES), way % len(QUALITIES)
    bass = _bass(slots, root, quality)
    silent = slots.classes.sum(axis=1) <= 0
    return Chords(*(np.where(silent, NO_CHORD, column) for column in (root, quality, bass)))


def through_rests(chords: Chords, slots: Slots, bar_ticks: IntArray) -> Chords:
    """The chords with each silence of less than a bar filled by what sounded before it.

    bar_ticks: how long a whole bar is in each slot, (slots,). People name chords through rests.
    """
    index = np.arange(len(slots))
    sounds = chords.root != NO_CHORD
    last = np.maximum.accumulate(np.where(sounds, index, -1))
    following = np.minimum.accumulate(np.where(sounds, index, len(slots))[::-1])[::-1]
    edges = np.append(slots.start, slots.start[-1] + slots.length[-1])
    silence = edges[following] - edges[last + 1]
    filled = (last >= 0) & (silence < bar_ticks)
    source = np.where(filled, last, index)
    return Chords(*(column[source] for column in chords))


def _cheapest(fit: FloatArray, change: FloatArray) -> IntArray:
    """Viterbi where each step has one cost of changing, whatever the chords."""
    total = fit[0]
    came_from = np.empty(fit.shape, dtype=np.int64)
    index = np.arange(fit.shape[1])
    for step in range(1, len(fit)):
        leader = int(total.argmax())
        moved = total[leader] - change[step]
        came_from[step] = np.where(total >= moved, index, leader)
        total = np.maximum(total, moved) + fit[step]
    way = np.empty(len(fit), dtype=np.int64)
    way[-1] = total.argmax()
    for step in range(len(fit) - 1, 0, -1):
        way[step - 1] = came_from[step, way[step]]
    return way


def likelihoods(slots: Slots, keys: IntArray, settings: ChordSettings = DEFAULT_CHORDS) -> FloatArray:
    """Log-likelihood of each chord in each slot, (slots, 12 * qualities), the qualities of a root together."""
    fit = np.empty((len(slots), 12 * len(QUALITIES)))
    bass = slots.bass / np.maximum(slots.bass.sum(axis=1, keepdims=True), 1e-9)
    for key in np.unique(keys):
        here = keys == key
        tones, basses, prior = (_relative(table, int(key) % 12) for table in _tables(int(key) >= MINOR, settings))
        fit[here] = slots.classes[here] @ tones + settings.bass_weight * bass[here] @ basses + prior
    return fit


def _relative(table: FloatArray, tonic: int) -> FloatArray:
    """A table for tonic 0, its rows pitch classes where it has rows and its columns chords, moved to another tonic."""
    rows = np.roll(table, tonic, axis=0) if table.ndim == 2 else table
    return np.roll(rows, tonic * len(QUALITIES), axis=-1)


def _tables(minor: bool, settings: ChordSettings) -> tuple[FloatArray, FloatArray, FloatArray]:
    """For tonic 0: log p(class | chord) and log p(bass | chord), (12, chords), and the prior of each chord."""
    scale = _SCALES[minor]
    tones, basses, prior = [], [], []
    for root in range(12):
        for quality, above in enumerate(TONES):
            chord = [(root + tone) % 12 for tone in above]
            shares = np.where([c in scale for c in range(12)], settings.in_scale, 1.0)
            shares[chord] = 0.0
            shares *= settings.rest / shares.sum()
            strong = np.array(settings.tones[: len(chord)])
            shares[chord] = (1 - settings.rest) * strong / strong.sum()
            tones.append(np.log(shares))
            lows = np.full(12, (1 - sum(settings.bass[: len(chord)])) / (12 - len(chord)))
            lows[chord] = settings.bass[: len(chord)]
            basses.append(np.log(lows))
            foreign = sum(c not in scale for c in chord)
            prior.append(-settings.quality_nats[quality] - settings.foreign_nats * foreign)
    return np.array(tones).T, np.array(basses).T, np.array(prior)


def _bass(slots: Slots, root: IntArray, quality: IntArray) -> IntArray:
    """The class of the lowest chord tone that sounds while a chord lasts within a bar; the root where none does."""
    stretch = np.cumsum(np.append(False, (np.diff(root) != 0) | (np.diff(quality) != 0) | (np.diff(slots.bar) != 0)))
    member = np.zeros((len(QUALITIES), 12), dtype=bool)
    for number, above in enumerate(TONES):
        member[number, list(above)] = True
    above_root = (np.arange(12)[None, :] - root[:, None]) % 12
    tones = np.where(member[quality[:, None], above_root], slots.lowest, NO_PITCH)
    lowest = np.full(stretch[-1] + 1, NO_PITCH)
    np.minimum.at(lowest, stretch, tones.min(axis=1))
    return np.where(lowest[stretch] < NO_PITCH, lowest[stretch] % 12, root)
