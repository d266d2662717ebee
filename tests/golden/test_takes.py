"""Takes of version 0.x are read, exported and made again as they were, on every machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from improv.model.onnx_model import Model
from improv.takes.export.midi import midi_file
from improv.takes.journal import Record
from improv.takes.take import read as read_take
from tests.golden import stored_takes
from tests.golden.digests import digest, portable

# Of what is read and of the exported MIDI file. The first never change: a take that somebody has must stay what it is.
# The second changed with the file's layout (steady tempo map, tracks) and with a fault: a second strike of a key that
# the person held was missing.
KEPT = {
    "2026-01-01T10-00-00": ("7dc91390d6af3f70", "b5164aa2de07b0c8"),
    "2026-01-01T11-00-00": ("311174bc15a486a4", "b86289b8d9adfed3"),
    "2026-01-01T12-00-00": ("e5fdb99b1e6f46ea", "41187d74b59b3af1"),
    "2026-01-01T12-00-09": ("9cdeec3f3b7ea1df", "cb6c321abe39ae55"),
}


def rounded(record: Record) -> str:
    """The record with its seconds to a millionth."""
    return json.dumps(json.loads(json.dumps(record), parse_float=lambda text: portable(float(text))))


@pytest.mark.parametrize("take_id", stored_takes.IDS)
def test_what_is_read_and_exported(take_id: str, tmp_path: Path) -> None:
    read = read_take(stored_takes.unpack(tmp_path)[take_id])
    midi_file(read).save(tmp_path / "exported.mid")
    exported = digest([(tmp_path / "exported.mid").read_bytes()])
    assert (digest(stored_takes.lines(read, portable)), exported) == KEPT[take_id]


def test_the_scripted_take_is_made_again(tmp_path: Path) -> None:
    path = stored_takes.unpack(tmp_path)[stored_takes.SCRIPTED]
    kept, made, comparison = stored_takes.recreated(path, stored_takes.model_of(stored_takes.SCRIPTED, never))
    assert comparison.steps > 400
    # `comparison` counts every digit; from machine to machine only so many are the same.
    assert [rounded(record) for record in made] == [rounded(record) for record in kept]


def never(path: Path) -> Model:
    raise AssertionError(f"{path} is not needed")
