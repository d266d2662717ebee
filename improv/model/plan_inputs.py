"""What a family with a plan is told beside the commands: chords, key, phrase, texture, two references, and the stream's
own context. One definition for training and daemon.

A row of numbers (`COLUMNS`) and the pitches that two reference bars have at this place become one vector of SIZE
numbers. Whatever is UNKNOWN (-1) is told as unknown, as it was hidden at random in training.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from improv.model.vocabulary.hands import LENGTHS, PIANO_KEYS, TICKS_PER_BEAT, Context
from improv.music.chord import MINOR_KEYS, QUALITIES, SCALES, TONES, UNKNOWN
from improv.music.note import LOWEST_PIANO_PITCH

COLUMNS = (
    *("chord_root", "chord_quality", "chord_bass"),
    *("next_root", "next_quality", "next_bass", "next_in"),
    *("key", "phrase_bar", "bars_left", "cadence"),
    *("left_register", "right_register", "left_density", "right_density"),
    *("near_likeness", "near_in", "far_likeness", "far_in"),
    *("bar_ticks", "tick_in_bar"),
    *("left_rhythm", "right_rhythm"),
)
"""chord_*, next_*: the chord that sounds and the one that follows; next_in: ticks until then. key: 0..23 as in
improv.music.chord. phrase_bar: bars since the phrase began, bars_left: bars that follow in it, cadence: of CADENCES.
*_register: mean pitch of a hand in this bar and the next; *_density: its onsets in four beats, in quarters of one.
near: the bar before as a reference, far: the bar that the plan refers to; *_likeness: how much like it, 0..100; *_in:
ticks until the reference's next onset. bar_ticks, tick_in_bar: the metre, always known. *_rhythm: how much a hand's
rhythm is that of the bar before, 0..100, whatever the pitches: a figure that is kept.
"""
COLUMN = {name: index for index, name in enumerate(COLUMNS)}
CADENCES = ("none", "half", "authentic", "other")
NEAR, FAR = 0, 1
HERE, NEXT = 0, 1
REFERENCE_SHAPE = (2, 2, 2, PIANO_KEYS)
"""Of the references' pitches: near and far, here and next, left and right hand, key of the piano."""
HIDDEN_TOGETHER = (
    ("chord_root", "chord_quality", "chord_bass"),
    ("next_root", "next_quality", "next_bass", "next_in"),
    ("key",),
    ("phrase_bar", "bars_left", "cadence"),
    ("left_register",),
    ("right_register",),
    ("left_density",),
    ("right_density",),
    ("left_rhythm",),
    ("right_rhythm",),
)
OF_A_HAND = tuple(tuple(f"{hand}_{what}" for what in ("register", "density", "rhythm")) for hand in ("left", "right"))
"""The columns that say what one hand does: of the left, of the right."""
MOST_DENSITY = 64
"""Quarters of an onset in four beats: sixteen onsets."""
LONGEST_WAIT = 48
"""Ticks: a later onset or chord is told as if it came then."""
_BAR_LENGTHS = (24, 36, 48)
_CHORD, _NEXT, _KEY, _PHRASE, _TEXTURE, _BAR, _CONTEXT = 37, 38, 26, 21, 8, 24, 4 + 2 * len(LENGTHS)
_REFERENCE, _RHYTHM = 4 * PIANO_KEYS + 4, 4
_SIZES = {
    "chord": _CHORD,
    "next": _NEXT,
    "key": _KEY,
    "phrase": _PHRASE,
    "texture": _TEXTURE,
    "near": _REFERENCE,
    "far": _REFERENCE,
    "bar": _BAR,
    "context": _CONTEXT,
    "rhythm": _RHYTHM,
}
SIZE = sum(_SIZES.values())
SLICES: dict[str, slice] = {}
_at = 0
for _name, _size in _SIZES.items():
    SLICES[_name] = slice(_at, _at + _size)
    _at += _size

_TONE_TABLE = np.zeros((len(QUALITIES), 12), dtype=np.float32)
for _quality, _tones in enumerate(TONES):
    _TONE_TABLE[_quality, list(_tones)] = 1
_SCALE_TABLE = np.zeros((2, 12), dtype=np.float32)
for _mode, _scale in enumerate(SCALES):
    _SCALE_TABLE[_mode, list(_scale)] = 1

IntArray = NDArray[np.int16]
FloatArray = NDArray[np.float32]


def specification() -> str:
    """JSON text of the layout, written into every exported model of such a family and compared when one is loaded."""
    return json.dumps({"columns": COLUMNS, "sizes": _SIZES, "lengths": LENGTHS}, separators=(",", ":"))


