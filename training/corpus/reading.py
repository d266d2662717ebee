"""Pieces of music on a grid, from anything that `training.corpus.sources` finds."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import starmap

import numpy as np
from numpy.typing import NDArray

from improv.music import grid
from improv.music.note import Note
from training.corpus import clean, midi, musicxml
from training.corpus.augment import Instruments, to_piano
from training.corpus.containers import unpacked
from training.corpus.formats import format_of
from training.corpus.notes_in_seconds import Played, play
from training.corpus.score import Rejected, Score, bars, seconds
from training.corpus.sources import Item, collect, work_of

__all__ = [
    "Item",
    "Piece",
    "Rejected",
    "collect",
    "load",
    "on_clock",
    "on_grid",
    "opening",
    "read",
    "scratch_folder",
    "work_of",
]

FloatArray = NDArray[np.float64]

# Scores without a tempo (the chorales) are measured as if played at the pace of a congregation.
NOMINAL_TEMPO_BPM = 72.0
# On the clock half a second stands for a beat, as at the 120 bpm that a MIDI file has without a tempo.
NOMINAL_BEATS_PER_S, NOMINAL_BEATS_PER_BAR = 2, 4.0
CHORALES = "music21:bach"


@dataclass(frozen=True)
class Piece:
    """One piece on a grid: of so many steps per quarter note (`on_grid`) or per second (`on_clock`).

    rows: int64 (notes, 4) of onset, pitch, duration (steps) and velocity, in that order of sorting.
    step_s: seconds of each step's start, shape (steps + 1,). beat_in_bar, beats_per_bar: quarter notes, shape (steps,);
    on the clock a nominal bar of two seconds. pedals: (down, up) with the sustain pedal down, in steps, ascending.
    has_dynamics, has_tempo: whether velocities and tempo come from the source. on_clock: whether steps are parts of a
    second and nothing is known of beats. score: what it was made of, in quarter notes.
    """

    name: str
    work: str
    source: str
    rows: NDArray[np.int64]
    step_s: FloatArray
    beat_in_bar: FloatArray
    beats_per_bar: FloatArray
    has_dynamics: bool
    has_tempo: bool
    score: Score
    pedals: tuple[tuple[int, int], ...] = ()
    on_clock: bool = False

    @property
    def steps(self) -> int:
        return len(self.beat_in_bar)

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """The rows as notes."""
        return tuple(starmap(Note, self.rows.tolist()))

    def played(self, *, fold: bool = True) -> Played:
        """The notes in seconds with velocities and pedal: see `training.corpus.notes_in_seconds.play`."""
        return play(self.score, fold=fold)


def load(content: bytes, suffix: str, source: str, instruments: Instruments = "all") -> Score:
    """The clean score for one piano in a file's bytes. Rejected with the reason when it cannot be used."""
    if not content:
        raise Rejected("empty file")
    content = unpacked(content)
    kind = format_of(content, suffix)
    if kind == "midi":
        score = midi.read_midi(content)
    elif kind is not None:
        score, parts = musicxml.read_score(content, kind)
        if source == CHORALES:
            if parts != 4:
                raise Rejected("not a four-part chorale")
            score = replace(score, tempos=((0.0, NOMINAL_TEMPO_BPM),), has_tempo=False)
    else:
        raise Rejected("not a music file")
    clean.check(score)
    return to_piano(score, instruments)


def read(item: Item, ticks_per_beat: int) -> Piece:
    """The piece behind an item, on a grid. Raises Rejected with the reason when it cannot be used."""
    return on_grid(load(item.content(), item.suffix, item.source), item.name, item.source, ticks_per_beat)


def on_grid(score: Score, name: str, source: str, rate: int) -> Piece:
    """The piece on `rate` steps per quarter note, from the bar line before its first note to the end of its last."""
    rows, steps, pedals, first = grid.on_beats(score, rate)
    beats = first + np.arange(steps + 1) / rate
    starts, per_bar = bars(beats[:-1], score.meters)
    step_s = seconds(beats, score.tempos)
    return Piece(
        name=name,
        work=f"{source}/{work_of(name)}",
        source=source,
        rows=rows,
        step_s=step_s - step_s[0],
        beat_in_bar=beats[:-1] - starts,
        beats_per_bar=per_bar,
        has_dynamics=score.has_dynamics,
        has_tempo=score.has_tempo,
        score=score,
        pedals=pedals,
    )


def on_clock(score: Score, name: str, source: str, steps_per_s: int) -> Piece:
    """The piece on so many steps per second, from its first note to the end of its last.

    The sustain pedal is not folded here: `fold_pedal` the score before where the family has no pedal.
    """
    rows, steps, pedals, _ = grid.on_clock(score, steps_per_s)
    step_s = np.arange(steps + 1) / steps_per_s
    return Piece(
        name=name,
        work=f"{source}/{work_of(name)}",
        source=source,
        rows=rows,
        step_s=step_s,
        beat_in_bar=np.zeros(steps),
        beats_per_bar=np.full(steps, NOMINAL_BEATS_PER_BAR),
        has_dynamics=score.has_dynamics,
        has_tempo=False,
        score=score,
        pedals=pedals,
        on_clock=True,
    )


def opening(piece: Piece) -> str:
    """The intervals and steps between the first 24 top notes: the same in any key, so that the same tune is found."""
    onset, pitch = piece.rows[:, 0], piece.rows[:, 1]
    last = np.append(np.diff(onset) > 0, True)  # of each onset the highest: rows are sorted by pitch, too
    line = np.stack([np.diff(pitch[last]), np.diff(onset[last])], axis=1)[:24].tolist()
    return " ".join(f"{interval}:{steps}" for interval, steps in line)


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """Where archives are unpacked while they are read."""
    return tempfile.TemporaryDirectory(prefix="brainmusic-")
