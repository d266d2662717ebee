"""Measures of texture and playability. Each takes a Reading and returns one number, NaN where nothing can be said."""

from __future__ import annotations

import itertools
import math

import numpy as np

from training.evaluation.composition.harmony import mean
from training.evaluation.composition.music import LEFT, RIGHT, TICKS_PER_BEAT, IntArray
from training.evaluation.composition.reach import reachable
from training.evaluation.composition.reading import Reading

KEPT_BARS = 3
FIGURE_PLACES = 2  # a bar with fewer strokes has no figure
FIGURE_LIKENESS = 0.8
HARSH = (1, 11, 13)
SHORT_TICKS = TICKS_PER_BEAT // 2  # an eighth
STEPS = (1, 2)  # semitones
OCTAVE = 12
FEWEST_STROKES = 8  # of fewer nothing is said


def figure(rows: list[tuple[int, int]]) -> frozenset[int]:
    """Places that the accompaniment of a bar strikes; empty where there are fewer than two: a held chord is none."""
    places = frozenset(place for place, _ in rows)
    return places if len(places) >= FIGURE_PLACES else frozenset()


def shared(one: frozenset[int], other: frozenset[int]) -> float:
    """Share of the places of both that both have, 0..1 (Jaccard); 1 for two empty bars."""
    return len(one & other) / len(one | other) if one or other else 1.0


def figure_lengths(reading: Reading) -> IntArray:
    """For each bar in how many bars in a row the figure is kept that it is in; 0 where it has none."""
    figures = [figure(rows) for rows in reading.accompaniment_bars]
    lengths = np.zeros(len(figures), dtype=np.int64)
    first = 0
    for bar in range(1, len(figures) + 1):
        kept = bar < len(figures) and figures[bar] and shared(figures[bar - 1], figures[bar]) >= FIGURE_LIKENESS
        if not kept:
            lengths[first:bar] = bar - first
            first = bar
    lengths[[not one for one in figures]] = 0
    return lengths


def in_figure(reading: Reading) -> float:
    """Share of bars in an accompaniment figure that is kept for three bars and more."""
    return mean(figure_lengths(reading) >= KEPT_BARS)


def longest_figure(reading: Reading) -> float:
    """Bars of the longest figure."""
    return float(figure_lengths(reading).max(initial=0))


def rhythm_kept(reading: Reading) -> float:
    """Share of places that the accompaniments of a bar and the next have in common, mean; two resting bars left out."""
    places = [frozenset(place for place, _ in rows) for rows in reading.accompaniment_bars]
    return mean(np.array([shared(one, other) for one, other in itertools.pairwise(places) if one or other]))


def density_change(reading: Reading) -> float:
    """How much the notes per beat change from bar to bar, percent of their mean."""
    counts = reading.notes_in_bar / (np.diff(reading.music.lines) / TICKS_PER_BEAT)
    return 100 * float(np.abs(np.diff(counts)).mean() / max(counts.mean(), 1e-9)) if len(counts) > 1 else math.nan


def notes_per_beat(reading: Reading) -> float:
    """Notes per quarter note."""
    return len(reading.music.notes) / reading.music.beats


def struck_together(reading: Reading) -> float:
    """Mean number of notes that begin together."""
    return len(reading.music.notes) / len(np.unique(reading.music.notes["onset"]))


def sounding_together(reading: Reading) -> float:
    """Mean number of notes that sound at an onset."""
    return mean(np.array([len(moment) for moment in reading.moments]))


def clashes(reading: Reading) -> float:
    """Share of struck moments at which two sounding notes lie a semitone, a major seventh or a minor ninth apart."""
    return mean(np.array([_clashes(moment) for moment in reading.moments]))


def _clashes(pitches: IntArray) -> bool:
    return bool(np.isin(pitches[:, None] - pitches[None, :], HARSH).any())


def unplayable(reading: Reading) -> float:
    """Percent of struck moments whose keys no two hands can hold: more than a tenth or five notes for one of them."""
    return 100 * mean(np.array([not reachable(moment) for moment in reading.moments]))


