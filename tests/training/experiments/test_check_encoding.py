"""The check itself: it tells the one documented difference from a fault."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.model.vocabulary import FAMILIES, Extras, PerformanceEncoding, encoding_for
from improv.music.note import Note
from tests.training.corpora import melody, write_midi
from training.__main__ import main
from training.experiments.check_encoding import compare


def test_overlaps_at_one_pitch_are_ambiguous_and_nothing_else() -> None:
    encoding = encoding_for("polyphony")
    clear = (Note(0, 60, 4, 80), Note(2, 64, 4, 80), Note(4, 60, 2, 80))
    assert compare(encoding, clear, 8) == {"equal": 3, "overlap": 0, "wrong": 0}
    blurred = (Note(0, 60, 4, 80), Note(2, 60, 6, 80))
    found = compare(encoding, blurred, 8)
    assert found["overlap"] > 0
    assert found["wrong"] == 0


@pytest.mark.parametrize(
    ("family", "notes", "pedals", "counts"),
    [
        ("melody", [(0, 60, 4), (0, 72, 2), (1, 50, 1), (1, 74, 3)], (), {"equal": 1, "struck": 1, "voice": 2}),
        ("melody", [(0, 30, 2), (2, 90, 2)], (), {"octave": 2}),
        ("performance", [(0, 60, 700), (10, 64, 20), (20, 64, 20)], (), {"cut": 1, "struck": 1, "equal": 1}),
        ("pianist", [(0, 60, 10), (5, 64, 5), (30, 60, 6)], ((8, 20),), {"pedal": 2, "equal": 1}),
        ("pianist", [(0, 60, 10), (12, 60, 5), (30, 67, 6)], ((8, 20), (20, 26)), {"pedal": 2, "equal": 1}),
    ],
)
def test_each_documented_difference_is_counted(
    family: str, notes: list[tuple[int, int, int]], pedals: tuple[tuple[int, int], ...], counts: dict[str, int]
) -> None:
    music = [Note(onset, pitch, duration, 64) for onset, pitch, duration in notes]
    steps = max(note.end for note in music)
    assert compare(encoding_for(family), music, steps, Extras(pedals)) == counts


NOTES = st.lists(
    st.builds(Note, st.integers(0, 90), st.integers(21, 108), st.integers(1, 60), st.integers(1, 127)),
    min_size=1,
    max_size=20,
)
PEDALS = st.lists(st.integers(0, 150), max_size=6, unique=True).map(
    lambda at: tuple(pairwise(sorted(at)))[::2]  # pairs apart from each other
)


# `hands` rounds lengths to fourteen: tests/model/test_hands.py.
@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "hands"])
@given(notes=NOTES, pedals=PEDALS)
def test_nothing_else_differs(family: str, notes: list[Note], pedals: tuple[tuple[int, int], ...]) -> None:
    steps = max(note.end for note in notes)
    within = tuple((down, min(up, steps)) for down, up in pedals if down < steps)
    distinct = tuple(sorted(set(notes)))
    assert compare(encoding_for(family), distinct, steps, Extras(within))["wrong"] == 0


def test_a_fault_is_seen() -> None:
    class Deaf(PerformanceEncoding):
        def decode(self, token_ids: Iterable[int]) -> list[Note]:
            return super().decode(token_ids)[1:]

    assert compare(Deaf(), [Note(0, 60, 40), Note(50, 62, 40)], 90)["wrong"] == 1


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_midi(tmp_path / "music" / "a.mid", melody(1))
    assert main(["check-encoding", str(tmp_path / "music"), "--family", "polyphony", "pianist"]) == 0
    assert "| polyphony | 1 | 1 | 36 |" in capsys.readouterr().out
