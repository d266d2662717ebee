"""A knob that is moved is bound, in a file of one's own, and the list says what is bound."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from improv import config
from improv.app.cli import main
from improv.app.commands import learn
from improv.config.sections.controls import DEFAULT_CONTROLS
from improv.errors import InputError


def turned(control: int, *values: int) -> list[dict[str, Any]]:
    return [{"kind": "control", "channel": 1, "control": control, "value": value} for value in values]


def test_a_knob_counts_when_it_moves_and_a_pedal_when_it_was_pressed() -> None:
    noise = [{"kind": "state"}, *turned(74, 12), *turned(123, 0, 0, 0)]
    assert learn.moved([*noise, *turned(21, 3, 4, 5)]) == 21
    assert learn.moved([*noise, *turned(64, 127, 0)]) == 64
    with pytest.raises(InputError, match="no knob, pedal or pad was moved"):
        learn.moved(noise)


def test_what_is_learnt_joins_the_default_map_and_keeps_the_file_s_comments(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("# my piano\nmidi:\n  channel: 2  # upper\n")
    here = ["-c", str(path)]
    assert main(["learn", "tempo", "--control", "74", *here]) == 0
    said = capsys.readouterr().out
    assert f"CC 74 is tempo now; kept in {path}" in said
    assert "tempo is assigned to CC 28 as well" in said
    assert main(["learn", "none", "--control", "28", *here]) == 0
    assert "CC 28 is none now (it was tempo)" in capsys.readouterr().out
    assert path.read_text().startswith("# my piano\nmidi:\n  channel: 2  # upper\n")
    effective = config.load(path, (), {})
    assert effective.controls.map == DEFAULT_CONTROLS | {74: "tempo", 28: "none"}
    assert 28 not in effective.controls.midi_map().controls
    assert config.load(None, (), {}).model_validate_json(effective.model_dump_json()) == effective
    assert main(["learn", *here]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert "CC 20  valence" in listed
    assert "CC 74  tempo  (yours)" in listed


def test_what_cannot_be_learnt_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("controls: {map: {30: glide}}\n")
    assert main(["learn", "tempi", "--control", "1", "-c", str(path)]) == 2
    assert "unknown action 'tempi', did you mean 'tempo'?" in capsys.readouterr().err
    assert main(["learn", "tempo", "--control", "128", "-c", str(path)]) == 2
    assert "--control: a control number must be 0..127 (got 128)" in capsys.readouterr().err
    assert main(["learn", "tempo", "--control", "31", "-c", str(path)]) == 0
    assert path.read_text() == "controls: {map: {30: glide, 31: tempo}}\n"


def test_the_file_that_came_with_a_clone_is_never_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = config.shipped().read_bytes()
    monkeypatch.chdir(config.shipped().parent)
    monkeypatch.setattr("platformdirs.user_config_path", lambda app: tmp_path / app)
    assert config.find() == Path("config.yaml")
    assert main(["learn", "tempo", "--control", "74"]) == 0
    mine = tmp_path / "brainmusic" / "config.yaml"
    assert str(mine) in capsys.readouterr().out
    assert config.shipped().read_bytes() == before
    assert config.find() == mine, "in a clone one's own file comes before the one that came with it"
    assert config.load(mine, (), {}).controls.map[74] == "tempo"
    assert mine.read_text().count("#") >= before.decode().count("#")
    assert main(["config", "--init"]) == 2
    assert "is there already" in capsys.readouterr().err
