"""Making a clone's environment: what is said on the way, and what is said when it fails."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from improv.model import cuda
from tools import set_up


@pytest.mark.parametrize(
    ("line", "news"),
    [
        (
            "  Downloading onnxruntime-1.31.1-cp311-cp311-manylinux_2_28_x86_64.whl (23.8 MB)\n",
            "onnxruntime 1.31.1, 23.8 MB",
        ),
        ("  Using cached pyyaml-6.0.3-cp311-cp311-linux_x86_64.whl (806 kB)\n", "pyyaml 6.0.3, 806 kB"),
        ("  Downloading https://host/a/rtmidi-1.5.8.tar.gz (337 kB)\n", "rtmidi 1.5.8, 337 kB"),
        ("  Downloading mido-1.3.3-py3-none-any.whl.metadata (6.4 kB)\n", ""),
        ("Requirement already satisfied: pip\n", ""),
        ("Installing collected packages: numpy, mido\n", "unpacking"),
    ],
)
def test_what_a_line_of_pip_means(line: str, news: str) -> None:
    assert set_up.told(line) == news


def test_a_python_that_is_too_old_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 2))
    assert set_up.main(["nowhere"]) == 1
    assert "needs Python 3.11" in capsys.readouterr().err
    assert not Path("nowhere").exists()


@pytest.mark.parametrize("build", ["cpu", "cuda"])
def test_one_build_of_onnxruntime_is_asked_for(
    build: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(cuda, "wanted", lambda: (build, "for a reason"))
    monkeypatch.setattr(set_up.venv, "create", lambda folder, **_: Path(folder).mkdir())
    monkeypatch.setattr(set_up, "install", lambda _, extras: asked.append(extras) or 0)
    assert set_up.main([str(tmp_path / "venv"), "training", "test"]) == 0
    assert asked == [["training", "test", build]]
    printed = capsys.readouterr().out
    assert f"with {cuda.PACKAGES[build]} (for a reason)" in printed
    assert "ready: 0 MB" in printed


def test_what_pip_said_is_shown_when_it_fails(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pip = tmp_path / "bin" / "python"
    pip.parent.mkdir()
    pip.write_text("#!/bin/sh\necho '  Downloading a-1.0.whl (1 MB)'\necho 'ERROR: no matching distribution'\nexit 3\n")
    pip.chmod(0o755)
    assert set_up.install(tmp_path, ["cpu"]) == 3
    shown = capfd.readouterr()
    assert "a 1.0, 1 MB" in shown.out
    assert "ERROR: no matching distribution" in shown.err
