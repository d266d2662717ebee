"""Does the planner plan as people compose? Sampled plans, laid out as block chords, measured beside people's pieces.

    python -m training check-plan piano-midi.de.zip mutopia-keyboard.zip --seeds 20

Plans of each mood are followed for the time of --seconds and written as a chord on every felt beat over its bass;
chords and keys are then found in them as in any music, so that people and plans are measured alike. People's pieces are
of a split that the counts of the planner do not know; the chords are judged by a bigram of the training split. What the
bars refer to is measured too: in people's music as `training.analysis` finds it, in plans as they say.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from improv.config import DEFAULT_TABLE
from improv.errors import InputError
from improv.files import atomic_write
from improv.music.chord import TONES
from improv.music.mood import CORNERS, attributes_at
from improv.plan.plan import Plan, PlannedBar
from improv.plan.plan_request import PlanRequest
from improv.plan.planner import follow
from training.analysis.hands import guess
from training.analysis.references import references
from training.dataset.splits import SPLITS
from training.evaluation.composition import chords, harmony, people
from training.evaluation.composition.bigram import ChordBigram
from training.evaluation.composition.music import (
    BARRED_NOTE,
    RIGHT,
    TICKS_PER_BEAT,
    BarredMusic,
    BoolArray,
    FloatArray,
    sort,
)
from training.evaluation.composition.reading import Reading
from training.evaluation.composition.table import BITS, MEASURES, Column, column, estimate
from training.evaluation.figures import Estimate

REFERENCE_PIECES = 200
_PER_TICK = TICKS_PER_BEAT // 12
_BASS, _CHORD = 36, 60  # lowest pitches of the bass and of the chord above it
HARMONY = tuple(
    name
    for name, measure in MEASURES.items()
    if getattr(measure, "__module__", "") == harmony.__name__ and measure not in (harmony.ends_at_rest, harmony.scale)
)


def laid_out(bars: Sequence[PlannedBar], tempo_bpm: float, name: str, mood: str) -> BarredMusic:
    """The chords of planned bars as music: on every felt beat the bass and the chord above it."""
    rows = []
    for bar in bars:
        places = [tick for tick, _ in bar.metre.slots]
        for place, end in zip(places, [*places[1:], bar.metre.bar_ticks], strict=True):
            chord = bar.chord_at(place).chord
            pitches = [_BASS + chord.bass, *(_CHORD + (chord.root + tone) % 12 for tone in TONES[chord.quality])]
            onset, length = bar.tick - bars[0].tick + place, end - place
            rows += [(onset * _PER_TICK, length * _PER_TICK, pitch, 64, RIGHT) for pitch in pitches]
    lines = np.array([bar.tick - bars[0].tick for bar in bars] + [bars[-1].end_tick - bars[0].tick]) * _PER_TICK
    notes = sort(np.array(rows, dtype=BARRED_NOTE))
    return BarredMusic(name, notes, lines, lines / TICKS_PER_BEAT * 60 / tempo_bpm, False, False, mood)


def planned(mood: str, seed: int, seconds: float) -> tuple[Plan, float]:
    """A plan that was followed for so many seconds, and its tempo in bpm."""
    attributes = attributes_at(CORNERS[mood], DEFAULT_TABLE)
    request = PlanRequest(mood=CORNERS[mood], attributes=attributes, tempo_bpm=attributes["tempo"])
    plan = follow(None, request, 0, seed)
    tick, elapsed = 0, 0.0
    while elapsed < seconds:
        plan = follow(plan, request, tick)
        tempo = attributes["tempo"] * plan.piece.character.tempo_factor
        tick, elapsed = tick + 12, elapsed + 60 / tempo
    return plan, tick / 12 * 60 / seconds


def bars_until(plan: Plan, seconds: float, tempo_bpm: float) -> list[PlannedBar]:
    """The bars that begin within so many seconds, those that are kept."""
    return [bar for bar in plan.bars if bar.tick / 12 * 60 / tempo_bpm < seconds]


class Referring(NamedTuple):
    """What the bars of a piece refer to, arrays (bars - 1,), without the first. lag: bars back, 0: to none. far, near:
    likeness to that bar and to the bar before, 0..100. moved: whether a hand is moved in pitch.
    """

    lag: FloatArray
    far: FloatArray
    near: FloatArray
    moved: FloatArray


REFERENCES: dict[str, Callable[[Referring], BoolArray | FloatArray]] = {
    "far reference: the bar before": lambda bars: bars.lag == 1,
    "2 bars back": lambda bars: bars.lag == 2,
    "3 or 4 bars back": lambda bars: (bars.lag == 3) | (bars.lag == 4),
    "8 bars back": lambda bars: bars.lag == 8,
    "more than 16 bars back": lambda bars: bars.lag > 16,
    "its likeness": lambda bars: bars.far,
    "literal, 90 and more": lambda bars: bars.far >= 90,
    "likeness to the bar before": lambda bars: bars.near,
    "moved in pitch": lambda bars: bars.moved,
    "goes on with the run": lambda bars: (bars.lag[1:] == bars.lag[:-1]) & (bars.lag[1:] > 0),
}
"""Means over the bars."""


def references_of_people(music: BarredMusic) -> dict[str, float]:
    """REFERENCES of a piece, as found."""
    notes, bars = chords.to_analysis(music), chords.bars_of(music)
    found = references(notes, bars, guess(notes))
    lag = np.where(found.moved_bar >= 0, np.arange(len(bars)) - found.moved_bar, 0)
    moved = (found.left_semitones != 0) | (found.right_semitones != 0)
    table = np.stack([lag, 100 * found.moved_similarity, 100 * found.before, moved])[:, 1:]
    return {name: float(np.mean(row(Referring(*table)))) for name, row in REFERENCES.items()}


def references_of_plan(bars: Sequence[PlannedBar]) -> dict[str, float]:
    """REFERENCES as planned."""
    rows = [
        (bar.number - bar.far.bar, bar.far.likeness, bar.near_likeness, any(bar.far[2:]))
        if bar.far
        else (0, 0, bar.near_likeness, False)
        for bar in bars[1:]
    ]
    table = np.array(rows, dtype=np.float64).T
    return {name: float(np.mean(row(Referring(*table)))) for name, row in REFERENCES.items()}


def measured(music: BarredMusic, bigram: ChordBigram) -> dict[str, float]:
    """The rows of harmony of one piece."""
    reading = Reading(music)
    rows = {name: float(MEASURES[name](reading)) for name in HARMONY}
    return rows | {BITS: bigram.bits(reading.harmony)}


def text(columns: Sequence[Column]) -> str:
    """A Markdown table: people and plans for each mood, and all of each."""
    moods = list(dict.fromkeys(columns[0].moods))
    heads = [f"{one.name}, {mood}" for mood in ["all", *moods] for one in columns]
    lines = ["| | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for row in columns[0].rows:
        cells = []
        for mood in ["all", *moods]:
            for one in columns:
                chosen = np.array([mood in ("all", m) for m in one.moods], dtype=bool)
                cells.append(_cell(estimate(one.rows[row][chosen])))
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(found: Estimate) -> str:
    if math.isnan(found.value):
        return ""
    digits = 2 if abs(found.value) < 10 else 1
    return f"{found.value:.{digits}f} ±{(found.high - found.low) / 2:.{digits}f}"


def command(options: argparse.Namespace) -> None:
    found = people.read_all(options.data)
    human = [one.first(options.seconds) for one in people.choose(found, options.split, options.moods, options.pieces)]
    if len(human) < 2:
        raise InputError(f"the {options.split} split of the archives has {len(human)} pieces, at least 2 are needed")
    train = people.reference(found, REFERENCE_PIECES)
    bigram = ChordBigram(chords.harmony(one.first(options.seconds)) for one in train)
    ours, refers = [], []
    for mood in options.moods:
        for seed in range(options.seeds):
            plan, tempo = planned(mood, seed, options.seconds)
            bars = bars_until(plan, options.seconds, tempo)
            ours.append(laid_out(bars, tempo, f"seed {seed}", mood))
            refers.append(references_of_plan(bars))
        print(f"{mood}: {options.seeds} plans", file=sys.stderr)
    columns = [
        column("people", human, (measured(one, bigram) | references_of_people(one) for one in human)),
        column("plan", ours, (measured(one, bigram) | more for one, more in zip(ours, refers, strict=True))),
    ]
    print(text(columns))
    if options.out:
        with atomic_write(options.out) as file:
            file.write(json.dumps({one.name: one.content() for one in columns}) + "\n")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("data", nargs="+", metavar="ARCHIVE", help="people's music: archives or folders of MIDI files")
    add("--split", choices=SPLITS, default="test", help="which of people's pieces (default: %(default)s)")
    add("--moods", nargs="+", choices=list(CORNERS), default=list(CORNERS))
    add("--pieces", type=int, default=64, help="of people (default: %(default)s)")
    add("--seeds", type=int, default=16, help="plans of each mood (default: %(default)s)")
    add("--seconds", type=float, default=120.0, help="of each piece and plan (default: %(default)s)")
    add("--out", type=Path, metavar="FILE", help="every value as JSON")
