"""Files and takes that music begins from, and takes of music that began from something."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from improv.app.cli import main
from improv.control.commands import BeginFrom
from improv.errors import CommandError, InputError
from improv.model.onnx_model import OnnxModel
from improv.takes import library, recreate, take
from improv.takes.beginning_sources import LARGEST_BYTES, FilesAndTakes, of_file, of_take
from tests.planned import Untaught
from tests.takes.test_takes import Session, nothing_else, only
from tests.training.experiments.test_metre_level import performance


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    performance(tmp_path / "files" / "theme.mid")
    return tmp_path


def test_a_file_is_found_by_its_name_and_by_its_path(folder: Path) -> None:
    shelf = FilesAndTakes(folder / "files", folder / "takes")
    for name in ("theme.mid", str(folder / "files" / "theme.mid")):
        command = BeginFrom("file", name, 4)
        shelf.check(command)
        assert shelf.read(command).bars == 4
    with pytest.raises(CommandError, match=r"there is no MIDI file 'other.mid'; there are: theme.mid"):
        shelf.check(BeginFrom("file", "other.mid"))
    with pytest.raises(CommandError, match="there are no takes"):
        shelf.check(BeginFrom("take", "last"))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "bad.mid: "),
        (b"no music at all", "bad.mid: no MIDI file"),
        (b"MThd" + bytes(200), "bad.mid: "),
        (bytes(LARGEST_BYTES + 1), f"bad.mid: it has {LARGEST_BYTES + 1} bytes; at most {LARGEST_BYTES} are read"),
    ],
)
def test_a_bad_file_is_told_in_a_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "bad.mid"
    path.write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        of_file(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mid")
    shelf = FilesAndTakes(tmp_path, tmp_path)
    with pytest.raises(CommandError, match="there is no MIDI file"):
        shelf.check(BeginFrom("file", "pipe.mid"))
    with pytest.raises(InputError, match="it is no plain file"):
        of_file(tmp_path / "pipe.mid")


@pytest.mark.parametrize("planned", [True, False])
def test_a_take_of_music_that_began_from_something_is_made_again(
    tiny: OnnxModel, tmp_path: Path, *, planned: bool
) -> None:
    model = Untaught() if planned else tiny
    session = Session(model, tmp_path)
    session.play(3.3)
    session.command(BeginFrom("played"))
    session.eventful(10, seed=4)
    session.command(BeginFrom("played"))
    session.play(6.0)
    session.recording.end()
    session.recording.close()
    records = recreate.chain(only(tmp_path))
    assert sum(record["k"] == "prime" for record in records) == 2
    _, comparison = recreate.recreated(records, model, nothing_else)
    assert comparison.steps > 100
    assert comparison.different == 0


def test_the_last_bars_of_a_take_are_begun_from(tmp_path: Path) -> None:
    session = Session(Untaught(), tmp_path)
    session.play(20.0)
    session.recording.end()
    session.recording.close()
    path = only(tmp_path)
    last = take.read(path).steps[-1]
    primer = of_take(path, 4)
    assert primer.name == f"take {path.stem}"
    assert (primer.bars, primer.beats_per_bar) == (4, last.beats_per_bar)
    assert primer.tempo_bpm == pytest.approx(last.tempo_bpm, rel=0.3)
    first = of_take(path, 2, from_bar=1)
    onsets = {note.pitch for note in take.read(path).notes if note.on_s < 0.2}
    assert {note.pitch for note in first.notes if note.tick == 0} == onsets
    with pytest.raises(InputError, match="there is no bar 999"):
        of_take(path, 4, from_bar=999)
    assert library.find(tmp_path, "last") == path


def test_rendered_music_begins_from_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = {}
    for name, words in {"from": ["--begin-from", str(folder / "files" / "theme.mid")], "free": []}.items():
        out = folder / f"{name}.mid"
        assert main(["render", str(out), "--seconds", "4", "-o", "model.path=polyphony", *words]) == 0
        made[name] = out.read_bytes()
    assert made["from"] != made["free"]
    (folder / "bad.mid").write_bytes(b"nothing")
    assert main(["render", str(folder / "out.mid"), "--begin-from", str(folder / "bad.mid")]) != 0
    assert "bad.mid: no MIDI file" in capsys.readouterr().err
    assert not (folder / "out.mid").exists()
