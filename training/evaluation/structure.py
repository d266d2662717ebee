"""How much a piece repeats itself, at three scales: the fitness of segments of its self-similarity.

After Müller, Jiang & Grosche, A robust fitness measure for capturing repetitions in music recordings (2013), in the
scales in which Wu & Yang measured the Jazz Transformer (2020).
A segment is fit when paths through the self-similarity matrix, all together, both resemble it and cover much of the
piece. Chroma once a second, smoothed over four; the most similar fifth of all pairs counts from 0 to 1, all others -2.
Figures compare only with others of this code: paths are restricted to slopes of 1/2 to 2, and segments are tried at
every second second.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.evaluation.excerpts import Excerpt

FloatArray = NDArray[np.float64]

SCALES = {"short": (3, 8), "mid": (8, 15), "long": (15, 60)}
"""Seconds of a segment: from .. below."""
_LENGTHS = (3, 5, 7, 8, 10, 12, 14, 15, 20, 25, 30, 40)
SMOOTHED_S = 4
KEPT_SHARE = 0.2
PENALTY = -2.0


def chroma(excerpt: Excerpt) -> FloatArray:
    """Sounding time of each pitch class in each second, smoothed, unit length: (seconds, 12)."""
    on_s, off_s = excerpt.onset * excerpt.beat_s, excerpt.end * excerpt.beat_s
    seconds = np.arange(np.floor(on_s.min()), np.ceil(off_s.max()))
    overlap = np.clip(np.minimum(off_s, seconds[:, None] + 1) - np.maximum(on_s, seconds[:, None]), 0, None)
    frames = np.stack([(overlap * (excerpt.pitch % 12 == pc)).sum(axis=1) for pc in range(12)], axis=1)
    kernel = np.ones(SMOOTHED_S) / SMOOTHED_S
    frames = np.stack([np.convolve(column, kernel, mode="same") for column in frames.T], axis=1)
    return np.asarray(frames / np.maximum(np.linalg.norm(frames, axis=1, keepdims=True), 1e-9))


def similarity(frames: FloatArray) -> FloatArray:
    """The scaled and thresholded self-similarity: 1 on the diagonal, 0..1 for similar seconds, else the penalty."""
    raw = frames @ frames.T
    threshold = np.quantile(raw, 1 - KEPT_SHARE)
    scaled = (raw - threshold) / max(1 - threshold, 1e-9)
    result = np.where(scaled > 0, np.minimum(scaled, 1), PENALTY)
    np.fill_diagonal(result, 1.0)
    return np.asarray(result)


def fitness(matrix: FloatArray, length: int, stride: int = 2) -> FloatArray:
    """Of all segments of one length that begin at every `stride`-th second: the harmonic mean of how well and how
    widely each is repeated, without its own trivial path. (segments,)
    """
    total = len(matrix)
    starts = np.arange(0, total - length + 1, stride)
    parts = matrix[:, starts[:, None] + np.arange(length)]  # (seconds, segments, length)
    nothing = np.zeros((3, len(starts), 1))
    # Of the best paths that end in each cell: score, number of cells, rows that they cover. The row before, and the
    # one before that.
    last = before_last = np.concatenate([np.full((1, *parts.shape[1:]), LOW), np.zeros((2, *parts.shape[1:]))])
    outside, closed = nothing, nothing + np.array([LOW, 0, 0])[:, None, None]
    for row in parts:
        outside = _better(outside, closed)
        diagonal, slow, fast = _moved(last, 1), _moved(before_last, 1), _moved(last, 2)
        now = _better(_better(diagonal, slow + _ROW), fast) + np.stack([row, np.ones_like(row), np.ones_like(row)])
        now[:, :, :1] = outside + np.stack([row[:, :1], np.ones_like(row[:, :1]), np.ones_like(row[:, :1])])
        before_last, last, closed = last, now, now[:, :, -1:]
    score, cells, covered = _better(outside, closed)[:, :, 0]
    gain, cover = (score - length) / np.maximum(cells, 1), (covered - length) / total
    fit = (gain > 0) & (cover > 0)
    return np.where(fit, 2 * gain * cover / np.where(fit, gain + cover, 1), 0.0)


LOW = -1e9
_ROW = np.array([0.0, 0.0, 1.0])[:, None, None]  # a slow step covers the row that it leaves out


def _better(one: FloatArray, other: FloatArray) -> FloatArray:
    """Cell by cell the path with the higher score; the first where they are equal. (3, ...)"""
    return np.where(other[0] > one[0], other, one)


def _moved(paths: FloatArray, columns: int) -> FloatArray:
    """Each path as seen from so many columns further on."""
    result = np.zeros_like(paths)
    result[0] = LOW
    result[:, :, columns:] = paths[:, :, :-columns]
    return result


def structure(excerpt: Excerpt) -> dict[str, float]:
    """Scale -> the best fitness of a segment of that length; 0 where the excerpt is too short to repeat one."""
    matrix = similarity(chroma(excerpt))
    total = len(matrix)
    result = {}
    for name, (shortest, longest) in SCALES.items():
        lengths = [length for length in _LENGTHS if shortest <= length < longest and length <= total // 2]
        result[name] = max((float(fitness(matrix, length).max()) for length in lengths), default=0.0)
    return result
