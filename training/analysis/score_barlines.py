"""The bar lines that a score draws, given back to the MIDI file that was made from it and has lost them.

A MIDI file has time signatures and no bar lines: a pickup, a bar that a repeat cuts short, a cadenza shift all that
follows. Where the score lies beside the file, it is asked: **kern and MusicXML are read here for bars and onsets
alone, many times as fast as music21 reads all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from training.analysis.kern import joined, read_kern
from training.corpus.containers import unpacked
from training.corpus.formats import format_of
from training.corpus.markup import partwise
from training.corpus.notation import WrittenBars, played_signatures
from training.corpus.score import Rejected, Score
from training.corpus.xml_text import text_of

SAME_SHARE = 0.9
"""Of the MIDI file's notes that must stand in the score where they are: less, and it is another version."""
_PER_BEAT = 48  # of the places on which notes are compared
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_EPSILON = 1e-4


@dataclass
class Written:
    """bars: starts, quarter notes from the beginning, and signatures. sounds: (place, pitch) of every note."""

    bars: WrittenBars
    sounds: set[tuple[int, int]] = field(default_factory=set)


def with_bars_of(score: Score, content: bytes, suffix: str) -> Score:
    """A MIDI file's music with the bars of its score (a score file's bytes); as it is where they do not fit."""
    found = written(content, suffix)
    if found is None:
        return score
    notes = zip(score.notes["onset"].tolist(), score.notes["pitch"].tolist(), strict=True)
    same = sum((_place(onset), pitch) in found.sounds for onset, pitch in notes)
    if same < SAME_SHARE * len(score.notes):
        return score
    order = list(range(len(found.bars.signatures)))
    signatures = played_signatures(order, found.bars.starts, found.bars)
    if not signatures:
        return score
    meters = tuple((at, 4 * top / bottom) for at, top, bottom in signatures)
    done = (*score.done, "its bar lines are those of its score")
    return replace(score, meters=meters, time_signatures=signatures, has_bars=True, done=done)


def written(content: bytes, suffix: str) -> Written | None:
    """The bars and notes of a **kern or MusicXML file; None for other files and for what cannot be read."""
    try:
        content = unpacked(content)
        kind = format_of(content, suffix)
        if kind == "kern":
            return _of_kern(text_of(content))
        return _of_musicxml(content) if kind == "musicxml" else None
    except (Rejected, ValueError, ZeroDivisionError, KeyError, IndexError):
        return None


def _of_kern(text: str) -> Written | None:
    kern = read_kern(text)
    if not kern.notes or not kern.metres:
        return None
    end = float(kern.length_beats)
    lines = sorted({0.0, *(float(line) for line in kern.bar_lines)})
    starts = [line for line in lines if line < end - _EPSILON]
    metres = [(float(at), metre) for at, metre in kern.metres]
    signatures = [next((m for at, m in reversed(metres) if at <= start + _EPSILON), metres[0][1]) for start in starts]
    bars = _whole(starts, end, signatures)
    return Written(bars, {(_place(onset), pitch) for onset, _, pitch, _ in joined(kern.notes)})


def _of_musicxml(content: bytes) -> Written | None:
    """Of the part with the most bars."""
    parts = [list(_measures(part)) for part in partwise(content).findall("part")]
    if not any(parts):
        return None
    longest = max(parts, key=len)
    starts, at = [], 0.0
    for length, _, _ in longest:
        starts.append(at)
        at += length
    if any(signature is None for _, signature, _ in longest):
        return None
    bars = _whole(starts, at, [signature or (4, 4) for _, signature, _ in longest])
    sounds = set()
    for part in parts:
        for start, (_, _, notes) in zip(starts, part, strict=False):
            sounds |= {(_place(start + onset), pitch) for onset, pitch in notes}
    return Written(bars, sounds)


Measure = tuple[float, tuple[int, int] | None, list[tuple[float, int]]]


def _measures(part: Any) -> Iterator[Measure]:
    """Length in quarter notes, signature in force, and the notes (onset, pitch) of each bar of a part."""
    divisions, signature = 1.0, None
    for measure in part.iter("measure"):
        at = last = length = 0.0
        notes: list[tuple[float, int]] = []
        for element in measure:
            if element.tag == "attributes":
                divisions = float(element.findtext("divisions") or divisions)
                if (top := element.findtext("time/beats")) and (bottom := element.findtext("time/beat-type")):
                    signature = sum(map(int, top.split("+"))), int(bottom)
            elif element.tag in ("backup", "forward"):
                moved = float(element.findtext("duration") or 0) / divisions
                at += moved if element.tag == "forward" else -moved
            elif element.tag == "note" and element.find("grace") is None:
                onset = last if element.find("chord") is not None else at
                if (pitch := element.find("pitch")) is not None:
                    notes.append((onset, _pitch(pitch)))
                if element.find("chord") is None:
                    last, at = at, at + float(element.findtext("duration") or 0) / divisions
            length = max(length, at)
        yield length, signature, notes


def _pitch(element: Any) -> int:
    step, octave, alter = (element.findtext(name) for name in ("step", "octave", "alter"))
    return 12 * (int(octave) + 1) + _STEPS[step] + round(float(alter or 0))


def _whole(starts: list[float], end: float, signatures: list[tuple[int, int]]) -> WrittenBars:
    """The bars with those joined that a repeat sign has cut in two; an empty bar at the end has no length."""
    out: list[tuple[float, tuple[int, int]]] = []
    lengths = [b - a for a, b in pairwise([*starts, end])]
    joins = False
    for index, (start, length, signature) in enumerate(zip(starts, lengths, signatures, strict=True)):
        whole = 4 * signature[0] / signature[1]
        before = lengths[index - 1] if index else 0.0
        joins = index > 1 and not joins and before < whole - _EPSILON and abs(before + length - whole) < _EPSILON
        if not joins and length > _EPSILON:
            out.append((start, signature))
    return WrittenBars([*(start for start, _ in out), max(end, out[-1][0] + _EPSILON)], [s for _, s in out])


def _place(onset: float) -> int:
    return round(onset * _PER_BEAT)