class BarOnsets(NamedTuple):
    """What begins in one bar. length: ticks. places: ticks since the bar line, ascending. left, right: the pitches that
    begin at each place, by hand, ascending.
    """

    length: int
    places: tuple[int, ...] = ()
    left: tuple[tuple[int, ...], ...] = ()
    right: tuple[tuple[int, ...], ...] = ()


class Found(NamedTuple):
    """Where a reference has its onset at a place and its next one. here: index into its places, UNKNOWN where there is
    none. next_bar: 0 the reference itself, 1 the bar that will be the reference of the following bar, UNKNOWN: none.
    next_at: index into that bar's places. next_in: ticks until then.
    """

    here: int
    next_bar: int
    next_at: int
    next_in: int


def look_up(reference: BarOnsets, following: BarOnsets | None, place: int, bar_ticks: int) -> Found:
    """What a reference bar has at `place` ticks of a bar of `bar_ticks`, and what begins next: later in the bar, or at
    the beginning of the following bar as its reference has it.
    """
    at = bisect_left(reference.places, place)
    here = at if at < len(reference.places) and reference.places[at] == place else UNKNOWN
    after = bisect_right(reference.places, place)
    if after < len(reference.places) and reference.places[after] < bar_ticks:
        return Found(here, 0, after, reference.places[after] - place)
    if following is not None and following.places:
        return Found(here, 1, 0, bar_ticks - place + following.places[0])
    return Found(here, UNKNOWN, UNKNOWN, UNKNOWN)


def key_set(pitches: tuple[int, ...], semitones: int = 0) -> list[int]:
    """Keys of the piano, 0..87, of pitches that are moved; what leaves the piano is left out."""
    moved = (pitch + semitones - LOWEST_PIANO_PITCH for pitch in pitches)
    return [key for key in moved if 0 <= key < PIANO_KEYS]


def expand(columns: IntArray, references: NDArray[np.uint8], context: IntArray) -> FloatArray:
    """The vectors of many tokens, (tokens, SIZE).

    columns: (tokens, len(COLUMNS)). references: 0 or 1, (tokens, *REFERENCE_SHAPE). context: (tokens, 4) as
    `vocabulary.hands.contexts` gives it.
    """
    out = np.zeros((len(columns), SIZE), dtype=np.float32)
    by = {name: columns[:, index].astype(np.int64) for name, index in COLUMN.items()}
    _tell_chord(out[:, SLICES["chord"]], by["chord_root"], by["chord_quality"], by["chord_bass"])
    following = out[:, SLICES["next"]]
    _tell_chord(following[:, :-1], by["next_root"], by["next_quality"], by["next_bass"])
    following[:, -1] = _wait(by["next_in"])
    _tell_key(out[:, SLICES["key"]], by["key"])
    phrase = out[:, SLICES["phrase"]]
    _one_hot(phrase[:, :8], np.minimum(by["phrase_bar"], 7))
    _one_hot(phrase[:, 8:16], np.minimum(by["bars_left"], 7))
    _one_hot(phrase[:, 16:20], by["cadence"])
    phrase[:, 20] = by["phrase_bar"] >= 0
    _tell_texture(out[:, SLICES["texture"]], by)
    for number, name in enumerate(("near", "far")):
        part, known = out[:, SLICES[name]], by[f"{name}_likeness"] >= 0
        part[:, : 4 * PIANO_KEYS] = references[:, number].reshape(len(out), -1)
        part[:, -4] = _wait(by[f"{name}_in"])
        part[:, -3] = by[f"{name}_in"] >= 0
        part[:, -2] = np.where(known, by[f"{name}_likeness"] / 100, 0)
        part[:, -1] = known
    _tell_bar(out[:, SLICES["bar"]], by["bar_ticks"], by["tick_in_bar"])
    _tell_context(out[:, SLICES["context"]], context)
    rhythm = out[:, SLICES["rhythm"]]
    for index, name in enumerate(("left_rhythm", "right_rhythm")):
        rhythm[:, 2 * index] = np.where(by[name] >= 0, by[name] / 100, 0)
        rhythm[:, 2 * index + 1] = by[name] >= 0
    return out


def _one_hot(out: FloatArray, values: NDArray[np.int64]) -> None:
    """Set one number of each row that has a value 0 or more."""
    rows = np.flatnonzero(values >= 0)
    out[rows, values[rows]] = 1


