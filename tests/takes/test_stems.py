"""A piece in two parts: every note in one of them, each a file of its own, live as in the export."""

from __future__ import annotations

from pathlib import Path

import mido
import pytest

from improv.app.cli import main
from improv.engine import note_parts
from improv.model.onnx_model import OnnxModel
from improv.takes import take
from improv.takes.export.midi import music_file
from improv.takes.export.music import of_steps, of_take
from improv.takes.export.stems import parts_of, stems
from tests.stage import chords
from tests.takes.test_takes import made, only


@pytest.mark.parametrize(("split", "names"), [("hands", ["right", "left"]), ("melody", ["melody", "rest"])])
def test_every_note_is_in_one_part_with_all_of_its_seconds(
    tiny: OnnxModel, tmp_path: Path, split: str, names: list[str]
) -> None:
    made(tmp_path, tiny, 12.0)
    whole = of_take(take.read(only(tmp_path)))
    parts = stems(whole, split)
    assert list(parts) == names
    ids = [note.note_id for music in parts.values() for note in music.notes]
    assert sorted(ids) == sorted(note.note_id for note in whole.notes)
    assert {music.seconds for music in parts.values()} == {whole.seconds}
    titles = {"right": "Right hand", "left": "Left hand", "melody": "Melody", "rest": "Rest"}
    for part, music in parts.items():
        assert titles[part] in [track.name for track in music_file(music).tracks]


def test_the_command_writes_a_file_for_each(
    tiny: OnnxModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(tmp_path, tiny, 12.0)
    here = ["-o", f"takes.folder={tmp_path}"]
    assert main(["takes", "export", "last", str(tmp_path / "song.mid"), "--stems", "hands", *here]) == 0
    assert not (tmp_path / "song.mid").exists()
    count = {part: len(onsets(tmp_path / f"song-{part}.mid")) for part in ("right", "left")}
    assert sum(count.values()) == len(take.read(only(tmp_path)).notes)
    capsys.readouterr()
    assert main(["takes", "export", "last", str(tmp_path / "x.png"), "--stems", "hands", *here]) == 2
    assert "x.png: what is written follows from the suffix" in capsys.readouterr().err


def onsets(path: Path) -> list[mido.Message]:
    return [message for message in mido.MidiFile(path) if message.type == "note_on" and message.velocity]


def test_the_player_is_told_the_parts_that_an_export_finds() -> None:
    stage = chords("midi.split=melody")
    stage.play(4.0)
    told = {note.note_id: note.parts for note in stage.link.scheduled.values() if not note.is_pedal}
    assert set(told.values()) == {("right", "melody"), ("right", "rest")}
    assert {note.pitch for note in stage.link.scheduled.values() if "melody" in note.parts} == {67}
    found = parts_of(of_steps(stage.record.steps).notes)
    assert {note_id: found[note_id] for note_id in told} == told


def test_parts_are_told_on_while_outputs_that_were_configured_since_wait_for_the_next_start() -> None:
    stage, plain = chords("midi.outputs=[{port: Grand, part: right}, {port: Organ, part: left}]"), chords()
    stage.play(1.0)
    engine = stage.engine
    engine.reconfigure(engine.improviser.settings, plain.engine.settings, engine.midi_map, engine.controls)
    stage.play(3.0)
    assert all(note.parts for note in stage.link.scheduled.values() if not note.is_pedal)


def test_the_player_is_told_no_part_that_no_output_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(note_parts, "parted")
    stage = chords()
    stage.play(4.0)
    assert {note.parts for note in stage.link.scheduled.values()} == {()}
