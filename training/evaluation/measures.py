"""Measures of one excerpt: what sets real music apart from nonsense, and what only describes it.

`DIRECTED` measures have a better side; they are kept only where they rank human music above its own permutation
(`training.evaluation.quality`). `FEATURES` describe an excerpt and serve as distance to human music alone: permuted
music scores as well in them or better (scale consistency, entropies), so more is not better.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from improv.improviser.biases import PERFECT
from improv.music.attributes import dissonance, key_of, melody
from training.evaluation.excerpts import Excerpt

FloatArray = NDArray[np.float64]

_SCALE = {True: (0, 2, 4, 5, 7, 9, 11), False: (0, 2, 3, 5, 7, 8, 11)}  # major, harmonic minor
_TRIADS = np.array([[(root + step) % 12 for step in steps] for root in range(12) for steps in ((0, 4, 7), (0, 3, 7))])
_STEP_SEMITONES = 2


class Line(NamedTuple):
    """The top line: pitch and onset in quarters of each of its notes."""

    onset: FloatArray
    pitch: FloatArray


def line_of(excerpt: Excerpt) -> Line:
    """The melody, as `improv.music.attributes.melody` hears it."""
    at = melody(excerpt.onset, excerpt.end, excerpt.pitch.astype(np.float64))
    return Line(excerpt.onset[at], excerpt.pitch[at].astype(np.float64))


def slices(excerpt: Excerpt) -> list[NDArray[np.int64]]:
    """What sounds at each onset, from high to low."""
    moments, end = np.unique(excerpt.onset), excerpt.end
    sounding = (excerpt.onset[None, :] <= moments[:, None]) & (end[None, :] > moments[:, None])
    return [np.sort(excerpt.pitch[row])[::-1] for row in sounding]


def histogram(excerpt: Excerpt) -> FloatArray:
    """Pitch classes by duration, sum 1: (12,)."""
    counts = np.bincount(excerpt.pitch % 12, weights=excerpt.duration, minlength=12)
    return np.asarray(counts / max(counts.sum(), 1e-9))


def dissonant(excerpt: Excerpt) -> float:
    """Share of seconds, sevenths and tritones among intervals that sound together."""
    return dissonance(excerpt.onset, excerpt.end, excerpt.pitch.astype(np.float64))


def triads(excerpt: Excerpt) -> float:
    """Share of the moments with two pitch classes or more whose pitch classes all belong to one triad."""
    rows = [np.unique(chord % 12) for chord in slices(excerpt)]
    rows = [row for row in rows if row.size >= 2]
    fits = [_in_a_triad(row) for row in rows]
    return float(np.mean(fits)) if fits else 0.0


def _in_a_triad(classes: NDArray[np.int64]) -> bool:
    return any(np.isin(classes, triad).all() for triad in _TRIADS)


def fifths(excerpt: Excerpt) -> float:
    """Share of steps along the circle of fifths among the changes of harmony from one beat to the next.

    The harmony of a beat is the triad that most of its sounding time belongs to.
    """
    roots = [root for root in _roots(excerpt) if root is not None]
    changes = [(after - before) % 12 for before, after in itertools.pairwise(roots) if before != after]
    return float(np.mean([change in (5, 7) for change in changes])) if changes else 0.0


def _roots(excerpt: Excerpt) -> list[int | None]:
    """The root of every beat's best triad; None for silence."""
    if not excerpt.onset.size:
        return []
    begin, last = np.floor(excerpt.onset.min()), np.ceil(excerpt.end.max())
    beats = np.arange(begin, last)
    overlap = np.minimum(excerpt.end, beats[:, None] + 1) - np.maximum(excerpt.onset, beats[:, None])
    overlap = np.maximum(overlap, 0)
    classes = np.stack([(overlap * (excerpt.pitch % 12 == pc)).sum(1) for pc in range(12)], axis=1)
    scores = classes[:, _TRIADS].sum(axis=2)
    return [int(row.argmax()) // 2 if row.max() > 0 else None for row in scores]


def stepwise(excerpt: Excerpt) -> float:
    """Share of the melody's moves that are a tone or less (repetitions not counted)."""
    moves = np.abs(np.diff(line_of(excerpt).pitch))
    moves = moves[moves > 0]
    return float((moves <= _STEP_SEMITONES).mean()) if moves.size else 0.0


def on_the_beat(excerpt: Excerpt) -> float:
    """Share of onsets on the best-filled phase of the quarter: 1 where all begin on beats."""
    phase = np.round(np.unique(excerpt.onset) * 4).astype(np.int64) % 4
    return float(np.bincount(phase, minlength=4).max() / max(phase.size, 1))


def parallels(excerpt: Excerpt) -> float:
    """Parallel fifths and octaves per 1000 pairs of voices that move in the same direction.

    Voices are counted from the top where two slices in a row have equally many notes.
    """
    chords = slices(excerpt)
    faults = pairs = 0
    for before, after in itertools.pairwise(chords):
        if len(before) != len(after) or len(before) < 2:
            continue
        moves = after - before
        for high in range(len(before)):
            for low in range(high + 1, len(before)):
                if moves[high] * moves[low] <= 0:
                    continue
                pairs += 1
                was, now = (int(chord[high] - chord[low]) % 12 for chord in (before, after))
                faults += was == now and was in PERFECT and before[high] != before[low]
    return 1000 * faults / pairs if pairs else 0.0


def in_scale(excerpt: Excerpt) -> float:
    """Share of sounding time within the scale of the best key."""
    classes = histogram(excerpt)
    key = key_of(classes)
    return float(classes[[(key.tonic + step) % 12 for step in _SCALE[key.major]]].sum())


def entropy(excerpt: Excerpt) -> float:
    """Of the pitch classes, in nats."""
    share = histogram(excerpt)
    share = share[share > 0]
    return float(-(share * np.log(share)).sum())


def _gaps(excerpt: Excerpt) -> FloatArray:
    return np.diff(np.unique(excerpt.onset))


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if values.size else 0.0


def _lengths(values: FloatArray) -> FloatArray:
    """Share of lengths from a sixteenth to a whole note, in octaves: (5,)."""
    octave = np.clip(np.round(np.log2(np.maximum(values, 1e-3) * 4)), 0, 4).astype(np.int64)
    return np.asarray(np.bincount(octave, minlength=5) / max(octave.size, 1))


def _moves(excerpt: Excerpt) -> FloatArray:
    """Share of the melody's moves by size, -12..12 semitones, larger ones at the ends: (25,)."""
    moves = np.clip(np.diff(line_of(excerpt).pitch), -12, 12).astype(np.int64) + 12
    return np.asarray(np.bincount(moves, minlength=25) / max(moves.size, 1))


def _relative_classes(excerpt: Excerpt) -> FloatArray:
    classes = histogram(excerpt)
    return np.roll(classes, -key_of(classes).tonic)


def _articulation(excerpt: Excerpt) -> float:
    """Mean of length over distance to the next note in the melody, .25..1: the median is 1 for nearly all scores."""
    at = melody(excerpt.onset, excerpt.end, excerpt.pitch.astype(np.float64))
    gaps = np.diff(excerpt.onset[at])
    return _mean(np.clip(excerpt.duration[at][:-1] / gaps, 0.25, 1)) if gaps.size else 1.0


Feature = Callable[[Excerpt], float | FloatArray]

FEATURES: dict[str, Feature] = {
    "different pitches": lambda e: float(np.unique(e.pitch).size),
    "pitch range": lambda e: float(np.ptp(e.pitch)) if e.pitch.size else 0.0,
    "mean pitch": lambda e: _mean(e.pitch.astype(np.float64)),
    "pitch classes above the tonic": _relative_classes,
    "pitch-class entropy": entropy,
    "scale consistency": in_scale,
    "melodic intervals": _moves,
    "size of melodic moves": lambda e: _mean(np.abs(np.diff(line_of(e).pitch))),
    "onsets per beat": lambda e: len(np.unique(e.onset)) / max(float(np.ptp(e.onset)), 1.0) if e.onset.size else 0.0,
    "inter-onset interval": lambda e: _mean(_gaps(e)),
    "inter-onset intervals": lambda e: _lengths(_gaps(e)),
    "note lengths": lambda e: _lengths(e.duration),
    "articulation": _articulation,
    "notes at once": lambda e: _mean(np.array([float(len(chord)) for chord in slices(e)])),
    "dissonance": dissonant,
}

DIRECTED: dict[str, tuple[Feature, int]] = {
    "dissonant intervals": (dissonant, -1),
    "moments within a triad": (triads, 1),
    "harmony along the circle of fifths": (fifths, 1),
    "stepwise melody": (stepwise, 1),
    "onsets on one phase of the beat": (on_the_beat, 1),
    "parallel fifths and octaves per 1000": (parallels, -1),
}
"""Name -> the measure and which side is better: +1 more, -1 less."""
