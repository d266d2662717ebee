"""Whether tokens say what the music says: decode(encode(x)) against the quantised notes of whole corpora.

    python -m training.check_encoding piano-midi-de.zip music21:bach [--family polyphony]

The one documented difference: where notes of one pitch overlap, the tokens do not say which ends first. Everything else
is counted as wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

from tqdm import tqdm

from improv.encodings import Encoding, encoding_for
from improv.errors import BrainMusicError
from improv.notes import Note
from training import corpus
from training.corpus import Rejected
from training.splits import spread

Span = tuple[int, int, int]  # onset, end, pitch, in steps


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


def compare(encoding: Encoding, notes: tuple[Note, ...], steps: int) -> Counter[str]:
    """Counts of notes: equal, ambiguous (overlapping at one pitch), wrong."""
    before = Counter((note.onset, note.end, note.pitch) for note in notes)
    after = Counter((n.onset, n.end, n.pitch) for n in encoding.decode(encoding.encode(notes, steps)))
    blurred = overlapping(notes)
    different = (before - after) + (after - before)
    pitches = {(pitch, onset) for onset, _, pitch in blurred}
    ambiguous = sum(count for (on, _, pitch), count in different.items() if (pitch, on) in pitches)
    return Counter(equal=(before & after).total(), ambiguous=ambiguous, wrong=different.total() - ambiguous)


def check(sources: Iterable[str], family: str, limit: int | None) -> Counter[str]:
    """The counts over all pieces that can be read, and how many pieces are equal in every note."""
    encoding = encoding_for(family)
    counts: Counter[str] = Counter()
    with corpus.scratch_folder() as scratch:
        items = [i for source in sources for i in spread(list(corpus.collect(source, Path(scratch))), limit)]
        for item in tqdm(items, unit="file", disable=None):
            try:
                piece = corpus.read(item, encoding.ticks_per_beat)
            except Rejected:
                continue
            found = compare(encoding, piece.notes, piece.steps)
            counts += found + Counter(pieces=1, pieces_equal=int(not found["ambiguous"] and not found["wrong"]))
    return counts


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.check_encoding",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("sources", nargs="+")
    parser.add_argument("--family", default="polyphony")
    parser.add_argument("--limit", type=int, metavar="N", help="read only N files of each source")
    options = parser.parse_args(arguments)
    try:
        counts = check(options.sources, options.family, options.limit)
    except BrainMusicError as error:
        print(f"training.check_encoding: {error}", file=sys.stderr)
        return error.exit_code
    print(
        f"{counts['pieces']} pieces, {counts['pieces_equal']} equal in every note; notes: {counts['equal']} equal, "
        f"{counts['ambiguous']} ambiguous (they overlap at one pitch), {counts['wrong']} wrong"
    )
    return 1 if counts["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
