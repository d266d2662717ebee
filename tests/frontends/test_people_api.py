"""People over HTTP: sessions that the engine is told of, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from improv.frontends.web.people_api import PeopleApi
from tests.frontends.test_takes_api import ask

NOW = "2026-01-02T10:00:00+00:00"


class Engine:
    """In the broker's place: keeps what is commanded."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {"session": ""}
        self.told: list[dict[str, Any]] = []
        self.refusal = ""
        self.pages_told = 0

    def people_changed(self) -> None:
        self.pages_told += 1

    async def command(self, message: dict[str, Any], frontend: str) -> dict[str, Any]:
        if self.refusal:
            return {"ok": False, "error": self.refusal}
        self.told.append(dict(message))
        if message["command"] in ("session_start", "session_end"):
            self.state["session"] = message.get("person", "")
        return {"ok": True}


class Desk:
    """Who asks, and what they are answered."""

    def __init__(self, folder: Path) -> None:
        self.engine = Engine()
        self._api = PeopleApi(str(folder), self.engine)  # type: ignore[arg-type]

    def ask(self, method: str, path: str, **values: str) -> tuple[int, Any]:
        status, body = ask(self._api, method, path, json.dumps(values).encode())
        return status, json.loads(body) if body else None

    def only(self) -> dict[str, Any]:
        ((person,),) = (self.ask("GET", "/api/people")[1],)
        return dict(person)


def test_a_person_their_session_and_the_end_of_both(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert desk.ask("GET", "/api/people") == (200, [])
    assert desk.ask("POST", "/api/people", name="--Ada")[0] == 200
    assert desk.ask("POST", "/api/people", name="--Ada")[0] == 422
    who = f"/api/people/{desk.only()['id']}"
    assert desk.ask("POST", who, action="rename", name="Ada")[0] == 200
    assert desk.ask("POST", who, action="limit", limit="tempo", low="50", high="free")[0] == 200
    assert desk.ask("POST", who, action="note", text="--she hummed")[0] == 200
    assert desk.ask("POST", who, action="plan", kind="journey", name="iso")[0] == 200
    assert desk.ask("POST", f"{who}/session")[0] == 200
    person = desk.only()
    assert desk.engine.told == person["commands"]
    assert [session["ended"] for session in person["sessions"]] == [""]
    assert desk.engine.pages_told == 6  # once for each that was done, after it was done
    status, told = desk.ask("DELETE", who)
    assert (status, told["error"]) == (422, "a session of Ada runs; end it first")
    assert desk.ask("DELETE", "/api/session")[0] == 200
    assert desk.engine.told[-1] == {"command": "session_end"}
    assert all(session["ended"] for session in desk.only()["sessions"])
    assert desk.ask("DELETE", "/api/session")[0] == 422
    assert desk.ask("POST", who, action="note_remove", text=desk.only()["notes"][0]["when"])[0] == 200
    assert desk.ask("POST", who, action="plan_remove", kind="journey", name="iso")[0] == 200
    assert desk.ask("DELETE", who)[0] == 200
    assert desk.ask("GET", "/api/people") == (200, [])


@pytest.mark.parametrize("who", ["nobody", "-h", "..", "*"])
def test_nobody_is_told_of_whom_there_is_not(tmp_path: Path, who: str) -> None:
    desk = Desk(tmp_path)
    assert desk.ask("POST", f"/api/people/{who}/session")[0] == 422
    assert desk.ask("DELETE", f"/api/people/{who}")[0] == 422
    assert desk.engine.told == []


def test_what_is_no_request(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    assert desk.ask("POST", "/api/people")[0] == 422
    assert desk.ask("POST", "/api/people/x", action="delete")[0] == 422
    assert desk.ask("POST", "/api/people/x", action="limit", limit="tempo")[0] == 422


def test_an_engine_that_refuses_has_no_session_noted(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.ask("POST", "/api/people", name="Ada")
    desk.engine.refusal = "the engine takes no more commands for the moment"
    assert desk.ask("POST", f"/api/people/{desk.only()['id']}/session")[0] == 422
    assert desk.only()["sessions"] == []
