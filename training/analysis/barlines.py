"""Where bar lines fall when a file does not say: pickups and short bars, found by what people play on the first beat.

A MIDI file that was made from a score often begins with its pickup at tick 0 and says nothing of it, so that every bar
line which its time signature draws is off.
"""

from __future__ import annotations

import numpy as np

from training.analysis.music import BoolArray, FloatArray, IntArray, Music, overlaps

WEIGHTS = np.array(
    [
        [-0.27, 0.67, 0.37, 0.38, 0.63, -0.50],
        [0.07, 0.12, -0.08, -0.09, -0.30, -0.22],
        [0.08, 0.06, -0.12, -0.10, -0.37, -0.07],
    ]
)
"""Of a place, the place a beat later and the place a beat earlier, for each of the features."""
BIAS = -2.58

_TRUST = 0.5  # features of one bar tell the same thing more than once
_MOST = 4.0  # no single place may decide
_MOVE_NATS = 9.0  # a bar line before the bar is full
_START_NATS, _CHANGE_NATS = 3.0, 6.0  # a piece begins with a pickup; so does what follows a new signature
_CLOSE_NATS = 3.0  # a new signature cuts a bar off
_LONGEST_TICKS = 96  # of a note: longer ones are not more weighty
_LOW_SEMITONES, _LOWEST_NEAR = 12.0, 2


def evidence(music: Music, unit: int, pulse: int) -> FloatArray:
    """How much each place of the piece sounds like the first of a bar: log-odds, shape (places,).

    unit: ticks between places, the first at tick 0. pulse: a felt beat, ticks. The features of a place are the number
    of notes that begin there, the length of the longest, how low the lowest is and whether it is the lowest around,
    how much the pitch classes of the beat before and after differ, and how many notes are held over it, each in
    standard deviations of the piece. WEIGHTS are a logistic regression on pieces whose scores have the bar lines
    (`python -m training check-bars --fit` learns and checks them).
    """
    rows = features(music, unit, pulse)
    step = max(pulse // unit, 1)
    odds = rows @ WEIGHTS[0] + np.roll(rows, -step, axis=0) @ WEIGHTS[1] + np.roll(rows, step, axis=0) @ WEIGHTS[2]
    return np.asarray(np.clip(odds + BIAS, -_MOST, _MOST))


def features(music: Music, unit: int, pulse: int) -> FloatArray:
    """The features of `evidence`, shape (places, 6), standardised."""
    onset, end = music.onset_ticks, music.end_ticks
    count = int(max(end.max(), onset.max() + 1) + unit - 1) // unit
    place = np.minimum((onset + unit // 2) // unit, count - 1)
    begins = np.abs(onset - place * unit) <= 1  # grace notes stand a little off
    at, pitch = place[begins], music.pitch[begins]
    longest = np.zeros(count)
    np.maximum.at(longest, at, np.minimum(end - onset, _LONGEST_TICKS)[begins])
    low = np.full(count, 128)
    np.minimum.at(low, at, pitch)
    struck = low < 128
    lowness = np.where(struck, (np.median(music.pitch) - low) / _LOW_SEMITONES, 0).clip(-1, 3)
    step = max(pulse // unit, 1)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(low, 2 * step, constant_values=128), 4 * step + 1)
    columns = (
        np.log1p(np.bincount(at, minlength=count)),
        np.log2(1 + longest / unit),
        lowness,
        struck & (low <= around.min(axis=1) + _LOWEST_NEAR),
        _novelty(music, unit, step, count),
        np.log1p(_held(onset, end, unit, count)),
    )
    rows = np.stack(columns, axis=1).astype(np.float64)
    return np.asarray((rows - rows.mean(axis=0)) / np.maximum(rows.std(axis=0), 0.2))


def _novelty(music: Music, unit: int, step: int, count: int) -> FloatArray:
    """1 less the cosine between the pitch classes of `step` places before and after each place."""
    place, note, ticks = overlaps(music.onset_ticks, music.end_ticks, np.arange(count + 1) * unit)
    sums = np.bincount(place * 12 + music.pitch[note] % 12, weights=ticks, minlength=12 * count).reshape(count, 12)
    total = np.vstack([np.zeros(12), np.cumsum(sums, axis=0)])
    index = np.arange(count)
    after = total[np.minimum(index + step, count)] - total[index]
    before = total[index] - total[np.maximum(index - step, 0)]
    size = np.linalg.norm(after, axis=1) * np.linalg.norm(before, axis=1)
    return np.asarray(1 - (after * before).sum(axis=1) / np.maximum(size, 1e-9))


def _held(onset: IntArray, end: IntArray, unit: int, count: int) -> IntArray:
    """How many notes sound on from before each place."""
    first, last = np.minimum(onset // unit + 1, count), np.minimum(-(-end // unit), count)
    steps = np.bincount(first, minlength=count + 1) - np.bincount(np.maximum(first, last), minlength=count + 1)
    return np.cumsum(steps)[:count]


def first_beats(odds: FloatArray, size: int, *, begins: bool, closes: bool) -> BoolArray:
    """Which of these places are bar lines, bool (places,), when a bar is `size` places long.

    The likeliest way is found by Viterbi over the phases of the bar: a line before a bar is full costs _MOVE_NATS. The
    way that begins with a line is preferred, by less where the piece `begins` than after a later signature; so is the
    way that ends with a full bar when a new signature follows (`closes`).
    """
    worth = (odds * _TRUST).tolist()
    total = [-(_START_NATS if begins else _CHANGE_NATS)] * size
    total[0] = 0.0
    came_from = np.full(len(odds), -1)
    for place, gain in enumerate(worth):
        phase = place % size
        if place >= size:
            best = max(total)
            if best - _MOVE_NATS > total[phase]:
                came_from[place] = total.index(best)
                total[phase] = best - _MOVE_NATS
        total[phase] += gain
    if closes:
        total[len(odds) % size] += _CLOSE_NATS
    lines = np.zeros(len(odds), dtype=bool)
    phase = total.index(max(total))
    for place in range(len(odds) - 1, -1, -1):
        if place % size == phase:
            lines[place] = True
            if came_from[place] >= 0:
                phase = int(came_from[place])
    return lines
