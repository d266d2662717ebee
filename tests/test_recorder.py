"""Takes: whole files, a new one in time, the oldest deleted, and never a reason to stop the music."""

from __future__ import annotations

import datetime
import itertools
import logging
import os
from pathlib import Path

import mido
import pytest

from improv.improviser import EndedNote, PlannedStep, StartedNote
from improv.mood import CORNERS
from improv.recorder import Recorder
from improv.transport import Position

FIRST = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)


def steps(first: int, count: int) -> list[PlannedStep]:
    """A note in each second, one step a second."""
    return [
        PlannedStep(
            Position(tick, float(tick), 15.0, 0, 4.0, 4),
            (StartedNote(tick + 1, 60, 80, float(tick)),),
            (EndedNote(tick, float(tick)),) if tick else (),
            CORNERS["calm"],
            0,
        )
        for tick in range(first, first + count)
    ]


def recorder(folder: Path, minutes: float = 1.0, keep: int = 50, tick_s: int = 60) -> Recorder:
    times = (FIRST + datetime.timedelta(seconds=tick_s * n) for n in itertools.count())
    return Recorder(folder, minutes, keep, lambda: next(times), channel=4)


def take(subject: Recorder, planned: list[PlannedStep]) -> None:
    for step in planned:
        subject.add(step)


def notes_in(path: Path) -> int:
    return sum(message.type == "note_on" for message in mido.MidiFile(path))


def test_a_take_is_written_at_the_end(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "takes"
    subject = recorder(folder)
    take(subject, steps(0, 10))
    assert not folder.exists()
    subject.close()
    (path,) = folder.iterdir()
    assert path.name == "take-2026-01-02T03-04-05.mid"
    assert notes_in(path) == 10
    assert {m.channel for m in mido.MidiFile(path) if m.type == "note_on"} == {4}


def test_what_was_revoked_is_not_in_it(tmp_path: Path) -> None:
    subject = recorder(tmp_path)
    take(subject, steps(0, 10))
    subject.forget(4)
    take(subject, steps(4, 2))
    subject.forget(100)
    subject.close()
    assert notes_in(next(tmp_path.iterdir())) == 6


def test_a_new_file_in_time_and_the_oldest_are_deleted(tmp_path: Path) -> None:
    (tmp_path / "mine.mid").write_text("not a take")
    subject = recorder(tmp_path, keep=2)
    take(subject, steps(0, 200))
    subject.close()
    takes = sorted(tmp_path.glob("take-*"))
    assert [path.name[19:24] for path in takes] == ["06-05", "07-05"]
    assert [notes_in(path) for path in takes] == [61, 17]
    assert (tmp_path / "mine.mid").exists()


def test_two_takes_in_one_second_do_not_overwrite_each_other(tmp_path: Path) -> None:
    subject = recorder(tmp_path, tick_s=0)
    take(subject, steps(0, 150))
    subject.close()
    assert sorted(notes_in(path) for path in tmp_path.iterdir()) == [28, 61, 61]


def test_silence_is_not_recorded(tmp_path: Path) -> None:
    subject = recorder(tmp_path)
    subject.close()
    take(subject, [step._replace(started=()) for step in steps(0, 5)])
    subject.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said_once_and_nothing_stops(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    subject = recorder(tmp_path / "file" / "takes")
    with caplog.at_level(logging.INFO):
        take(subject, steps(0, 200))
        subject.close()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "the take was not recorded" in caplog.text


def test_no_half_file_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    subject = recorder(tmp_path)
    take(subject, steps(0, 5))
    subject.close()
    assert list(tmp_path.iterdir()) == []
