"""Pieces of music on a grid, from anything that `training.sources` finds."""

from __future__ import annotations

import itertools
import tempfile
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from improv.encodings.base import quantise
from improv.notes import Note
from training import clean, read_midi, read_score
from training.augment import Instruments, to_piano
from training.score import Rejected, Score, bars, seconds
from training.sources import Item, collect, work_of

__all__ = ["Item", "Piece", "Rejected", "collect", "load", "on_grid", "opening", "read", "scratch_folder", "work_of"]

FloatArray = NDArray[np.float64]

# Scores without a tempo (the chorales) are measured as if played at the pace of a congregation.
NOMINAL_TEMPO_BPM = 72.0
CHORALES = "music21:bach"


@dataclass(frozen=True)
class Piece:
    """One piece on a grid of `ticks_per_beat` steps.

    step_s: seconds of each step's start, shape (steps + 1,). beat_in_bar, beats_per_bar: quarter notes, shape (steps,).
    has_dynamics, has_tempo: whether velocities and tempo come from the source.
    """

    name: str
    work: str
    source: str
    notes: tuple[Note, ...]
    step_s: FloatArray
    beat_in_bar: FloatArray
    beats_per_bar: FloatArray
    has_dynamics: bool
    has_tempo: bool

    @property
    def steps(self) -> int:
        return len(self.beat_in_bar)


def load(content: bytes, suffix: str, source: str, instruments: Instruments = "all") -> Score:
    """The clean score for one piano in a file's bytes. Rejected with the reason when it cannot be used."""
    if not content:
        raise Rejected("empty file")
    if suffix in read_midi.SUFFIXES:
        score = read_midi.read_midi(content)
    elif suffix in read_score.SUFFIXES:
        score, parts = read_score.read_score(content, suffix)
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
    columns = (score.notes[field].tolist() for field in ("onset", "duration", "pitch", "velocity"))
    rows = list(zip(*columns, strict=True))
    first_beat = float(bars(np.array([rows[0][0]]), score.meters)[0][0])
    notes = set()
    for onset, duration, pitch, velocity in rows:
        start = quantise(onset - first_beat, rate)
        end = max(quantise(onset + duration - first_beat, rate), start + 1)
        notes.add(Note(start, pitch, end - start, max(velocity, 1)))
    steps = max(note.end for note in notes)
    beats = first_beat + np.arange(steps + 1) / rate
    starts, per_bar = bars(beats[:-1], score.meters)
    step_s = seconds(beats, score.tempos)
    return Piece(
        name=name,
        work=f"{source}/{work_of(name)}",
        source=source,
        notes=tuple(sorted(notes)),
        step_s=step_s - step_s[0],
        beat_in_bar=beats[:-1] - starts,
        beats_per_bar=per_bar,
        has_dynamics=score.has_dynamics,
        has_tempo=score.has_tempo,
    )


def opening(piece: Piece) -> str:
    """The intervals and steps between the first 24 top notes: the same in any key, so that the same tune is found."""
    tops: dict[int, int] = {}
    for note in piece.notes:
        tops[note.onset] = max(tops.get(note.onset, 0), note.pitch)
    line = sorted(tops.items())[:25]
    return " ".join(f"{b[1] - a[1]}:{b[0] - a[0]}" for a, b in itertools.pairwise(line))


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """Where archives are unpacked while they are read."""
    return tempfile.TemporaryDirectory(prefix="brainmusic-")
