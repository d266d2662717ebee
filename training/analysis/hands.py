"""Which hand plays each note: by the names of tracks, by staves, or guessed over the span of hands."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

import numpy as np

from training.analysis.music import FloatArray, IntArray, Music

RIGHT, LEFT = 0, 1
Source = Literal["names", "staves", "guess"]

_RIGHT_WORDS = re.compile(
    r"right|\brh\b|r\.h\.|upper|\bup\b|treble|\bmd\b|m\.d\.|discant|soprano|droite|rechts?|destra", re.I
)
_LEFT_WORDS = re.compile(r"left|\blh\b|l\.h\.|lower|\bdown\b|bass|\bmg\b|m\.g\.|gauche|links?|sinistra", re.I)
_NAMED_SHARE = 0.9  # of the notes on tracks that name a hand: the few others (a trill, an ornament) are guessed

_PARTED = 2  # semitones between the tracks of a roll: the highest key of the lower half may not be played in a piece

TENTH, OCTAVE, FINGERS = 16, 12, 5
_LOW, _HIGH = 28, 96  # boundaries that are tried: below and above only one hand plays
_BEYOND_TENTH, _BEYOND_OCTAVE = 1.0, 0.1  # cost for each semitone
_BEYOND_FINGERS = 3.0  # cost for each note
_MOVE = 0.08  # cost for each semitone that the boundary moves from one onset to the next
_HOME, _FAR = 60.0, 0.01  # middle C, and the cost for each semitone of the boundary away from it
_GAP = 0.25  # gain for each semitone, up to an octave, that parts the hands' nearest notes


class Hands(NamedTuple):
    """hand: int64 (notes,), RIGHT 0 or LEFT 1. source: how they were found."""

    hand: IntArray
    source: Source


def hands(music: Music) -> Hands:
    """The hand of each note and where it was learned from.

    names: at least nine notes of ten lie on tracks that are named after a hand ("Piano right", "upper", "md").
    staves: two tracks, the higher one on average is the right hand, unless the tracks part the keyboard between two
    neighbouring keys as the halves of piano rolls do. guess: `guess` of the notes in any other case.
    """
    named = np.array([_named(name) for name in music.track_names] or [-1], dtype=np.int64)
    if len(music.track_names) > int(music.track.max()):
        hand = named[music.track]
        if (hand >= 0).mean() >= _NAMED_SHARE and len(np.unique(hand[hand >= 0])) == 2:
            told = bool((hand >= 0).all())
            return Hands(hand if told else np.where(hand >= 0, hand, guess(music)), "names")
    used = np.unique(music.track)
    if len(used) == 2:
        low, high = sorted((music.pitch[music.track == track] for track in used), key=lambda pitch: float(pitch.mean()))
        if not 0 < high.min() - low.max() <= _PARTED:
            upper = max(used, key=lambda track: float(music.pitch[music.track == track].mean()))
            return Hands(np.where(music.track == upper, RIGHT, LEFT), "staves")
    return Hands(guess(music), "guess")


def _named(name: str) -> int:
    words = name.replace("_", " ")
    right, left = _RIGHT_WORDS.search(words), _LEFT_WORDS.search(words)
    return -1 if bool(right) == bool(left) else RIGHT if right else LEFT


def guess(music: Music) -> IntArray:
    """Hands from the notes alone: int64 (notes,), RIGHT 0 or LEFT 1.

    At each onset a boundary parts the sounding notes: the right hand has those from the boundary upward. The way of
    the boundary through the piece that costs least is found by dynamic programming. It costs to stretch a hand beyond
    an octave and more beyond a tenth, to give it more than five notes, to move the boundary, to leave middle C; a wide
    gap between the hands is a gain. The costs were set on piano-midi.de, whose files name the hands.
    """
    onsets, first = np.unique(music.onset_ticks, return_index=True)
    ends = music.end_ticks
    boundaries = np.arange(_LOW, _HIGH + 1)
    home = _FAR * np.abs(boundaries - _HOME)
    total = home.copy()
    came_from = np.empty((len(onsets), len(boundaries)), dtype=np.int16)
    sounding: list[tuple[int, int]] = []
    stops = [*first[1:].tolist(), len(music)]
    pitch, end = music.pitch.tolist(), ends.tolist()
    for step, (onset, start, stop) in enumerate(zip(onsets.tolist(), first.tolist(), stops, strict=True)):
        sounding = [note for note in sounding if note[1] > onset] + [(pitch[n], end[n]) for n in range(start, stop)]
        total, came_from[step] = _moved(total)
        total += home + _strain(sorted(p for p, _ in sounding))
    way = np.empty(len(onsets), dtype=np.int64)
    best = int(total.argmin())
    for step in range(len(onsets) - 1, -1, -1):
        way[step] = best
        best = int(came_from[step, best])
    at = np.searchsorted(onsets, music.onset_ticks)
    return np.where(music.pitch >= boundaries[way[at]], RIGHT, LEFT)


def _moved(total: FloatArray) -> tuple[FloatArray, IntArray]:
    """The least cost of coming to each boundary and from which, when each semitone on the way costs _MOVE."""
    slope = _MOVE * np.arange(len(total))
    index = np.arange(len(total))
    up, down = total - slope, (total + slope)[::-1]
    least_up, least_down = np.minimum.accumulate(up), np.minimum.accumulate(down)
    from_up = np.maximum.accumulate(np.where(up == least_up, index, 0))
    from_down = np.maximum.accumulate(np.where(down == least_down, index, 0))[::-1]
    from_down = len(total) - 1 - from_down
    up, down = least_up + slope, least_down[::-1] - slope
    return np.minimum(up, down), np.where(up <= down, from_up, from_down)


def _strain(pitches: list[int]) -> FloatArray:
    """What each boundary costs when these notes sound, ascending."""
    costs = []
    for split in range(len(pitches) + 1):
        left, right = pitches[:split], pitches[split:]
        cost = sum(_stretch(hand) for hand in (left, right) if hand)
        if left and right:
            cost -= _GAP * min(right[0] - left[-1], OCTAVE)
        costs.append(cost)
    return np.array(costs)[np.searchsorted(pitches, np.arange(_LOW, _HIGH + 1))]


def _stretch(pitches: list[int]) -> float:
    span = pitches[-1] - pitches[0]
    return (
        _BEYOND_TENTH * max(span - TENTH, 0)
        + _BEYOND_OCTAVE * max(span - OCTAVE, 0)
        + _BEYOND_FINGERS * max(len(pitches) - FINGERS, 0)
    )
