"""Humdrum files: notes of **kern spines, labels of other spines, and the bar lines that MIDI files lose."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from training.analysis.keys import MINOR

_KEY = re.compile(r"\*([A-Ga-g])([-#]?):$")
_METRE = re.compile(r"\*M(\d+)/(\d+)$")
_NOTE = re.compile(r"(\d+)(\.*)[^A-Ga-gr]*([A-Ga-g]+|r)([-#n]*)")
_STEPS = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
_SIGNS = {"": 0, "#": 1, "-": -1}


class KernNote(NamedTuple):
    """A note as written. beat, duration: quarter notes. tied_on: a note of the same pitch goes on from its end."""

    beat: Fraction
    duration: Fraction
    pitch: int
    spine: int
    tied_on: bool
    tied_from: bool


class Label(NamedTuple):
    """A cell of a spine without notes. kind: its interpretation, such as **harm. key: 0..23 as it stands there."""

    beat: Fraction
    kind: str
    text: str
    key: int


@dataclass
class Kern:
    """One file. metres: (beat, (numerator, denominator)). length_beats: where the last note or rest ends."""

    notes: list[KernNote] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    bar_lines: list[Fraction] = field(default_factory=list)
    metres: list[tuple[Fraction, tuple[int, int]]] = field(default_factory=list)
    length_beats: Fraction = Fraction(0)


class _Column(NamedTuple):
    kind: str
    spine: int
    end: Fraction


def read_kern(text: str) -> Kern:
    """The file's notes and labels; grace notes are left out, ties are not joined (see `joined`)."""
    kern, columns, at, key = Kern(), list[_Column](), Fraction(0), 0
    for row in text.splitlines():
        cells = row.split("\t")
        if not row or row.startswith("!"):
            continue
        if row.startswith("**"):
            columns = [_Column(cell, number, at) for number, cell in enumerate(cells)]
        elif row.startswith("*"):
            for cell in cells:
                if match := _METRE.match(cell):
                    kern.metres.append((at, (int(match[1]), int(match[2]))))
                elif match := _KEY.match(cell.strip()):
                    key = _key_of(match)
            columns = _manipulated(cells, columns)
        else:
            at = _moment(at, columns)
            if row.startswith("="):
                kern.bar_lines.append(at)
            else:
                columns = _taken(cells, columns, at, key, kern)
        kern.length_beats = max([kern.length_beats, *(c.end for c in columns if c.kind == "**kern")])
    return kern


def joined(notes: Iterable[KernNote]) -> list[tuple[float, float, int, int]]:
    """(onset, duration, pitch, spine) of notes with their ties joined, in order of onsets."""
    out: list[tuple[float, float, int, int]] = []
    open_ties: dict[tuple[int, int], int] = {}
    for note in sorted(notes):
        voice = note.pitch, note.spine
        last = open_ties.pop(voice, None)
        beat, length = out[last][:2] if last is not None else (0.0, 0.0)
        if last is not None and note.tied_from and abs(beat + length - float(note.beat)) < 1e-6:
            out[last] = (beat, length + float(note.duration), *voice)
        else:
            out.append((float(note.beat), float(note.duration), *voice))
            last = len(out) - 1
        if note.tied_on:
            open_ties[voice] = last
    return out


def _moment(at: Fraction, columns: list[_Column]) -> Fraction:
    """When a row is: where the first of the notes that last until now ends."""
    ends = [column.end for column in columns if column.kind == "**kern"]
    return at if not ends or min(ends) <= at else min(ends)


def _taken(cells: list[str], columns: list[_Column], at: Fraction, key: int, kern: Kern) -> list[_Column]:
    """Take a row of data; the columns with their new ends."""
    out = list(columns)
    for number, (cell, column) in enumerate(zip(cells, columns, strict=False)):
        if cell == ".":
            continue
        if column.kind != "**kern":
            kern.labels.append(Label(at, column.kind, cell, key))
        elif (length := _notes(cell, at, column.spine, kern.notes)) is not None:
            out[number] = column._replace(end=at + length)
    return out


def _notes(cell: str, at: Fraction, spine: int, notes: list[KernNote]) -> Fraction | None:
    """Take the notes of a cell; its length, or None for grace notes."""
    lengths: list[Fraction] = []
    for part in cell.split(" "):
        match = _NOTE.search(part)
        if match is None or "q" in part.lower():
            continue
        unit = Fraction(4, int(match[1])) if int(match[1]) else Fraction(8)
        lengths.append(unit * (2 - Fraction(1, 2 ** len(match[2]))))
        if match[3] != "r":
            ties = bool(re.search(r"[\[_]", part)), bool(re.search(r"[\]_]", part))
            notes.append(KernNote(at, lengths[-1], _pitch(match[3], match[4]), spine, *ties))
    return min(lengths, default=None)


def _pitch(letters: str, signs: str) -> int:
    octave = 4 + len(letters) - 1 if letters[0].islower() else 4 - len(letters)
    return 12 * (octave + 1) + _STEPS[letters[0].lower()] + signs.count("#") - signs.count("-")


def _key_of(match: re.Match[str]) -> int:
    return (_STEPS[match[1].lower()] + _SIGNS[match[2]]) % 12 + (MINOR if match[1].islower() else 0)


def _manipulated(cells: list[str], columns: list[_Column]) -> list[_Column]:
    """The columns after a row of interpretations: split where it says *^, joined where *v, ended where *-."""
    out: list[_Column] = []
    before = ""
    for cell, column in zip(cells, columns, strict=False):
        if cell != "*-" and not (cell == before == "*v"):
            out.extend([column, column] if cell == "*^" else [column])
        before = cell
    return out
