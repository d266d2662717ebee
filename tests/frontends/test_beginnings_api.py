"""MIDI files that a page gives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from improv.frontends.web.beginnings_api import FROM_PAGES, LARGEST_BYTES, MOST_FILES, BeginningsApi
from tests.frontends.test_takes_api import ask


def given(folder: Path, name: str, content: bytes = b"MThd") -> tuple[int, dict[str, object]]:
    status, body = ask(BeginningsApi(str(folder)), "POST", f"/api/beginnings/{name}", content)
    return status, json.loads(body)


def test_a_file_is_kept_under_its_name_for_the_engine_to_find(tmp_path: Path) -> None:
    assert given(tmp_path, "Für Elise.mid", b"one") == (200, {"ok": True, "file": f"{FROM_PAGES}/Für Elise.mid"})
    assert given(tmp_path, "Für Elise.mid", b"two")[0] == 200
    assert (tmp_path / FROM_PAGES / "Für Elise.mid").read_bytes() == b"two"


@pytest.mark.parametrize("name", ["x.exe", ".mid", "...mid", "noend", "a" * 300])
def test_another_name_is_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    status, answer = given(tmp_path, name)
    assert status == 422
    assert "a MIDI file's name ends with .mid" in str(answer["error"])
    assert not (tmp_path / FROM_PAGES).exists()


@pytest.mark.parametrize("name", ["..%2F..%2Fx.mid", "a:b.mid", "..x.mid", "a" * 300 + ".mid", "a\\b.mid", "~root.mid"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    status, answer = given(tmp_path, name)
    assert status == 200
    (kept,) = (tmp_path / FROM_PAGES).iterdir()
    assert answer["file"] == f"{FROM_PAGES}/{kept.name}"
    assert not any(sign in kept.name for sign in ("..", ":", "\\", "~", "/"))


def test_a_large_file_is_refused_and_the_oldest_go(tmp_path: Path) -> None:
    assert given(tmp_path, "large.mid", bytes(LARGEST_BYTES + 1))[0] == 413
    (tmp_path / "own.mid").write_bytes(b"mine")
    for number in range(MOST_FILES + 3):
        assert given(tmp_path, f"{number}.mid")[0] == 200
    assert len(list((tmp_path / FROM_PAGES).iterdir())) == MOST_FILES
    assert (tmp_path / "own.mid").exists()
