"""Music without waiting: the same arguments give the same file, the mood can be heard, nothing half-done is left."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mido
import pytest

from improv.config import Config, load
from improv.config.adapters import render
from improv.control.commands import End, Pause, Play, SetMood
from improv.errors import InputError
from improv.improviser.planned_step import PlannedStep
from improv.midi import grid_file as midi_file
from improv.model.onnx_model import OnnxModel
from improv.music.mood import CORNERS
from improv.takes.export.planned_midi import music_file
from tests.fakes import assert_whole


def file_bytes(tiny: OnnxModel, path: Path, seed: int, seconds: float = 20.0) -> bytes:
    midi_file.save(music_file(render(tiny, Config(), seconds, seed)), path)
    return path.read_bytes()


def test_the_same_seed_gives_the_same_bytes(tiny: OnnxModel, tmp_path: Path) -> None:
    first = file_bytes(tiny, tmp_path / "a.mid", 7)
    assert file_bytes(tiny, tmp_path / "b.mid", 7) == first
    assert file_bytes(tiny, tmp_path / "c.mid", 8) != first


@pytest.mark.parametrize("seconds", [0.01, 1.0, 33.3])
def test_the_length(tiny: OnnxModel, seconds: float) -> None:
    steps = render(tiny, Config(), seconds, 1)
    assert steps[0].position.music_s == 0.0
    last = steps[-1].position
    assert last.music_s < seconds <= last.music_s + last.step_s + 1e-9


def density(steps: list[PlannedStep]) -> float:
    """Onsets a second."""
    return sum(bool(step.started) for step in steps) / steps[-1].position.music_s


def test_the_mood_can_be_heard(tiny: OnnxModel) -> None:
    happy, sad, nervous = (render(tiny, Config(), 60, 3, CORNERS[mood]) for mood in ("happy", "sad", "nervous"))
    assert happy[-1].position.tempo_bpm > 1.5 * sad[-1].position.tempo_bpm
    assert density(happy) > 1.2 * density(sad)
    assert density(nervous) > 1.2 * density(sad)

    def velocity(steps: list[PlannedStep]) -> float:
        notes = [note.velocity for step in steps for note in step.started]
        return sum(notes) / len(notes)

    assert velocity(happy) > velocity(sad) + 10


def test_commands_come_at_their_time(tiny: OnnxModel) -> None:
    commands = [(10.0, SetMood(*CORNERS["nervous"], 0.0)), (20.0, End()), (40.0, Play()), (50.0, Pause())]
    steps = render(tiny, Config(), 60, 1, CORNERS["calm"], commands)
    turned_s = next(step.position.music_s for step in steps if step.mood == CORNERS["nervous"])
    assert 10.0 <= turned_s + 0.05 <= 10.3
    assert [step.finished for step in steps].count(True) == 1
    assert not steps[-1].finished, "play began anew"
    assert_whole(steps, sorted(held_at_the_end(steps)))
    assert render(tiny, Config(), 60, 1, CORNERS["calm"], commands) == steps


def held_at_the_end(steps: list[PlannedStep]) -> set[int]:
    started = {note.note_id for step in steps for note in step.started}
    return started - {note.note_id for step in steps for note in step.ended}


def test_many_commands_in_one_moment_come_to_an_end(tiny: OnnxModel) -> None:
    corners = list(CORNERS.values())
    commands = [(1.0 + 0.003 * index, SetMood(*corners[index % 4], 0.0)) for index in range(300)]
    steps = render(tiny, Config(), 4, 1, None, commands)
    assert steps[-1].mood == corners[299 % 4]


def test_the_configuration_counts(tiny: OnnxModel) -> None:
    quiet = load(None, ["mood.table.loudness.calm=20", "music.expression=0"], {})
    assert {note.velocity for step in render(tiny, quiet, 10, 1) for note in step.started} == {20}


def test_a_full_disk_leaves_nothing(tiny: OnnxModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = music_file(render(tiny, Config(), 2, 1))
    path = tmp_path / "out.mid"
    path.write_bytes(b"what was there")
    write: Callable[..., None] = file.save

    def full(file: Any) -> None:
        write(file=file)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(file, "save", full)
    with pytest.raises(InputError, match="could not be written: No space left on device; nothing was left behind"):
        midi_file.save(file, path)
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("out.mid", b"what was there")]


def test_an_interruption_leaves_nothing(tiny: OnnxModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = music_file(render(tiny, Config(), 2, 1))

    def interrupted(file: Any) -> None:
        file.write(b"MThd")
        raise KeyboardInterrupt

    monkeypatch.setattr(file, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        midi_file.save(file, tmp_path / "out.mid")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    file = mido.MidiFile()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(InputError, match=f"{name} is not a file"):
            midi_file.save(file, tmp_path / name)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["folder", "pipe"]
    with pytest.raises(InputError, match="No such file or directory"):
        midi_file.save(file, tmp_path / "none" / "out.mid")
