"""The command `improv`: exit codes, sentences, and the way to the files."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mido
import pytest

from improv import __version__
from improv.app.cli import COMMANDS, main
from improv.config import Config, dump, load, of_the_user
from improv.errors import ModelError
from improv.midi.grid_file import write_notes
from improv.music.note import Note
from tests.conftest import REPOSITORY, TINY

MODEL = ["-o", f"model.path={TINY}", "-o", "model.provider=cpu"]
CHORD = [Note(0, pitch, 4, 100) for pitch in (60, 64, 67)]
IDS = [0, 70, 67, 63, 2, *[198, 195, 191, 2] * 3, 1]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In an empty folder, with the logging of the tests."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)


@pytest.fixture
def chord(tmp_path: Path) -> Path:
    path = tmp_path / "chord.mid"
    write_notes(path, CHORD, 4)
    return path


def trouble(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Exit code and the one sentence, whichever process says it."""
    code = main(list(arguments))
    shown = capfd.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("improv: ")
    assert "Traceback" not in shown.err
    return code, shown.err.removeprefix("improv: ").rstrip("\n")


def improv(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "improv", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "", "HOME": "/nonexistent"},
    )


def test_as_a_program(chord: Path) -> None:
    done = improv("tokens", str(chord))
    assert (done.returncode, done.stderr, json.loads(done.stdout)) == (0, "", IDS)
    bad = improv("render", "out.mid", *MODEL, "--mood", "angry")
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr == (
        "improv: --mood must be one of happy, nervous, sad, calm, triumphant, playful, serene, tender, longing, "
        "solemn, anxious, stormy or valence,arousal, got 'angry'\n"
    )
    assert improv("--version").stdout == f"improv {__version__}\n"
    assert improv().returncode == improv("sing").returncode == 2
    assert "Traceback (most recent call last)" in improv("tokens", "none.mid", "--debug").stderr


def test_a_reader_that_goes_away_is_no_trouble() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "improv", "config"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PYTHONPATH": str(REPOSITORY)},
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_the_help_lists_commands_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert left.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for word in ("run", "ports", "config", "doctor", "render", "tokens", "4 bad model", "5 MIDI port"):
        assert word in text


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in COMMANDS.items():
        with pytest.raises(SystemExit) as left:
            main([name, "--help"])
        assert left.value.code == 0
        shown = " ".join(capsys.readouterr().out.split())
        assert text in shown
        assert "--debug" in shown or name in ("takes", "people", "study", "journey"), "each of their actions has it"


def test_the_version_waits_for_nothing_heavy() -> None:
    code = (
        "import contextlib, sys; from improv.app.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['--version'])\n"
        "sys.exit(' '.join({'numpy', 'pydantic', 'onnxruntime', 'yaml', 'mido'} & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=REPOSITORY)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", f"improv {__version__}\n")


def test_render(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.mid", "b.mid", "c.mid", "d.mid")]
    arguments = (["--seed", "5"], ["--seed", "5"], ["--seed", "6"], ["--seed", "5", "--mood=-0.5,1"])
    for path, extra in zip(files, arguments, strict=True):
        assert main(["render", str(path), "--seconds", "8", *extra, *MODEL, "-o", "midi.program=3"]) == 0
    first, again, other, nervous = (path.read_bytes() for path in files)
    assert first == again
    assert len({first, other, nervous}) == 3
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{files[0]}: 8 s, ")
    assert lines[0].endswith("mood calm, seed 5")
    assert lines[3].endswith("mood -0.5,1, seed 5")
    assert any(m.type == "program_change" and m.program == 3 for m in mido.MidiFile(files[0]))


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["render", "out.mid", "--seconds", "0", *MODEL], 2, "--seconds must be more than 0, at most 86400, got 0"),
        (["render", "out.mid", "--seconds", "nan", *MODEL], 2, "--seconds must be more than 0, at most 86400, got nan"),
        (["render", "out.mid", "--seed", "-1", *MODEL], 2, "--seed must be in 0..2147483647, got -1"),
        (["render", "no/out.mid", *MODEL], 2, "the folder no for out.mid is not there"),
        (["render", "out.mid", "--mood", "2,0", *MODEL], 2, "--mood: valence and arousal must be -1..1, got '2,0'"),
        (["render", "out.mid", "-o", "model.path=no.onnx"], 4, "the model no.onnx is not there; "),
        (["config", "-c", "no.yaml"], 3, "no.yaml cannot be read: No such file or directory"),
        (["config", "-o", "midi.channel=0"], 3, "-o: midi.channel: must be a whole number 1..16 (got 0)"),
        (["run", "-o", "model.path=no.onnx"], 4, "the model no.onnx is not there; "),
        (["tokens", "no.mid"], 2, "no.mid is not there"),
        (["tokens", "no.mid", "--family", "x"], 2, "unknown model family 'x'; there are: "),
        (["tokens", "no.json", "--decode", "o.mid"], 2, "no.json cannot be read: No such file or directory"),
    ],
)
def test_what_goes_wrong_is_a_sentence_and_a_code(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], code: int, sentence: str
) -> None:
    found, said = trouble(capfd, *arguments)
    assert (found, said[: len(sentence)]) == (code, sentence)
    assert list(tmp_path.iterdir()) == [], "nothing was begun"


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("{", "is not JSON"),
        ("null", "got null"),
        ("5", "got 5"),
        ("[null]", "got null"),
        ("[0, 259]", "got 259"),
        ("[0, -1]", "got -1"),
        ("[true]", "got true"),
        ('["START"]', 'got "START"'),
        ("[1.0]", "got 1.0"),
        ("{}", "got {}"),
        ("", "is not JSON"),
    ],
)
def test_what_are_no_token_ids(capfd: pytest.CaptureFixture[str], tmp_path: Path, text: str, got: str) -> None:
    (tmp_path / "ids.json").write_text(text)
    code, said = trouble(capfd, "tokens", "ids.json", "--decode", "out.mid")
    assert code == 2
    assert said.startswith("ids.json")
    assert got in said
    assert not (tmp_path / "out.mid").exists()


