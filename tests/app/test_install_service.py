"""The files that let the system start the music."""

from __future__ import annotations

import argparse
import configparser
import plistlib
import socket
from pathlib import Path

import pytest

from improv.app.cli import main
from improv.app.commands.install_service import NAME, service
from improv.app.supervision.notify import Notifier
from improv.errors import InputError


def options(**given: object) -> argparse.Namespace:
    values = {"system": False, "user_name": "", "config": None, "overrides": [], "remove": False, "show": False}
    return argparse.Namespace(**values | given)


def test_a_unit_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path, text = service(options(overrides=["mood.start=sad", "midi.name=My 100% $piano"]), "linux")
    assert path == tmp_path / "systemd" / "user" / f"{NAME}.service"
    unit = configparser.RawConfigParser()
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(text)
    assert unit["Service"]["Type"] == "notify"
    assert unit["Service"]["ExecStart"].endswith('-m improv run -o mood.start=sad -o "midi.name=My 100%% $$piano"')
    assert unit["Install"]["WantedBy"] == "default.target"
    assert int(unit["Service"]["WatchdogSec"]) > 30


def test_a_unit_of_the_system_for_a_user() -> None:
    path, text = service(options(system=True, user_name="pi"), "linux")
    assert path == Path(f"/etc/systemd/system/{NAME}.service")
    assert "\nUser=pi\n" in text
    assert "WantedBy=multi-user.target" in text


def test_a_plist() -> None:
    path, text = service(options(overrides=["midi.name=A & B"]), "darwin")
    assert path.parent.name == "LaunchAgents"
    read = plistlib.loads(text.encode())
    assert read["ProgramArguments"][-2:] == ["-o", "midi.name=A & B"]
    assert read["KeepAlive"] is True


def test_elsewhere_it_says_so() -> None:
    with pytest.raises(InputError, match="here is neither"):
        service(options(), "win32")


def test_it_is_written_and_removed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    file = tmp_path / "systemd" / "user" / f"{NAME}.service"
    assert main(["install-service"]) == 0
    assert file.exists()
    assert "systemctl --user daemon-reload && systemctl --user enable --now brainmusic" in capsys.readouterr().out
    assert main(["install-service", "--remove"]) == 0
    assert not file.exists()
    assert main(["install-service", "--remove"]) == 2


def test_systemd_is_told_while_music_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "30000000")
        notifier = Notifier()
        for now_s in range(25):
            notifier.alive(float(now_s))
        notifier.stopping()
        heard: list[bytes] = []
        while len(heard) < 5:
            heard.append(systemd.recv(100))
        assert heard == [b"READY=1\nSTATUS=playing", *[b"WATCHDOG=1"] * 3, b"STOPPING=1"]


def test_without_systemd_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.setenv("WATCHDOG_USEC", "no number")
    Notifier().alive(0.0)
