"""Note values of scores: one table, for tempo marks and for notes without a duration."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree

import pytest

from training.corpus.markup import _units
from training.corpus.note_values import QUARTERS, dotted
from training.corpus.unsounding import _written_length

IN_ORDER = [
    "maxima",
    "long",
    "breve",
    "whole",
    "half",
    "quarter",
    "eighth",
    "16th",
    "32nd",
    "64th",
    "128th",
    "256th",
    "512th",
    "1024th",
]


def test_each_value_is_half_of_the_one_before() -> None:
    assert set(QUARTERS) == set(IN_ORDER)
    assert QUARTERS["quarter"] == 1.0
    assert all(QUARTERS[long] == 2 * QUARTERS[short] for long, short in pairwise(IN_ORDER))


@pytest.mark.parametrize("name", IN_ORDER)
def test_notes_and_tempo_marks_know_every_value_alike(name: str) -> None:
    note = ElementTree.fromstring(f"<note><type>{name}</type><dot/></note>")
    mark = ElementTree.fromstring(f"<metronome><beat-unit>{name}</beat-unit><beat-unit-dot/></metronome>")
    assert _written_length(note) == _units(list(mark))[0] == QUARTERS[name] * 1.5


def test_dots() -> None:
    assert [dotted(4.0, dots) for dots in range(4)] == [4.0, 6.0, 7.0, 7.5]
