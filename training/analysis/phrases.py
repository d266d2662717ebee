"""Phrases: where they begin, how they close, which are alike."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from training.analysis.cadences import AUTHENTIC, HALF, NONE, Cadences
from training.analysis.likeness import top_line
from training.analysis.metre import Bars
from training.analysis.music import BoolArray, FloatArray, IntArray, Music

LONGEST = 16
"""Bars of a phrase at most."""
SAME = 0.85
"""Likeness from which one bar is no variant of another."""
LONG = 8
"""Bars: a passage that comes back for so long is counted no longer."""
_NEAREST = 4  # bars: a figure comes back sooner, a phrase does not
_LENGTH_NATS = -np.log(
    np.array([0.004, 0.03, 0.03, 0.36, 0.05, 0.08, 0.03, 0.3, 0.02, 0.03, 0.01, 0.03, 0.005, 0.01, 0.005, 0.01])
)
"""How unlikely a phrase of 1, 2, 3 ... LONGEST bars is."""


class Weights(NamedTuple):
    """What speaks for a phrase to end with a bar, in nats, against what is usual in the piece.

    pause, sparse: for each doubling of the melody's longest wait in the bar, for each halving of its onsets. authentic,
    half: the cadence. texture: how much changes after it. heard, recurs: that a passage begins after it which was heard
    before, which will be heard again. long: for each bar, up to eight, that such a passage is the same. again: that the
    phrase is as long as the one before. Set on every other work that `python -m training check-analysis` knows.
    """

    pause: float = 0.5
    sparse: float = 0.5
    authentic: float = 1.4
    half: float = 1.0
    texture: float = 0.3
    heard: float = 6.0
    recurs: float = 4.0
    long: float = 0.4
    again: float = 0.7


DEFAULT_WEIGHTS = Weights()


class Phrases(NamedTuple):
    """bar: the first bar of each phrase, int64 (phrases,), bars as in `metre.Bars`; a pickup belongs to the bar before.

    Of each bar, int64 (bars,): phrase, the number of its phrase; since, bars since that began; left, bars that follow
    in it; cadence, how it closes (improv.model.plan_inputs.CADENCES).
    """

    bar: IntArray
    phrase: IntArray
    since: IntArray
    left: IntArray
    cadence: IntArray


def phrases(
    music: Music,
    bars: Bars,
    hand: IntArray,
    cadences: Cadences,
    likeness: FloatArray,
    weights: Weights = DEFAULT_WEIGHTS,
) -> Phrases:
    """The phrases of a piece. hand, cadences, likeness: as of the modules of these names.

    Dynamic programming chooses the bars that begin phrases, so that lengths are usual ones (4 and 8 bars above all) and
    much speaks for each end, see `Weights` (the pauses of Cambouropoulos 2001, the parallelism of Temperley 2001, whose
    "Grouper" weighs gaps against a usual length in this way). Its cadence is that of the phrase's last bar, or of the
    bar before where the last only echoes it.
    """
    pickup = int(bars.lead[0] > 0)
    ends = evidence(music, bars, hand, cadences, likeness, weights)
    first = _segmented(ends[pickup:], weights.again) + pickup
    first[0] = 0
    count = len(bars)
    phrase = np.searchsorted(first, np.arange(count), side="right") - 1
    stop = np.append(first[1:], count)
    since = np.arange(count) - first[phrase]
    left = stop[phrase] - 1 - np.arange(count)
    close = cadences.kind[stop - 1]
    before = cadences.kind[np.maximum(stop - 2, first)]
    close = np.where(close == NONE, before, close)
    return Phrases(first, phrase, since, left, close[phrase])


def evidence(
    music: Music, bars: Bars, hand: IntArray, cadences: Cadences, likeness: FloatArray, weights: Weights
) -> FloatArray:
    """How much speaks for a phrase to end with each bar, (bars,), nats; the last bar's is of no use."""
    pause, sparse = _pauses(music, bars, hand)
    texture = _texture_change(music, bars, hand)
    out = weights.pause * pause + weights.sparse * sparse + weights.texture * texture
    out += weights.authentic * (cadences.kind == AUTHENTIC) + weights.half * (cadences.kind == HALF)
    earlier, later, same = returns(likeness)
    out[:-1] += weights.heard * earlier[1:] + weights.recurs * later[1:] + weights.long * same[1:]
    return np.asarray(out - out[:-1].mean()) if len(out) > 1 else out


