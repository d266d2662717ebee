"""All rows in one table: name -> measure; means with intervals, and how far each set of pieces is from people's."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.evaluation.composition import expression, harmony, lines, pedal, returns, texture
from training.evaluation.composition.bigram import ChordBigram
from training.evaluation.composition.music import BarredMusic, FloatArray
from training.evaluation.composition.reading import Reading
from training.evaluation.figures import SAMPLES, Estimate

Measure = Callable[[Reading], float]
BITS = "bits per chord"

MEASURES: dict[str, Measure] = {
    "authentic cadences per 100 beats": harmony.cadences,
    "phrase ends over I or V": harmony.ends_at_rest,
    "root falls a fifth": harmony.falls_a_fifth,
    "root moves along the circle of fifths": harmony.along_the_circle,
    "root moves by a second": harmony.by_a_second,
    "chord changes per four beats": harmony.changes_per_four_beats,
    "chord changes on downbeats, chance = 1": harmony.changes_on_downbeats,
    "beats within one chord": harmony.inside_chord,
    "root position": harmony.root_position,
    "beats on the tonic": harmony.on_tonic,
    "beats on the dominant": harmony.on_dominant,
    "V to I, of root changes": harmony.dominant_resolves,
    "seventh chords": harmony.sevenths,
    "within the scale": harmony.scale,
    "key changes per 100 bars": harmony.key_changes,
    "opens in root position of its key": harmony.opens_at_home,
    "bass moves by step": harmony.bass_steps,
    "bars in a figure kept 3 bars": texture.in_figure,
    "longest figure, bars": texture.longest_figure,
    "accompaniment rhythm as the next bar's": texture.rhythm_kept,
    "notes per beat change, %": texture.density_change,
    "notes per beat": texture.notes_per_beat,
    "notes struck together": texture.struck_together,
    "notes sounding together": texture.sounding_together,
    "semitone clashes": texture.clashes,
    "unplayable, %": texture.unplayable,
    "left hand's strokes per beat": texture.left_strokes,
    "semitones between the hands": texture.hands_apart,
    "both hands strike": texture.both_strike,
    "left hand's short notes by step": texture.left_short_steps,
    "octaves in the left hand's short strokes": texture.left_short_octaves,
    "octaves in the right hand's short strokes": texture.right_short_octaves,
    "onsets on beats": texture.on_beats,
    "downbeats struck": texture.downbeats_struck,
    "bar lines held over": texture.over_the_bar,
    "silence": texture.silence,
    "different rhythms, of bars": texture.rhythms,
    "melody rhythm returns in 8 bars": lines.rhythm_returns,
    "melody returns literally": lines.returns_literally,
    "melody returns moved (sequence)": lines.returns_moved,
    "melody repeats its tone": lines.repeats_tone,
    "melody moves by step": lines.steps,
    "melody leaps over a fifth": lines.leaps,
    "melody turns": lines.turns,
    "leaps recovered": lines.leaps_recovered,
    "melody's range in 4 bars": lines.range_in_four_bars,
    "bits of melodic moves": lines.entropy_of_moves,
    "bits of melodic times": lines.entropy_of_times,
    "melody notes per beat": lines.notes_in_melody,
    "phrase ends per 100 beats": lines.phrases,
    "phrases of whole bars": lines.phrase_regularity,
    "melody on the chord": lines.on_chord,
    "bars back within 4 bars": returns.soon,
    "bars back after 5 bars and more": returns.later,
    "best likeness to an earlier bar": returns.best_likeness,
    "likeness to the bar before": returns.neighbours,
    "loudness, 5th to 95th percentile": expression.loudness_range,
    "loudness changes from bar to bar": expression.loudness_change,
    "loudness of 4 bars varies": expression.loudness_arc,
    "melody louder by": expression.melody_louder,
    "tempo": expression.tempo_bpm,
    "bar length varies, %": expression.bar_variation,
    "tempo changes from bar to bar, %": expression.tempo_change,
    "melody's articulation": expression.articulation,
    "time with the pedal down": pedal.share_down,
    "pedal goes down per four beats": pedal.presses,
    "pedal rises where chords change": pedal.rises_on_changes,
    "pedal rises on beats": pedal.rises_on_beats,
    "chord changes that lift the pedal": pedal.changes_lifted,
    "semitone clashes of what rings": pedal.clashes_that_ring,
    "mud below G3": pedal.mud,
}
LONG_MEASURES: dict[str, Measure] = {
    "contrast of half-minutes": returns.contrast,
    "last minute in the key of the first": returns.comes_home,
    "bars back after two minutes": returns.after_minutes,
}
"""Of ten minutes."""
HEADLINES = (
    *("authentic cadences per 100 beats", "phrase ends over I or V", "bars in a figure kept 3 bars"),
    *("accompaniment rhythm as the next bar's", "melody rhythm returns in 8 bars", "melody returns moved (sequence)"),
    *("bars back within 4 bars", "root falls a fifth", "opens in root position of its key", BITS),
)
"""Rows in which people must rank above their own bars in random order (less is better in the last)."""
LESS = (BITS,)
_LEAST_FOR_HALVES, _HALVINGS = 4, 100


@dataclass(frozen=True)
class Column:
    """One set of pieces, measured. rows: name of the measure -> a value for each piece, NaN where it says nothing."""

    name: str
    pieces: list[str]
    moods: list[str]
    rows: dict[str, FloatArray]

    def content(self) -> dict[str, Any]:
        """For JSON; NaN becomes null."""
        rows = {row: [None if math.isnan(v) else round(float(v), 6) for v in vs] for row, vs in self.rows.items()}
        return {"pieces": self.pieces, "moods": self.moods, "rows": rows}

    @classmethod
    def of_content(cls, name: str, content: Mapping[str, Any]) -> Column:
        """What `content` wrote. KeyError, TypeError and ValueError where it is no such thing."""
        rows = {row: np.array(values, dtype=np.float64) for row, values in content["rows"].items()}
        return cls(name, list(content["pieces"]), list(content["moods"]), rows)


def measured(music: BarredMusic, bigram: ChordBigram) -> dict[str, float]:
    """All measures of one piece. bigram: of other people's pieces."""
    reading = Reading(music)
    return {name: float(measure(reading)) for name, measure in MEASURES.items()} | {BITS: bigram.bits(reading.harmony)}


