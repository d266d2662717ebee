"""What a person writes above the notes: chords by bar, as on a lead sheet. And the bounds of what may be planned."""

from __future__ import annotations

from improv.errors import InputError
from improv.music.chord import Chord, chord_named

MOST_LOOP_BARS, MOST_LOOP_CHORDS = 64, 16
SHORTEST_PHRASE, LONGEST_PHRASE = 1, 16
"""Bars."""
FARTHEST_REACH = 6
"""Fifths from the home key."""
CONTINUED = "."

Loop = tuple[tuple[Chord, ...], ...]
"""Chords from outside, by bar; those of a bar share it evenly."""


def parse_loop(text: str) -> Loop:
    """Chords as they are typed: `Am F C G` gives each a bar, `Am . F .` two bars, `Am|F C|G` parts them by bars.

    A point goes on with the chord before. With `|` each part is a bar and its chords share it. InputError says what was
    wrong.
    """
    parts = [part.split() for part in text.split("|")] if "|" in text else [[word] for word in text.split()]
    parts = [part for part in parts if part]
    if len(parts) > MOST_LOOP_BARS:
        raise InputError(f"chords: at most {MOST_LOOP_BARS} bars, got {len(parts)}")
    bars: list[tuple[Chord, ...]] = []
    last: Chord | None = None
    for number, words in enumerate(parts, 1):
        if len(words) > MOST_LOOP_CHORDS:
            raise InputError(f"chords: at most {MOST_LOOP_CHORDS} in a bar, bar {number} has {len(words)}")
        row: list[Chord] = []
        for word in words:
            if word != CONTINUED:
                try:
                    last = chord_named(word)
                except ValueError as error:
                    raise InputError(f"chords, bar {number}: {error}") from None
            elif last is None:
                raise InputError("chords: a point goes on with the chord before it, so the first bar needs a chord")
            row.append(last)
        bars.append(tuple(row))
    return tuple(bars)


def checked_loop(text: str) -> str:
    """The text of a loop with its spaces in order, spelled as it was typed. InputError says what was wrong."""
    parse_loop(text)
    return " ".join(text.split())