def _segmented(ends: FloatArray, again: float) -> IntArray:
    """The bars that begin phrases, the first among them. again: worth of a phrase as long as the one before."""
    count, sizes = len(ends), np.arange(LONGEST)  # less one
    best = np.full((count + 1, LONGEST), -np.inf)  # at each end, by the last phrase's length
    came_from = np.zeros((count + 1, LONGEST), dtype=np.int64)
    for stop in range(1, count + 1):
        usual = sizes[: min(stop, LONGEST)]
        start = stop - 1 - usual
        ways = best[start] + again * np.eye(LONGEST)[usual]
        came_from[stop, usual] = ways.argmax(axis=1)
        gain = ways.max(axis=1)
        gain[start == 0] = 0.0
        best[stop, usual] = gain - _LENGTH_NATS[usual] + (ends[stop - 1] if stop < count else 0.0)
    out, at, size = [], count, int(best[count].argmax())
    while at > 0:
        at, size = at - 1 - size, int(came_from[at, size])
        out.append(at)
    return np.array(out[::-1] or [0], dtype=np.int64)


def _pauses(music: Music, bars: Bars, hand: IntArray) -> tuple[FloatArray, FloatArray]:
    """Of each bar: the longest wait of the melody from an onset in it, and how few onsets it has, in doublings of the
    piece's usual ones, at most 2 and at least 0."""
    onset = music.onset_ticks[top_line(music, hand)]
    wait = np.diff(onset, append=onset[-1] + bars.length[-1]).astype(np.float64)
    bar = bars.of(onset)
    longest = np.zeros(len(bars))
    np.maximum.at(longest, bar, wait)
    longest = np.where(longest > 0, longest, bars.whole)
    count = np.bincount(bars.of(music.onset_ticks), minlength=len(bars)).astype(np.float64)
    pause = np.log2(longest / max(float(np.median(longest)), 1.0))
    sparse = np.log2(max(float(np.median(count)), 1.0) / np.maximum(count, 0.5))
    return np.clip(pause, 0, 2), np.clip(sparse, 0, 2)


def _texture_change(music: Music, bars: Bars, hand: IntArray) -> FloatArray:
    """How much onsets and pitches of both hands differ between the two bars that end with each and the two after it."""
    bar, columns = bars.of(music.onset_ticks), []
    for side in (0, 1):
        mine = hand == side
        count = np.bincount(bar[mine], minlength=len(bars))
        pitch = np.bincount(bar[mine], music.pitch[mine], minlength=len(bars)) / np.maximum(count, 1)
        columns += [np.log2(1 + count), np.where(count > 0, pitch, pitch[count > 0].mean() if count.any() else 0) / 12]
    rows = np.stack(columns, axis=1)
    total = np.vstack([np.zeros(rows.shape[1]), np.cumsum(rows, axis=0)])
    index = np.arange(len(bars))
    before = (total[index + 1] - total[np.maximum(index - 1, 0)]) / np.minimum(index + 1, 2)[:, None]
    stop = np.minimum(index + 3, len(bars))
    after = (total[stop] - total[index + 1]) / np.maximum(stop - index - 1, 1)[:, None]
    return np.where(index + 1 < len(bars), np.abs(after - before).sum(axis=1).clip(0, 3), 0.0)


def returns(likeness: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """How much a passage begins with each bar that was heard before, and that will be heard again, 0..1 each; and for
    how many bars, 0..LONG, it stays the same as there.

    The best over all lags of _NEAREST bars and more of the likeness of this bar and the next to those so far away, less
    that of the bar before them, above what is usual in the piece.
    """
    count = len(likeness)
    earlier, later, same = np.zeros(count), np.zeros(count), np.zeros(count)
    usual = float(np.median(likeness))
    for lag in range(_NEAREST, count - 1):
        here = np.diagonal(likeness, -lag)  # here[i]: bar lag + i with bar i
        two = (here[:-1] + here[1:]) / 2
        gain = (two - np.maximum(np.append(usual, here[:-2]), usual)) * (two > usual)
        runs = _runs(here >= SAME)
        for values, out, at in ((gain, earlier, lag), (gain, later, 0), (runs, same, lag), (runs, same, 0)):
            part = out[at : at + len(values)]
            np.maximum(part, values, out=part)
    return earlier, later, same


def _runs(holds: BoolArray) -> FloatArray:
    """For the first of each run of True how long it is, at most LONG; else 0."""
    index = np.arange(len(holds) + 1)
    stop = np.minimum.accumulate(np.where(np.append(holds, False), len(holds), index)[::-1])[::-1]
    begins = holds & ~np.append(False, holds[:-1])
    return np.where(begins, np.minimum(stop[:-1] - index[:-1], LONG), 0).astype(np.float64)