def _wait(ticks: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.where(ticks >= 0, np.minimum(ticks, LONGEST_WAIT) / LONGEST_WAIT, 0)


def _tell_chord(out: FloatArray, root: NDArray[np.int64], quality: NDArray[np.int64], bass: NDArray[np.int64]) -> None:
    rows = np.flatnonzero(root >= 0)
    out[rows, root[rows]] = 1
    classes = (np.arange(12) - root[rows, None]) % 12
    out[rows, 12:24] = np.take_along_axis(_TONE_TABLE[quality[rows]], classes, axis=1)
    out[rows, 24 + bass[rows]] = 1
    out[rows, 36] = 1


def _tell_key(out: FloatArray, key: NDArray[np.int64]) -> None:
    rows = np.flatnonzero(key >= 0)
    tonic, minor = key[rows] % 12, (key[rows] >= MINOR_KEYS).astype(np.int64)
    out[rows, tonic] = 1
    classes = (np.arange(12) - tonic[:, None]) % 12
    out[rows, 12:24] = np.take_along_axis(_SCALE_TABLE[minor], classes, axis=1)
    out[rows, 24], out[rows, 25] = minor, 1


def _tell_texture(out: FloatArray, by: dict[str, NDArray[np.int64]]) -> None:
    for index, name in enumerate(("left_register", "right_register")):
        known = by[name] >= 0
        out[:, 2 * index] = np.where(known, (by[name] - 60) / 24, 0)
        out[:, 2 * index + 1] = known
    for index, name in enumerate(("left_density", "right_density"), 2):
        known = by[name] >= 0
        out[:, 2 * index] = np.where(known, np.minimum(by[name], MOST_DENSITY) / (MOST_DENSITY / 2) - 1, 0)
        out[:, 2 * index + 1] = known


def _tell_bar(out: FloatArray, bar_ticks: NDArray[np.int64], tick: NDArray[np.int64]) -> None:
    beat, place = tick // TICKS_PER_BEAT, tick % TICKS_PER_BEAT
    rows = np.arange(len(out))
    out[rows, place] = 1
    out[rows, 12 + np.minimum(beat, 7)] = 1
    kind = np.full(len(out), len(_BAR_LENGTHS), dtype=np.int64)
    for index, length in enumerate(_BAR_LENGTHS):
        kind[bar_ticks == length] = index
    out[rows, 20 + kind] = 1


def _tell_context(out: FloatArray, context: IntArray) -> None:
    """Two pitches with whether they are known, then both lengths."""
    for hand in (0, 1):
        last = context[:, hand].astype(np.int64)
        out[:, 2 * hand] = np.where(last > 0, (last - LOWEST_PIANO_PITCH) / PIANO_KEYS, 0)
        out[:, 2 * hand + 1] = last > 0
        start = 4 + hand * len(LENGTHS)
        _one_hot(out[:, start : start + len(LENGTHS)], context[:, 2 + hand].astype(np.int64))


def hide_hand(columns: IntArray, references: NDArray[np.uint8], hand: int) -> None:
    """Take out what nobody can plan of a hand that somebody else plays, in place: its texture, and its keys in the
    references. columns: (..., len(COLUMNS)). references: (..., *REFERENCE_SHAPE). hand: LEFT or RIGHT.
    """
    for name in OF_A_HAND[hand]:
        columns[..., COLUMN[name]] = UNKNOWN
    references[..., hand, :] = 0


def hide_reference(plan: FloatArray) -> None:
    """Take out the bar that is referred to, in place; the bar before is told on. plan: (rows, SIZE)."""
    plan[:, SLICES["far"]] = 0


def tell_context(plan: FloatArray, context: Context) -> None:
    """Put the stream's own context into vectors of a plan, in place. plan: (rows, SIZE)."""
    part = np.zeros((1, _CONTEXT), dtype=np.float32)
    _tell_context(part, np.array([[*context.last, *context.lengths]], dtype=np.int16))
    plan[:, SLICES["context"]] = part


def transposed(columns: IntArray, semitones: int) -> IntArray:
    """The same plan for music that is so much higher."""
    if not semitones:
        return columns
    moved = columns.copy()
    for name in ("chord_root", "chord_bass", "next_root", "next_bass"):
        column = moved[:, COLUMN[name]]
        column[column >= 0] = (column[column >= 0] + semitones) % 12
    key = moved[:, COLUMN["key"]]
    known = key >= 0
    key[known] = key[known] // MINOR_KEYS * MINOR_KEYS + (key[known] + semitones) % 12
    for name in ("left_register", "right_register"):
        column = moved[:, COLUMN[name]]
        column[column >= 0] += semitones
    return moved
