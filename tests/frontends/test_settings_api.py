"""Settings over HTTP: what is told, what is kept, and what is not the page's business."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from improv.frontends.web.settings_api import SettingsApi
from tests.frontends.test_takes_api import ask

MINE = "# my piano\nmidi:\n  driver: 'null'  # none here\n  channel: 2  # upper\nweb: {token: sesame-open-sesame}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(MINE)
    return path


def told(api: SettingsApi) -> Any:
    status, body = ask(api, "GET", "/api/settings")
    assert status == 200, body
    return json.loads(body)


def test_what_is_in_force_is_told_without_the_password(file: Path) -> None:
    found = told(SettingsApi(str(file), ("midi.transpose=5",)))
    assert found["file"] == str(file)
    assert found["values"]["midi.channel"] == 2
    assert found["values"]["midi.transpose"] == 5
    assert found["overridden"] == ["midi.transpose"]
    assert found["ports"] == {"inputs": [], "outputs": []}
    assert "sesame" not in json.dumps(found)


def test_values_are_kept_all_or_none_and_comments_stay(file: Path) -> None:
    api = SettingsApi(str(file), ())
    wrong = json.dumps({"midi.transpose": -12, "midi.channel": 40}).encode()
    status, body = ask(api, "POST", "/api/settings", wrong)
    assert (status, "midi.channel" in json.loads(body)["error"], file.read_text()) == (422, True, MINE)
    status, body = ask(api, "POST", "/api/settings", json.dumps({"midi.channel": 3, "midi.input": "A: b #c"}).encode())
    assert status == 200, body
    assert file.read_text().startswith("# my piano\nmidi:\n  driver: 'null'  # none here\n  channel: 3  # upper\n")
    assert told(api)["values"]["midi.input"] == "A: b #c"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"web.token": ""}',
        b'{"takes.folder": "/"}',
        b'{"model.path": "/etc/passwd"}',
        b'{"midi.channel=1\\nweb.token": 1}',
        b'{"midi.input": "' + b"x" * 5000 + b'"}',
    ],
)
def test_what_is_not_kept_from_the_page(file: Path, content: bytes) -> None:
    status, body = ask(SettingsApi(str(file), ()), "POST", "/api/settings", content)
    assert (status, json.loads(body)["ok"], file.read_text()) == (422, False, MINE)


def test_a_file_with_several_outputs_keeps_its_list(file: Path) -> None:
    text = "midi: {driver: 'null', outputs: [{port: a}, {port: b, channel: 2}]}\n"
    file.write_text(text)
    api = SettingsApi(str(file), ())
    assert "midi.output" not in told(api)["values"]
    assert ask(api, "POST", "/api/settings", b'{"midi.output": "c"}')[0] == 422
    assert file.read_text() == text


def test_a_control_is_bound(file: Path) -> None:
    api = SettingsApi(str(file), ())
    assert ask(api, "POST", "/api/controls", b'{"action": "tempo", "control": 74}')[0] == 200
    assert "74: tempo" in file.read_text()
    status, body = ask(api, "GET", "/api/controls")
    found = json.loads(body)
    assert (status, "tempo" in found["actions"]) == (200, True)
    assert [74, "tempo", True, [28]] in found["bound"]
    wrongs = (b'{"action": "tempi", "control": 74}', b'{"action": "tempo", "control": "-h"}', b"{}")
    for wrong in (*wrongs, b'{"action": "tempo", "control": -1}', b'{"action": "tempo", "control": true}'):
        assert ask(api, "POST", "/api/controls", wrong)[0] == 422
