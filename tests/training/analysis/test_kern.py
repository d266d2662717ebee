"""Humdrum files: notes, ties, spines that split, bar lines; and the Roman numerals of TAVERN."""

from __future__ import annotations

from fractions import Fraction

import pytest

from improv.music.chord import QUALITIES
from training.analysis.kern import joined, read_kern
from training.analysis.tavern import harmony

PICKUP = """!!!OTL: two voices
**harm\t**kern\t**kern
*\t*clefF4\t*clefG2
*M3/4\t*M3/4\t*M3/4
*F:\t*F:\t*F:
8I\t8r\t8cc
=1\t=1\t=1
2I\t4FF\t4ff [4a
.\t.\tqgg
*\t*\t*^
.\t4F\t4ff\t4a]
*\t*\t*v\t*v
4V7b\t4E\t4.cc-
=2\t=2\t=2
2.I\t2.F\t8.a
*-\t*-\t*-
"""


def test_notes_bar_lines_and_labels() -> None:
    kern = read_kern(PICKUP)
    assert kern.metres[0] == (Fraction(0), (3, 4))
    assert [float(line) for line in kern.bar_lines] == [0.5, 3.5]
    assert [(float(label.beat), label.text, label.key) for label in kern.labels] == [
        (0.0, "8I", 5),
        (0.5, "2I", 5),
        (2.5, "4V7b", 5),
        (3.5, "2.I", 5),
    ]
    upper = [(float(n.beat), float(n.duration), n.pitch) for n in kern.notes if n.spine == 2]
    assert upper == [
        (0.0, 0.5, 72),
        (0.5, 1, 77),
        (0.5, 1, 69),
        (1.5, 1, 77),
        (1.5, 1, 69),
        (2.5, 1.5, 71),
        (3.5, 0.75, 69),
    ]
    assert kern.length_beats == Fraction(13, 2)


def test_ties_are_joined_and_equal_notes_are_not() -> None:
    rows = joined(read_kern(PICKUP).notes)
    assert (0.5, 2.0, 69, 2) in rows
    assert [row for row in rows if row[2] == 77] == [(0.5, 1.0, 77, 2), (1.5, 1.0, 77, 2)]


@pytest.mark.parametrize(
    ("cell", "key", "root", "quality", "inversion", "applied"),
    [
        ("2I", 0, 0, "maj", 0, 0),
        ("4.V7d", 0, 7, "dom7", 3, 0),
        ("8viioD7/V", 0, 6, "dim7", 0, 7),
        ("4viio", 12, 11, "dim", 0, 12),
        ("4VI", 12, 8, "maj", 0, 12),
        ("4V7b/vi", 5, 9, "dom7", 1, 14),
        ("2Cc", 12, 0, "min", 2, 12),
        ("4Gn", 12, 8, "dom7", 0, 12),
        ("4Nb", 12, 1, "maj", 1, 12),
        ("4-VI", 0, 8, "maj", 0, 0),
        ("4iiom7b", 12, 2, "hdim7", 1, 12),
        ("4IV/V[I]", 0, 0, "maj", 0, 7),
        ("4V7/V/vi", 0, 11, "dom7", 0, 4),
    ],
)
def test_roman_numerals(cell: str, key: int, root: int, quality: str, inversion: int, applied: int) -> None:
    found = harmony(0.0, cell, key)
    assert (found.root, QUALITIES[found.quality], found.inversion, found.applied) == (root, quality, inversion, applied)


def test_a_rest_has_no_root() -> None:
    assert harmony(0.0, "4r", 0).root == -1