def left_strokes(reading: Reading) -> float:
    """Moments per quarter note at which the left hand strikes."""
    onset = reading.music.notes["onset"][reading.hands == LEFT]
    return len(np.unique(onset)) / reading.music.beats


def hands_apart(reading: Reading) -> float:
    """Semitones between the mean pitches of the two hands."""
    pitch = reading.music.notes["pitch"]
    left, right = pitch[reading.hands == LEFT], pitch[reading.hands == RIGHT]
    return float(right.mean() - left.mean()) if len(left) and len(right) else math.nan


def both_strike(reading: Reading) -> float:
    """Share of struck moments at which both hands strike."""
    onset = reading.music.notes["onset"]
    left, right = (np.unique(onset[reading.hands == hand]) for hand in (LEFT, RIGHT))
    return len(np.intersect1d(left, right)) / len(np.union1d(left, right))


def strokes(reading: Reading, hand: int) -> list[tuple[int, tuple[int, ...]]]:
    """Onset and pitches, ascending, of each moment at which a hand strikes."""
    notes = reading.music.notes[reading.hands == hand]
    return [(int(at), tuple(sorted(notes["pitch"][notes["onset"] == at].tolist()))) for at in np.unique(notes["onset"])]


def left_short_steps(reading: Reading) -> float:
    """Of the moves between single notes of the left hand, at most an eighth apart, the share of steps: a line's, where
    a broken chord leaps.
    """
    moves = [
        abs(after[0] - before[0])
        for (at, before), (then, after) in itertools.pairwise(strokes(reading, LEFT))
        if len(before) == len(after) == 1 and then - at <= SHORT_TICKS
    ]
    return mean(np.isin(moves, STEPS)) if len(moves) >= FEWEST_STROKES else math.nan


def short_octaves(reading: Reading, hand: int) -> float:
    """Of a hand's strokes that another one follows within an eighth, the share that doubles a note in the octave."""
    short = [
        pitches for (at, pitches), (then, _) in itertools.pairwise(strokes(reading, hand)) if then - at <= SHORT_TICKS
    ]
    doubled = [any(pitch + OCTAVE in pitches for pitch in pitches) for pitches in short]
    return mean(np.array(doubled)) if len(short) >= FEWEST_STROKES else math.nan


def left_short_octaves(reading: Reading) -> float:
    """`short_octaves` of the left hand."""
    return short_octaves(reading, LEFT)


def right_short_octaves(reading: Reading) -> float:
    """`short_octaves` of the right hand."""
    return short_octaves(reading, RIGHT)


def on_beats(reading: Reading) -> float:
    """Share of struck moments on a quarter note of the bar."""
    place = reading.music.place[np.diff(reading.music.notes["onset"], prepend=-1) > 0]
    return mean(place % TICKS_PER_BEAT == 0)


def downbeats_struck(reading: Reading) -> float:
    """Share of bars whose first moment is struck."""
    return mean(np.isin(reading.music.lines[:-1], reading.music.notes["onset"]))


def over_the_bar(reading: Reading) -> float:
    """Share of bar lines over which a note is held that is struck in the bar before and not ended there."""
    music = reading.music
    inner = music.lines[1:-1]
    held = (music.notes["onset"][None, :] < inner[:, None]) & (music.end[None, :] > inner[:, None] + 2)
    return mean(np.asarray(held.any(axis=1)))


def silence(reading: Reading) -> float:
    """Share of time without any sounding note."""
    music = reading.music
    covered = np.zeros(int(music.lines[-1]) + 1, dtype=np.int64)
    np.add.at(covered, music.notes["onset"], 1)
    np.add.at(covered, np.minimum(music.end, music.lines[-1]), -1)
    return mean(np.cumsum(covered)[:-1] == 0)


def rhythms(reading: Reading) -> float:
    """Different rhythms of bars, as a share of the bars."""
    places = {frozenset(place for place, _ in bar) for bar in reading.bar_patterns}
    return len(places) / reading.music.bars