def test_tokens_there_and_back(capsys: pytest.CaptureFixture[str], chord: Path, tmp_path: Path) -> None:
    assert main(["tokens", str(chord)]) == 0
    ids = capsys.readouterr().out
    assert json.loads(ids) == IDS
    (tmp_path / "ids.json").write_text(ids)
    assert main(["tokens", "ids.json", "--decode", "back.mid"]) == 0
    assert capsys.readouterr().out == "back.mid: 3 notes\n"
    assert main(["tokens", "back.mid"]) == 0
    assert capsys.readouterr().out == ids
    assert main(["tokens", str(chord), "--names"]) == 0
    assert json.loads(capsys.readouterr().out)[:3] == ["START", "NEW_NOTE 67", "NEW_NOTE 64"]


def test_token_ids_from_the_input(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(IDS)))
    assert main(["tokens", "-", "--decode", "back.mid"]) == 0
    assert main(["tokens", "back.mid"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[1]) == IDS


def test_the_effective_configuration(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["config"]) == 0
    first = f"# defaults: there is neither ./config.yaml nor {of_the_user()}\n"
    assert capsys.readouterr().out == first + dump(Config())
    (tmp_path / "config.yaml").write_text("midi: {channel: 7}\n")
    assert main(["config", "-o", "log.level=debug"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("# config.yaml\n")
    (tmp_path / "shown.yaml").write_text(shown)
    effective = load(tmp_path / "shown.yaml", (), {})
    assert (effective.midi.channel, effective.log.level) == (7, "debug")


def test_with_debug_the_error_itself_comes() -> None:
    with pytest.raises(ModelError):
        main(["render", "out.mid", "--debug", "-o", "model.path=no.onnx"])


def test_unexpected_trouble(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object) -> None:
        raise RuntimeError("the hammer broke")

    monkeypatch.setattr("improv.config.load", broken)
    code, said = trouble(capfd, "config")
    assert (code, said) == (1, "unexpected error: the hammer broke (run again with --debug to see where)")
    with pytest.raises(RuntimeError):
        main(["config", "--debug"])


def test_an_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("improv.config.load", interrupted)
    assert main(["config"]) == 130


def test_the_ports_of_the_null_driver(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ports", "-o", "midi.driver=null"]) == 0
    assert capsys.readouterr().out == "inputs:\n  none\noutputs:\n  none\n"


AFTER_CLOSED_STREAMS = """
import os, sys
from improv.app.cli import open_closed_streams
open_closed_streams()
print("nobody reads this")
sys.stdout.flush()
sys.exit(0 if os.open(os.devnull, os.O_RDONLY) > 2 and os.get_inheritable(1) and sys.stdin.read() == "" else 1)
"""


@pytest.mark.skipif(os.name != "posix", reason="streams are closed so where there are descriptors")
def test_nothing_is_opened_in_the_place_of_streams_that_were_closed() -> None:
    """Else log lines would be written into whatever got the number of the standard output."""
    code = subprocess.run(
        [sys.executable, "-c", AFTER_CLOSED_STREAMS],
        cwd=REPOSITORY,
        preexec_fn=lambda: os.closerange(0, 3),
        check=False,
        timeout=180,
    ).returncode
    assert code == 0
