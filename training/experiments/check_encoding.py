"""Whether tokens say what the music says: decode(encode(x)) against the quantised notes of whole corpora.

    python -m training check-encoding piano-midi-de.zip music21:bach [--family polyphony melody]

A note comes back as it was, or differs in one of the documented ways, each counted on its own:

octave    moved by octaves into the vocabulary's keys
voice     not the highest note of its onset, or begun under a longer, higher one (melody)
struck    ended where its key was struck again, or one of two that were struck at once (all but polyphony); in a melody,
          ended where the next note begins
pedal     lasts until the sustain pedal rises (pianist: what is decoded is what one hears)
cut       longer than five seconds (performance)
overlap   notes of one pitch that overlap; the tokens do not say which ends first (polyphony)

Velocities come back as the vocabulary's nearest where it has any. Everything else is counted as wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
from tqdm import tqdm

from improv.model.vocabulary import FAMILIES, NO_EXTRAS, Encoding, Extras, encoding_for
from improv.music.note import Note
from improv.music.piano import fold_pedal
from training.corpus import clean, reading
from training.corpus.augment import velocity_ids
from training.corpus.performed import extras, on_steps
from training.corpus.reading import Rejected
from training.corpus.score import Score, notes_of
from training.dataset.splits import spread

DIFFERENCES = ("octave", "voice", "struck", "pedal", "cut", "overlap")
LONGEST_NOTE_TICKS = {"performance": 500}
Span = tuple[int, int, int]  # onset, end, pitch, in steps


@dataclass
class _Row:
    """A note on its way through the rules. changed: by which of DIFFERENCES first; gone: it is not heard at all."""

    onset: int
    end: int
    pitch: int
    velocity: int
    changed: str = ""
    gone: bool = False

    def change(self, how: str) -> None:
        self.changed = self.changed or how


def overlapping(notes: Iterable[Note]) -> set[Span]:
    """Notes that share a pitch and a step with another one."""
    by_pitch: dict[int, list[Span]] = defaultdict(list)
    for note in sorted(notes):
        by_pitch[note.pitch].append((note.onset, note.end, note.pitch))
    found: set[Span] = set()
    for spans in by_pitch.values():
        reach, last = -1, None
        for span in spans:
            if last is not None and span[0] < reach:
                found |= {span, last}
            if span[1] > reach:
                reach, last = span[1], span
    return found


def compare(encoding: Encoding, notes: Sequence[Note], steps: int, more: Extras = NO_EXTRAS) -> Counter[str]:
    """Counts of notes: equal, wrong, and those that differ in each of the documented ways."""
    tokens = encoding.encode(notes, steps, more)
    decoded = encoding.decode(tokens)
    compared = _overlaps(notes, decoded) if encoding.family == "polyphony" else _rules(encoding, notes, decoded, more)
    ends = tokens[0] == encoding.start_id, tokens[-1] == encoding.end_id
    if not all(ends) or encoding.ticks(np.array(tokens))[-1] != steps:
        compared["wrong"] += 1
    return compared


def _overlaps(notes: Iterable[Note], decoded: Iterable[Note]) -> Counter[str]:
    before = Counter((note.onset, note.end, note.pitch) for note in notes)
    after = Counter((note.onset, note.end, note.pitch) for note in decoded)
    different = (before - after) + (after - before)
    blurred = {(pitch, onset) for onset, _, pitch in overlapping(notes)}
    overlap = sum(count for (on, _, pitch), count in different.items() if (pitch, on) in blurred)
    return Counter(equal=(before & after).total(), overlap=overlap, wrong=different.total() - overlap)


def _rules(encoding: Encoding, notes: Iterable[Note], decoded: Iterable[Note], more: Extras) -> Counter[str]:
    """What is decoded against what the description of the vocabulary says, which is written out here once more."""
    rows = [_Row(n.onset, n.end, n.pitch, n.velocity) for n in notes]
    bins = len(velocity_ids(encoding))
    heard = [row for row in _documented(encoding, rows, more) if not row.gone]
    expected = Counter((row.onset, row.end, row.pitch, _bin(row.velocity, bins)) for row in heard)
    found = Counter((n.onset, n.end, n.pitch, _bin(n.velocity, bins)) for n in decoded)
    missing, foreign = (expected - found).total(), (found - expected).total()
    counts = Counter(row.changed or "equal" for row in rows)
    counts["equal"] -= min(missing, counts["equal"])
    return counts + Counter(wrong=missing + foreign)


def _bin(velocity: int, bins: int) -> int:
    """The velocity's place among so many equal bins; 0 where there are none."""
    return (velocity - 1) * bins // 128 if bins else 0


