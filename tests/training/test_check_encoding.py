"""The check itself: it tells the one documented difference from a fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from improv.encodings import encoding_for
from improv.notes import Note
from tests.training.corpora import melody, write_midi
from training.check_encoding import compare, main


def test_overlaps_at_one_pitch_are_ambiguous_and_nothing_else() -> None:
    encoding = encoding_for("polyphony")
    clear = (Note(0, 60, 4, 80), Note(2, 64, 4, 80), Note(4, 60, 2, 80))
    assert compare(encoding, clear, 8) == {"equal": 3, "ambiguous": 0, "wrong": 0}
    blurred = (Note(0, 60, 4, 80), Note(2, 60, 6, 80))
    found = compare(encoding, blurred, 8)
    assert found["ambiguous"] > 0
    assert found["wrong"] == 0


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_midi(tmp_path / "music" / "a.mid", melody(1))
    assert main([str(tmp_path / "music")]) == 0
    assert "1 pieces, 1 equal in every note" in capsys.readouterr().out
