"""What was saved is taken over while the music plays; nothing that can stand in the file stops it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from improv.app.reload import Reloader
from improv.clock import SystemClock
from improv.config import load, shipped
from improv.config.reading_process import LiveReader
from improv.music.chord import key_named
from tests.fakes import Stage
from tests.stage import chords
from tools.waiting import eventually

CLOCK = SystemClock()


class Saved:
    """A configuration file of a stage that plays, and whoever looks at it."""

    def __init__(self, path: Path) -> None:
        self.path, self.now_s = path, 0.0
        self.path.write_text("")
        self.stage: Stage = chords()
        self.reloader = Reloader(load(self.path, (), {}), self.path, [])

    def save(self, text: str) -> None:
        os.unlink(self.path)
        self.path.write_text(text)
        os.utime(self.path, ns=(0, int(self.now_s + 1) * 10**9))

    def look(self) -> None:
        """As the daemon does every turn; a second of its clock goes by."""
        self.now_s += 1.0
        self.stage.play(0.05)
        self.reloader.look(self.stage.engine, self.now_s)


@pytest.fixture
def saved(tmp_path: Path) -> Iterator[Saved]:
    saved = Saved(tmp_path / "config.yaml")
    yield saved
    saved.reloader.close()


def said(saved: Saved, caplog: pytest.LogCaptureFixture, text: str) -> bool:
    def look() -> bool:
        saved.look()
        return text in caplog.text

    return bool(eventually(look, 60.0, every_s=0.05))


def test_what_was_saved_is_taken_over(saved: Saved, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    saved.save("mood: {intensity: 0.9}\nmusic: {key: d minor}\nmidi: {driver: jack, output: Grand, channel: 3}\n")
    assert said(saved, caplog, "was read again; at the next start: midi.driver")
    (rewired,) = saved.stage.link.rewired
    assert [(output.port, output.channel) for output in rewired.outputs] == [("Grand", 2)]
    assert saved.stage.engine.controls.key == key_named("D minor")
    assert saved.stage.engine.controls.intensity == 0.9


def test_a_file_of_the_user_s_own_that_is_made_meanwhile_is_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO")
    mine = tmp_path / "mine.yaml"
    monkeypatch.setattr("improv.app.reload.of_the_user", lambda: mine)
    started = Saved(tmp_path / "shipped.yaml")
    started.reloader = Reloader(load(None, (), {}), shipped(), [])
    started.look()
    mine.write_text("mood: {intensity: 0.9}\n")
    try:
        assert said(started, caplog, f"{mine} was read again")
        assert started.stage.engine.controls.intensity == 0.9
    finally:
        started.reloader.close()


def test_a_number_of_thousands_of_digits_is_told_and_the_music_goes_on(
    saved: Saved, caplog: pytest.LogCaptureFixture
) -> None:
    saved.save(f"music: {{temperature: {'9' * 5000}}}\n")
    assert said(saved, caplog, "does not count yet; the music goes on as before")
    before = len(saved.stage.record.steps)
    saved.stage.play(2.0)
    assert len(saved.stage.record.steps) > before


def test_a_fifo_in_its_place_is_told(saved: Saved, caplog: pytest.LogCaptureFixture) -> None:
    os.unlink(saved.path)
    os.mkfifo(saved.path)
    assert said(saved, caplog, "is not an ordinary file")


@pytest.mark.parametrize("how", ["a link to itself", "a link to nowhere", "nothing", "no folder"])
def test_what_cannot_be_found_any_more_is_told_once_and_read_when_it_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    caplog.set_level("INFO")
    folder = tmp_path / "settings"
    folder.mkdir()
    saved = Saved(folder / "config.yaml")
    kept = saved.path.rename(tmp_path / "kept.yaml")
    if how == "no folder":
        folder.rmdir()
    elif how != "nothing":
        saved.path.symlink_to(saved.path if "itself" in how else tmp_path / "nowhere")
    for _ in range(20):
        saved.look()
    assert caplog.text.count(f"{saved.path} cannot be found any more (") == 1
    folder.mkdir(exist_ok=True)
    saved.path.unlink(missing_ok=True)
    kept.rename(saved.path)  # as old as before: what matters is that it was away
    try:
        assert said(saved, caplog, f"{saved.path} was read again")
    finally:
        saved.reloader.close()
    assert caplog.text.count("cannot be found") == 1


def test_an_editor_that_replaces_the_file_is_not_told_of(saved: Saved, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(10):
        text = saved.path.read_text()
        saved.path.unlink()
        saved.look()
        saved.path.write_text(text)
        saved.look()
    assert "cannot be found" not in caplog.text


def test_a_folder_that_may_no_longer_be_looked_into_does_not_end_the_music(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    saved = Saved(tmp_path / "shipped.yaml")
    saved.reloader = Reloader(load(None, (), {}), None, [])
    monkeypatch.setattr(Path, "is_file", refused)
    saved.look()
    saved.reloader.close()


def test_a_fault_of_ours_while_it_is_taken_over_does_not_end_the_music(
    saved: Saved, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved.stage.engine, "reconfigure", lambda *_: 1 / 0)
    saved.save("mood: {intensity: 0.9}\n")
    assert said(saved, caplog, "was taken over in part")


def test_a_reader_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    reader = LiveReader(tmp_path / "config.yaml", [], within_s=0.0)
    reader.request()
    assert "took longer than" in eventually(reader.ready, 60.0).failure


def test_a_file_that_is_saved_while_it_is_read_is_read_once_more(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("mood: {intensity: 0.1}\n")
    reader = LiveReader(path, [])
    reader.request()
    reader.request()
    first = eventually(reader.ready, 60.0)
    assert first.config is not None
    path.write_text("mood: {intensity: 0.2}\n")
    second = eventually(reader.ready, 60.0)
    assert second.config.mood.intensity in (0.1, 0.2)
    assert reader.ready() is None
    reader.close()
