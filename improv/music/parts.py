"""Which part of the piano's music a note belongs to: a hand's, and the melody's or the rest's.

Where the model does not say which hand plays, middle C parts the hands. The melody is the highest note of those that
begin together, of the right hand where hands are known, unless a note that sounds already lies above it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

RIGHT, LEFT, MELODY, REST = "right", "left", "melody", "rest"
SPLITS = {"hands": (RIGHT, LEFT), "melody": (MELODY, REST)}
"""Two parts that make up the whole, by what they are called together."""
WHOLE, UNSPLIT = "all", "off"
"""Every part, and no split."""
PARTS = (WHOLE, RIGHT, LEFT, MELODY, REST)
MIDDLE_C = 60

Struck = tuple[int, int]
"""(pitch, hand): hand 0 left, 1 right, -1 unknown."""


def of_output(part: str, split: str) -> tuple[str, str]:
    """What an output plays by the words of the configuration and of commands: its only part, "" for every one; and the
    part that goes to a channel of its own, "" for none. part: one of PARTS. split: UNSPLIT or one of SPLITS.
    """
    return "" if part == WHOLE else part, "" if split == UNSPLIT else SPLITS[split][1]


def parted(started: Sequence[Struck], sounding: Iterable[Struck] = ()) -> list[tuple[str, str]]:
    """The hand's and the voice's part of each of the notes that begin together. sounding: notes held from before."""
    highest = max((pitch for pitch, hand in sounding if hand != 0), default=-1)
    leading = max((pitch for pitch, hand in started if hand != 0), default=-1)
    parts = []
    for pitch, hand in started:
        leads = hand != 0 and pitch == leading >= highest
        is_right = hand == 1 or (hand == -1 and pitch >= MIDDLE_C)
        parts.append((RIGHT if is_right else LEFT, MELODY if leads else REST))
    return parts