def measured_long(music: BarredMusic) -> dict[str, float]:
    """The measures of ten minutes of one piece."""
    reading = Reading(music)
    return {name: float(measure(reading)) for name, measure in LONG_MEASURES.items()}


def column(name: str, pieces: Sequence[BarredMusic], values: Iterable[Mapping[str, float]]) -> Column:
    """values: of each piece, from `measured`."""
    found = list(values)
    rows = {row: np.array([one[row] for one in found]) for row in found[0]}
    return Column(name, [piece.name for piece in pieces], [piece.mood for piece in pieces], rows)


def estimate(values: FloatArray) -> Estimate:
    """Mean over the pieces that say something, with its 95 % interval from bootstrap samples of pieces."""
    told = values[~np.isnan(values)]
    if not len(told):
        return Estimate(math.nan, math.nan, math.nan)
    drawn = told[np.random.default_rng(0).integers(0, len(told), (SAMPLES, len(told)))].mean(axis=1)
    return Estimate(float(told.mean()), *map(float, np.quantile(drawn, [0.025, 0.975])))


def distances(ours: Column, people: Column) -> dict[str, float]:
    """Of each row the distance of the means, in standard deviations between people's pieces.

    Left out: rows that one of them does not have, and rows in which people's pieces are all alike.
    """
    found = {}
    for row, values in people.rows.items():
        told, mine = values[~np.isnan(values)], ours.rows.get(row, np.zeros(0))
        mine = mine[~np.isnan(mine)]
        if len(told) > 1 and len(mine) and told.std() > 1e-9:
            found[row] = abs(float(mine.mean() - told.mean())) / float(told.std())
    return found


def mean_distance(ours: Column, people: Column) -> Estimate:
    """Mean of `distances`, with a 95 % interval from bootstrap samples of the pieces of both.

    Distances have no sign, so samples lie further apart than the whole: the interval has the samples' width around
    their median, and is laid around the value.
    """
    apart = distances(ours, people)
    value = float(np.mean(list(apart.values())))
    spreads = np.array([np.nanstd(people.rows[row]) for row in apart])[:, None]
    mine, theirs = (np.stack([one.rows[row] for row in apart]) / spreads for one in (ours, people))
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(SAMPLES // 4):
        a, b = (_means(one[:, rng.integers(0, one.shape[1], one.shape[1])]) for one in (mine, theirs))
        drawn.append(float(np.nanmean(np.abs(a - b))))
    low, middle, high = np.quantile(drawn, [0.025, 0.5, 0.975])
    return Estimate(value, max(value + float(low - middle), 0.0), value + float(high - middle))


def _means(values: FloatArray) -> FloatArray:
    """Of each row, without NaN; NaN where there is nothing else."""
    told = ~np.isnan(values)
    sums = np.where(told, values, 0.0).sum(axis=1)
    counts = told.sum(axis=1)
    return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 1), np.nan))


