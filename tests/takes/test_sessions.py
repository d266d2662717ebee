"""A take that is recorded while a person's session runs is theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

from improv.control.commands import Pause, Play, SetLimit, SetSession, Undo
from improv.errors import CommandError, InputError
from improv.model.onnx_model import OnnxModel
from improv.takes import library, recreate, take
from improv.takes.recorder import attend
from tests.takes.test_takes import START, Session, made, nothing_else


def session_in(folder: Path, tiny: OnnxModel) -> Session:
    library.folder_of(folder, "ada").mkdir(parents=True)
    return Session(tiny, folder, keep=1)


def owners(folder: Path) -> list[str]:
    return [row.person for row in reversed(list(library.listed(folder)))]


def test_a_session_has_takes_of_its_own_and_they_can_be_made_again(tiny: OnnxModel, tmp_path: Path) -> None:
    session = session_in(tmp_path, tiny)
    session.play(6)
    session.command(SetSession("ada"))
    session.play(8)
    session.command(SetSession(""))
    session.play(8)
    session.recording.close()
    assert owners(tmp_path) == ["ada", ""], "the first was nobody's and went as the oldest, ada's stays"
    theirs = library.folder_of(tmp_path, "ada")
    (path,) = library.paths(theirs)
    assert 5 < take.read(path).seconds < 11
    newest = library.find(tmp_path, "last")
    assert library.another(newest, path.stem) == path
    with pytest.raises(InputError, match="which was deleted: it can be exported"):
        recreate.chain(newest)


def test_takes_of_a_session_are_made_again_with_those_before_them(tiny: OnnxModel, tmp_path: Path) -> None:
    library.folder_of(tmp_path, "ada").mkdir(parents=True)
    session = Session(tiny, tmp_path)
    session.play(5)
    session.command(SetSession("ada"))
    session.play(5)
    session.command(Pause())
    session.play(1)
    session.command(SetSession(""))
    session.play(1)
    session.command(Play())
    session.play(5)
    session.recording.close()
    assert owners(tmp_path) == ["", "ada", ""]
    for path in library.paths(tmp_path):
        assert recreate.recreated(recreate.chain(path), tiny, nothing_else)[1].different == 0


def test_at_rest_a_session_ends_at_once_and_a_take_without_music_is_not_listed(tiny: OnnxModel, tmp_path: Path) -> None:
    session = session_in(tmp_path, tiny)
    session.command(SetSession("ada"))
    session.play(4)
    session.command(Pause())
    session.play(1)
    session.command(SetSession(""))
    attend(session.recording, session.engine.controls)
    attend(session.recording, session.engine.controls)
    session.recording.close()
    assert owners(tmp_path) == ["ada"]
    assert len(library.paths(tmp_path)) == 2


def test_a_person_who_is_not_there_costs_nothing(tiny: OnnxModel, tmp_path: Path) -> None:
    session = Session(tiny, tmp_path)
    session.command(SetSession("nobody"))
    session.play(3)
    session.recording.close()
    assert owners(tmp_path) == [""]
    assert not (tmp_path / "people").exists()


def test_limits_of_a_session_go_with_it_and_its_commands_are_not_undone(tiny: OnnxModel, tmp_path: Path) -> None:
    session = Session(tiny, tmp_path)
    session.command(SetLimit("tempo", 40, 200))
    before = session.engine.controls.standing_limits
    session.command(SetSession("ada"))
    session.command(SetLimit("tempo", 50, 110))
    session.command(SetLimit("loudness", None, 70))
    session.command(SetSession("bob"))
    assert session.engine.controls.standing_limits == before
    session.command(SetLimit("tempo", 60, 100))
    session.command(SetSession(""))
    assert session.engine.controls.standing_limits == before
    assert session.engine.status().session == ""
    with pytest.raises(CommandError, match="nothing can be undone"):
        session.engine.act(Undo(), session.clock.now())


def test_deleting_a_take_takes_all_that_was_made_of_it_and_nothing_else(tmp_path: Path) -> None:
    stem = "2026-01-01T10-00-00"
    made_of_it = [f"{stem}{end}" for end in (".take", ".mid", ".flac", ".musicxml", "-otherwise.mid", ".html")]
    others = [f"{stem}_2.take", f"{stem}_2.mid", "2026-01-01T10-00-01.take", "mine.mid"]
    for name in (*made_of_it, f".{stem}.wav.abc.partial", *others):
        (tmp_path / name).write_text("")
    library.delete(tmp_path / f"{stem}{library.SUFFIX}")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)


def test_a_title_stays_however_much_is_noted_below_it(tiny: OnnxModel, tmp_path: Path) -> None:
    made(tmp_path, tiny)
    (path,) = library.paths(tmp_path)
    library.rename(path, "  The  quiet one ")
    for _ in range(9):
        library.add_note(path, "x" * 10_000, START)
    assert [row.title for row in library.listed(tmp_path)] == ["The quiet one"]
    assert take.read(path).title == "The quiet one"
    library.rename(path, "")
    assert [row.title for row in library.listed(tmp_path)] == [""]
    with pytest.raises(InputError, match="a title may have 100 characters"):
        library.rename(path, "x" * 101)
