"""Takes over HTTP: what the page can ask for, and what it is refused."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from pathlib import Path
from typing import Any

import mido
import pytest
from starlette.requests import Request
from starlette.routing import Match

from improv.frontends.web.app import body_of
from improv.frontends.web.people_api import PeopleApi
from improv.frontends.web.settings_api import SettingsApi
from improv.frontends.web.takes_api import TakesApi
from improv.model.onnx_model import OnnxModel
from tests.takes.test_takes import made


def ask(api: TakesApi | SettingsApi | PeopleApi, method: str, path: str, content: bytes = b"") -> tuple[int, bytes]:
    """Status and body of a request, without a server."""
    scope: dict[str, Any] = {"type": "http", "method": method, "path": path, "headers": [], "query_string": b""}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    async def answer() -> tuple[int, bytes]:
        for route in api.routes(body_of):
            match, child = route.matches(scope)
            if match is Match.FULL:
                response = await route.endpoint(Request(scope | dict(child), receive))
                return response.status_code, bytes(response.body)
        return 404, b""

    answered = asyncio.run(answer())
    for thread in threading.enumerate():
        if thread.name.startswith("asyncio-waitpid"):  # asyncio's own, which saw the program end and ends now
            thread.join()
    return answered


def test_the_list_the_files_a_note_and_the_end(tiny: OnnxModel, tmp_path: Path) -> None:
    api = TakesApi(str(tmp_path))
    assert ask(api, "GET", "/api/takes") == (200, b"[]")
    take_id = made(tmp_path, tiny)
    status, body = ask(api, "GET", "/api/takes")
    assert (status, [row["take_id"] for row in json.loads(body)]) == (200, [take_id])
    status, body = ask(api, "GET", f"/api/takes/{take_id}.mid")
    assert status == 200
    assert len(mido.MidiFile(file=io.BytesIO(body)).tracks) == 3
    status, body = ask(api, "GET", f"/api/takes/{take_id}.musicxml")
    assert b"score-partwise" in body
    assert ask(api, "GET", f"/api/takes/{take_id}.flac")[1].startswith(b"fLaC")
    assert ask(api, "POST", f"/api/takes/{take_id}/note", b"--she smiled")[0] == 200
    status, body = ask(api, "GET", f"/api/takes/{take_id}.html")
    assert b"--she smiled" in body
    assert ask(api, "GET", f"/api/takes/{take_id}.png")[1].startswith(b"\x89PNG")
    assert ask(api, "POST", f"/api/takes/{take_id}/note", b"  ")[0] == 422
    assert ask(api, "POST", f"/api/takes/{take_id}/note", b"x" * 50_000)[0] == 413
    assert ask(api, "DELETE", f"/api/takes/{take_id}") == (200, b'{"ok":true}')
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["..", "last", "-h", "*", "2026-01-01T00-00-00/../x", "2026-01-01T00-00-00;", "%00"])
def test_names_that_are_none(tmp_path: Path, name: str) -> None:
    api = TakesApi(str(tmp_path))
    assert ask(api, "GET", f"/api/takes/{name}.mid")[0] == 404
    assert ask(api, "DELETE", f"/api/takes/{name}")[0] == 404


def test_a_take_that_is_not_there_and_a_kind_that_is_none(tmp_path: Path) -> None:
    api = TakesApi(str(tmp_path))
    status, body = ask(api, "GET", "/api/takes/2026-01-01T00-00-00.mid")
    assert (status, json.loads(body)["error"]) == (422, f"there are no takes in {tmp_path}")
    assert ask(api, "GET", "/api/takes/2026-01-01T00-00-00.exe")[0] == 404
