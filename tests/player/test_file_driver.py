"""What was sent, at the times at which it was sent; a file that is whole, or none."""

from __future__ import annotations

from pathlib import Path

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.clock import ManualClock
from improv.errors import PortError
from improv.player.drivers.file import FileDriver, variable_length
from improv.player.drivers.probe import list_ports, open_driver
from improv.player.process.rewiring import each_output
from improv.player.protocol import OutputSettings, PlayerSettings

ON, OFF = b"\x90\x3c\x50", b"\x80\x3c\x40"


def played(path: Path, clock: ManualClock) -> FileDriver:
    driver = FileDriver(PlayerSettings(file=str(path)), clock)
    driver.open()
    for message, after_s in ((b"\xc0\x05", 0.0), (ON, 0.5), (b"\xf8", 0.25), (OFF, 0.25), (b"\xb0\x7b\x00", 600.0)):
        clock.wait(clock.now() + after_s)
        driver.send(message, clock.now() + 99)  # when it was due does not matter
    return driver


def test_the_file_holds_what_was_sent_when_it_was_sent(tmp_path: Path) -> None:
    driver = played(tmp_path / "a.mid", ManualClock(1000.0))
    assert driver.output_name == str(tmp_path / "a.mid")
    assert not (tmp_path / "a.mid").exists()
    driver.close()
    driver.close()
    file = mido.MidiFile(tmp_path / "a.mid")
    at_s, found = 0.0, []
    for message in file:
        at_s += message.time
        if not message.is_meta:
            found.append((round(at_s, 4), bytes(message.bytes())))
    assert found == [(0.0, b"\xc0\x05"), (0.5, ON), (1.0, OFF), (601.0, b"\xb0\x7b\x00")]
    assert [path.name for path in tmp_path.iterdir()] == ["a.mid"]


def test_an_older_file_is_not_overwritten(tmp_path: Path) -> None:
    for _ in range(3):
        played(tmp_path / "a.mid", ManualClock(0.0)).close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a 2.mid", "a 3.mid", "a.mid"]


def test_a_player_that_was_killed_leaves_nothing_for_good(tmp_path: Path) -> None:
    played(tmp_path / "a.mid", ManualClock(0.0))._file.close()  # type: ignore[union-attr]
    assert [path.name for path in tmp_path.iterdir()] == [".a.mid.part"]
    played(tmp_path / "a.mid", ManualClock(0.0)).close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.mid"]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(PortError, match=r"midi\.file does not say which"):
        open_driver(PlayerSettings(driver="file"))
    with pytest.raises(PortError, match=r"absent/a\.mid' cannot be written: No such file"):
        open_driver(PlayerSettings(driver="file", file=str(tmp_path / "absent" / "a.mid")))
    assert list_ports("file") == ([], [])


def test_a_disk_that_fills_up_is_told_once_and_leaves_nothing(tmp_path: Path) -> None:
    driver = FileDriver(PlayerSettings(file=str(tmp_path / "a.mid")))
    driver.open()
    assert driver._file is not None
    driver._file.close()
    driver._file = open("/dev/full", "wb", buffering=0)  # noqa: SIM115 - closed by the driver
    driver.send(ON)
    assert "cannot be written (No space left on device)" in driver.check()
    assert driver.check() == ""
    driver.send(OFF)
    driver.close()
    assert not list(tmp_path.iterdir())


def test_each_output_has_a_file_of_its_own() -> None:
    settings = PlayerSettings(driver="file", file="a.mid", outputs=(OutputSettings(), OutputSettings()))
    assert [one.file for one, _ in each_output(settings)] == ["a.mid", "a 2.mid"]


@given(st.integers(0, 2**28 - 1))
def test_variable_length(number: int) -> None:
    assert list(variable_length(number)) == mido.midifiles.meta.encode_variable_int(number)