def floor(people: Column) -> float:
    """How far two halves of people's pieces are from each other, as `distances` measures; NaN for fewer than four.

    No set of half as many pieces can be expected nearer.
    """
    told = list(distances(people, people))
    values = np.stack([people.rows[row] / np.nanstd(people.rows[row]) for row in told])
    count, rng = len(people.pieces), np.random.default_rng(0)
    if count < _LEAST_FOR_HALVES:
        return math.nan
    found = []
    for _ in range(_HALVINGS):
        order = rng.permutation(count)
        one, other = (_means(values[:, part]) for part in (order[: count // 2], order[count // 2 :]))
        found.append(float(np.nanmean(np.abs(one - other))))
    return float(np.mean(found))


def spread(ours: Column, people: Column) -> float:
    """How much the pieces of one mood differ, as a share of how much people's do: mean over rows and moods."""
    found = []
    for row in distances(ours, people):
        for mood in dict.fromkeys(people.moods):
            mine, theirs = (
                one.rows[row][np.array([m == mood for m in one.moods], dtype=bool)] for one in (ours, people)
            )
            mine, theirs = mine[~np.isnan(mine)], theirs[~np.isnan(theirs)]
            if len(mine) > 1 and len(theirs) > 1 and theirs.std() > 1e-9:
                found.append(min(float(mine.std() / theirs.std()), 2.0))  # a row that two pieces share is no scale
    return float(np.mean(found)) if found else math.nan


def text(columns: Sequence[Column]) -> str:
    """The table as Markdown. columns: the first is people's, the second their bars in random order."""
    people, mixed = columns[:2]
    names = [one.name for one in columns]
    lines = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for row in people.rows:
        cells = [_cell(estimate(one.rows[row])) if row in one.rows else "" for one in columns]
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    apart = {one.name: distances(one, people) for one in columns}
    cells = ["0", *(_cell(mean_distance(one, people)) for one in columns[1:])]
    lines.append("| **mean distance to people, standard deviations** | " + " | ".join(cells) + " |")
    further = [sum(apart[one.name].get(r, 0) > d for r, d in apart[mixed.name].items()) for one in columns]
    cells = ["", "", *(f"{count} of {len(apart[mixed.name])}" for count in further[2:])]
    lines.append("| rows further from people than their bars shuffled | " + " | ".join(cells) + " |")
    cells = [f"{spread(one, people):.2f}" for one in columns]
    lines.append("| spread between pieces of a mood, people = 1 | " + " | ".join(cells) + " |")
    apart_within = floor(people)
    halves = "" if math.isnan(apart_within) else f"Two halves of people: {apart_within:.2f} apart."
    return "\n".join([*lines, "", _moods(columns), "", halves])


def _moods(columns: Sequence[Column]) -> str:
    """Bits per chord of each mood."""
    lines = [f"| {BITS} | " + " | ".join(one.name for one in columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for mood in dict.fromkeys(columns[0].moods):
        cells = []
        for one in columns:
            chosen = np.array([m == mood for m in one.moods], dtype=bool)
            cells.append(_cell(estimate(one.rows[BITS][chosen])) if BITS in one.rows else "")
        lines.append(f"| {mood} | " + " | ".join(cells) + " |")
    return "\n".join(lines) if BITS in columns[0].rows else ""


def failing(people: Column, mixed: Column) -> list[str]:
    """Rows of HEADLINES in which people do not rank above their own bars in random order, where both say something."""
    found = []
    for row in (row for row in HEADLINES if row in people.rows):
        gain = (people.rows[row] - mixed.rows[row]) * (-1 if row in LESS else 1)
        if estimate(gain).value <= 0:
            found.append(row)
    return found


def _cell(found: Estimate) -> str:
    if math.isnan(found.value):
        return ""
    size = abs(found.value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3
    return f"{found.value:.{digits}f} [{found.low:.{digits}f}, {found.high:.{digits}f}]"
