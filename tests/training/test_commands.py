"""`python -m training`: one parser, one boundary of errors, and a list of commands that waits for nothing."""

from __future__ import annotations

import argparse
import importlib
import runpy
import subprocess
import sys
from types import ModuleType

import pytest

from improv.errors import InputError
from tests.conftest import REPOSITORY
from training.__main__ import COMMANDS, GROUPS, main


def asked_to_raise(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Make the command `summary` raise this."""

    def command(options: argparse.Namespace) -> None:
        raise error

    monkeypatch.setattr(importlib.import_module("training.evaluation.reports.summary"), "command", command)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    module: ModuleType = importlib.import_module(f"training.{COMMANDS[name].module}")
    assert module.__doc__
    assert module.__doc__.strip() in text
    assert f"-m training {name} " in module.__doc__, "its docstring shows how it is called"


def test_the_list_names_every_command_once(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert [words[0] for words in lines if words[0] in COMMANDS] == list(COMMANDS)
    assert sum(map(len, GROUPS.values())) == len(COMMANDS)


def test_the_list_waits_for_nothing_heavy() -> None:
    code = (
        "import contextlib, sys; from training.__main__ import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])\n"
        "sys.exit(' '.join({'torch', 'numpy', 'music21', 'onnx', 'matplotlib'} & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["prepare", "train", "export", "evaluate", "finetune"])
def test_the_older_names_are_the_same_commands(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[list[str]] = []
    monkeypatch.setattr("training.__main__.main", lambda arguments: given.append(arguments) or 7)
    monkeypatch.setattr("sys.argv", ["...", "data", "--out", "run"])
    with pytest.raises(SystemExit, match="7"):
        runpy.run_module(f"training.{name}", run_name="__main__")
    assert given == [[name, "data", "--out", "run"]]


def test_an_error_is_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked_to_raise(monkeypatch, InputError("there is nothing to sum up"))
    assert main(["summary", "data"]) == InputError.exit_code
    assert capsys.readouterr().err == "training summary: there is nothing to sum up\n"


def test_ctrl_c_says_what_is_left(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked_to_raise(monkeypatch, KeyboardInterrupt())
    assert main(["summary", "data"]) == 130
    assert capsys.readouterr().err == "training summary: interrupted; nothing was written\n"


def test_what_nobody_foresaw_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    asked_to_raise(monkeypatch, ZeroDivisionError("somewhere"))
    with pytest.raises(ZeroDivisionError):
        main(["summary", "data"])


def test_an_unknown_command_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["trian"])
    assert ended.value.code == 2
    assert "'prepare'" in capsys.readouterr().err.replace("choose from prepare", "choose from 'prepare'")
