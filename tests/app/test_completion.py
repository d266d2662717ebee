"""Completion, asked for by the shells that are installed, as they ask when the Tab key is pressed."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from improv.app.commands.completion import SHELLS
from improv.app.completing import command_words
from tests.conftest import REPOSITORY

ASK = {
    "bash": """source <(improv completion bash)
COMP_LINE="$1"; COMP_POINT=${#1}; COMP_TYPE=9
_python_argcomplete improv
printf '%s\\n' "${COMPREPLY[@]}"
""",
    "zsh": """autoload -U compinit; compinit -u -D
source <(improv completion zsh)
_describe() { print -l ${(P)2} }
BUFFER="$1"; CURSOR=${#1}; words=(${(z)1})
_python_argcomplete
""",
    "fish": """improv completion fish | source
complete -C $argv[1]
""",
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with an `improv` on the path."""
    program = tmp_path / "bin" / "improv"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m improv "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return tmp_path


def offered(shell: str, home: Path, line: str) -> list[str]:
    """The words that a shell offers at the end of a line."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = home / f"ask.{shell}"
    script.write_text(ASK[shell])
    environment = {
        "HOME": str(home),
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY),
        "XDG_DATA_HOME": str(home / "data"),
        "TERM": "dumb",
    }
    plain = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
    done = subprocess.run(
        [shell, *plain, str(script), line],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=environment,
        cwd=home,
        stdin=subprocess.DEVNULL,
    )
    assert done.stderr == ""
    return [row.split("\t")[0].split(":")[0].strip() for row in done.stdout.splitlines()]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shells_complete_commands_and_moods(shell: str, home: Path) -> None:
    assert offered(shell, home, "improv sta") == ["status"]
    assert offered(shell, home, "improv ctl mood s") == ["sad", "serene", "solemn", "stormy"]


def test_options_takes_settings_and_choices_are_offered(home: Path) -> None:
    takes = home / "data" / "brainmusic" / "takes"
    takes.mkdir(parents=True)
    (takes / "2026-01-01T10-00-00.take").touch()
    assert {"last", "2026-01-01T10-00-00"} <= set(offered("bash", home, "improv takes report "))
    assert offered("bash", home, "improv render --mo") == ["--mood"]
    assert offered("bash", home, "improv run -o midi.chan") == ["midi.channel="]


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (["journey"], {"start", "hold", "resume", "abort", "jump"}),
        (["mood"], {"happy", "--glide"}),
        (["mood", "happy"], {"--glide"}),
        (["mood", "happy", "--glide"], set()),
        (["form"], {"on", "off"}),
        (["sing"], set()),
    ],
)
def test_the_words_of_a_command(before: list[str], expected: set[str]) -> None:
    assert set(command_words(before, lambda kind: ["happy"] if kind == "moods" else [])) == expected


def test_nothing_of_it_is_loaded_until_a_shell_asks() -> None:
    code = "import sys; from improv.app.cli import main\ntry: main(['--version'])\nexcept SystemExit: pass\n"
    code += "print('argcomplete' in sys.modules, 'improv.control' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert done.stdout.splitlines()[-1] == "False False"