def _documented(encoding: Encoding, rows: list[_Row], more: Extras) -> list[_Row]:
    """The rows as the vocabulary can tell them; changed in place."""
    melody = encoding.family.startswith("melody")
    if melody:
        _keep_the_top(rows)
    low, high = int(encoding.start_pitches.min()), int(encoding.start_pitches.max())
    for row in rows:
        while not low <= row.pitch <= high:
            row.pitch += 12 if row.pitch < low else -12
            row.change("octave")
    _one_stroke_at_a_time([row for row in rows if not row.gone], any_pitch=melody)
    if encoding.family == "pianist":
        _sustain([row for row in rows if not row.gone], more.pedals)
    longest = LONGEST_NOTE_TICKS.get(encoding.family)
    for row in rows:
        if longest and row.end - row.onset > longest:
            row.end = row.onset + longest
            row.change("cut")
    return rows


def _keep_the_top(rows: list[_Row]) -> None:
    """Of each onset the highest note (of equal ones the shortest) that is no inner voice: that begins neither under a
    higher note of the melody nor ends by its end."""
    now: _Row | None = None
    for _, group in groupby(rows, key=lambda row: row.onset):
        before, taken = now, False
        for row in sorted(group, key=lambda row: (-row.pitch, row.end)):
            under = before is not None and before.end > row.onset and before.pitch > row.pitch
            if taken or (under and before is not None and before.end >= row.end):
                row.gone = True
                row.change("voice")
            else:
                now, taken = row, True


def _one_stroke_at_a_time(rows: list[_Row], *, any_pitch: bool) -> None:
    """A key's new stroke ends its old one; of two at once the longer stays. any_pitch: all keys are one."""
    strokes: dict[int, dict[int, _Row]] = defaultdict(dict)
    for row in rows:
        at_once = strokes[0 if any_pitch else row.pitch]
        other = at_once.get(row.onset)
        kept = row if other is None or row.end > other.end else other
        for lost in (row, other):
            if lost is not None and lost is not kept:
                lost.gone = True
                lost.change("struck")
        at_once[row.onset] = kept
    for at_once in strokes.values():
        for row, following in pairwise(sorted(at_once.values(), key=lambda row: row.onset)):
            if row.end > following.onset:
                row.end = following.onset
                row.change("struck")


def _sustain(rows: list[_Row], pedals: tuple[tuple[int, int], ...]) -> None:
    """`fold_pedal`, on ticks instead of beats."""
    if not rows:
        return
    rows.sort(key=lambda row: (row.onset, row.pitch))
    plain = [(float(r.onset), float(r.end - r.onset), r.pitch, r.velocity, 0, 0) for r in rows]
    spans = tuple((float(down), float(up)) for down, up in pedals)
    folded = fold_pedal(Score(notes_of(plain), ((0.0, 120.0),), ((0.0, 4.0),), spans))
    for row, end in zip(rows, folded.ends.tolist(), strict=True):
        if int(end) != row.end:
            row.end = int(end)
            row.change("pedal")


def check(sources: Iterable[str], families: Sequence[str], limit: int | None = None) -> dict[str, Counter[str]]:
    """By family the counts over all pieces that it can use, with how many pieces are equal in every note."""
    encodings = [encoding_for(family) for family in families]
    counts: dict[str, Counter[str]] = {family: Counter() for family in families}
    with reading.scratch_folder() as scratch:
        items = [i for source in sources for i in spread(list(reading.collect(source, Path(scratch))), limit)]
        for item in tqdm([item for item in items if not item.twin], unit="file", disable=None):
            try:
                score = reading.load(item.content(), item.suffix, item.source)
            except Rejected:
                continue
            for encoding in encodings:
                if encoding.tempo_bpm is None and clean.has_no_beat(score):
                    continue
                piece = on_steps(score, item.name, item.source, encoding)
                found = compare(encoding, piece.notes, piece.steps, extras(piece, encoding.ticks_per_beat))
                if found["wrong"]:
                    print(f"{encoding.family}: {item.source}: {item.name}: {dict(found)}", file=sys.stderr)
                whole = found["equal"] == found.total()
                counts[encoding.family] += found + Counter(pieces=1, pieces_equal=int(whole))
    return counts


def table(counts: Mapping[str, Counter[str]]) -> str:
    """The counts in Markdown."""
    columns = ("family", "pieces", "equal in every note", "notes equal", *DIFFERENCES, "wrong")
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for family, found in counts.items():
        numbers = [found[name] for name in ("pieces", "pieces_equal", "equal", *DIFFERENCES, "wrong")]
        lines.append(f"| {family} | {' | '.join(f'{number:,}' for number in numbers)} |")
    return "\n".join(lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sources", nargs="+", help="as for `prepare`")
    parser.add_argument("--family", nargs="+", default=list(FAMILIES), help="default: all")
    parser.add_argument("--limit", type=int, metavar="N", help="read only N files of each source")


def command(options: argparse.Namespace) -> int:
    counts = check(options.sources, options.family, options.limit)
    print(table(counts))
    return 1 if any(found["wrong"] for found in counts.values()) else 0
