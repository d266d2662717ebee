"""A frontend that fails is told of and served again, and the others do not notice."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
from pathlib import Path

import pytest

from improv.frontends.server import broker
from improv.frontends.server.broker import REPLACED
from improv.frontends.web.command_line import CommandLine, Ran
from tests.frontends.stage import scene


def test_a_frontend_that_fails_is_served_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("improv.processes.FIRST_RESTART_DELAY_S", 0.01)
    served: list[int] = []

    async def serve() -> None:
        served.append(len(served))
        if len(served) < 4:
            raise RuntimeError("no more memory")

    async def play() -> None:
        async with scene() as here:
            await here.frontends._kept_up("OSC", serve)
            sentence = "OSC failed (RuntimeError: no more memory) and is served again at once."
            await here.until(lambda: sentence in here.logged)
            assert (await here.http("/healthz"))[0] == 200

    asyncio.run(play())
    assert served == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("POST", "/api/command", b'{"command": "play"}'), ("GET", "/api/people", b""), ("GET", "/api/takes", b"")],
)
def test_what_is_under_way_while_the_engine_is_replaced_is_answered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, method: str, path: str, body: bytes
) -> None:
    """By a sentence and when to ask again: it is no fault of the program, and none of whoever asked."""
    runs: list[tuple[str, ...]] = []

    async def never(line: CommandLine, *words: str) -> Ran:
        runs.append(words)
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(CommandLine, "run", never)

    async def play() -> None:
        async with scene(takes_folder=str(tmp_path)) as here:
            here.answering = False
            asked = asyncio.create_task(here.http(path, method, body))
            await here.until(lambda: here.commands or runs)
            here._ours.shutdown(socket.SHUT_RDWR)
            status, headers, text = await asked
            assert (status, headers["retry-after"]) == (503, "2")
            assert json.loads(text)["error"] == REPLACED.sentence

    asyncio.run(play())


def test_an_engine_that_does_not_answer_is_no_fault_of_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "ANSWER_WITHIN_S", 0.05)

    async def play() -> None:
        async with scene() as here:
            here.answering = False
            status, headers, text = await here.http("/api/command", "POST", b'{"command": "play"}')
            assert (status, headers["retry-after"]) == (503, "2")
            assert "the engine did not answer within" in json.loads(text)["error"]

    asyncio.run(play())


PLACES = ("asyncio.create_subprocess_exec", "tempfile.TemporaryDirectory", "improv.frontends.web.texts.page")
PATHS = (
    "/",
    "/api/people",
    "/api/takes",
    "/api/takes/2026-01-02T10-00-00.mid",
    "/api/settings",
    "/api/controls",
    "/api/journeys",
    "/api/beginnings",
)


@pytest.mark.parametrize("error", [OSError(errno.EMFILE, "Too many"), OSError(errno.ENOSPC, "No space"), MemoryError()])
def test_a_machine_that_has_no_room_is_no_fault_of_the_program(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception
) -> None:
    def none(*arguments: object, **more: object) -> object:
        raise error

    for place in PLACES:
        monkeypatch.setattr(place, none)

    async def play() -> None:
        async with scene(takes_folder=str(tmp_path), beginnings_folder=str(tmp_path)) as here:
            for path in PATHS:
                status, headers, text = await here.http(path)
                assert status in (200, 404) or (status, headers["retry-after"]) == (503, "2"), (path, status, text)
            assert (await here.http("/healthz"))[0] == 200

    asyncio.run(play())


@pytest.mark.parametrize("said", ["", "[", "warning: nothing"])
def test_what_a_command_line_says_is_not_believed_to_be_json(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str
) -> None:
    async def run(line: CommandLine, *words: str) -> Ran:
        return Ran(0, said)

    monkeypatch.setattr(CommandLine, "run", run)

    async def play() -> None:
        async with scene(takes_folder=str(tmp_path)) as here:
            for path in ("/api/people", "/api/takes", "/api/settings", "/api/controls", "/api/journeys"):
                status, _, text = await here.http(path)
                assert (status, json.loads(text)["error"]) == (422, "it failed without a word"), path

    asyncio.run(play())


def test_a_name_that_no_program_can_be_given_is_refused(tmp_path: Path) -> None:
    async def play() -> None:
        async with scene(takes_folder=str(tmp_path)) as here:
            body = json.dumps({"action": "rename", "name": "\ud800"}).encode()
            for path, text in (("/api/people/a", body), ("/api/people/%00", b'{"action": "rename", "name": "x"}')):
                assert (await here.http(path, "POST", text))[0] == 422

    asyncio.run(play())
