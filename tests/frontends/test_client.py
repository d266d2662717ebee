"""The engine's side of the frontends, with the real process and with none."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from improv.clock import ManualClock, SystemClock
from improv.frontends import client
from improv.frontends.client import OUTBOX_BYTES, STUCK_AFTER_S, FrontendsClient
from improv.frontends.jsonlines import LineBuffer, LineError, decode, encode
from tests.frontends.stage import settings_with
from tools.waiting import eventually

HELLO = {"kind": "hello", "commands": [], "state": {"bar": 1}}


@pytest.fixture
def link() -> Iterator[FrontendsClient]:
    link = FrontendsClient(settings_with(port=0, osc=False, ctl=False), SystemClock())
    link.start()
    yield link
    link.close()


def said(link: FrontendsClient, kind: str) -> dict[str, Any]:
    """The next message of a kind, or the next command."""
    found: list[dict[str, Any]] = []

    def look() -> bool:
        found.extend(m for m in link.receive() if m.get("kind", "command") == kind)
        return bool(found)

    eventually(look)
    return found[0]


def test_a_command_goes_through_and_its_answer_comes_back(link: FrontendsClient) -> None:
    link.post(HELLO)
    link.post_state({"bar": 2})
    address = said(link, "log")["text"].removeprefix("page: ")
    with urllib.request.urlopen(f"{address}/api/state", timeout=60) as response:
        assert json.load(response) == {"bar": 2}
    first = link.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    notices: list[str] = []
    eventually(lambda: notices.append(link.beat()) or any(notices))  # type: ignore[func-returns-value]
    assert "was restarted" in notices[-1]
    assert link.pid != first
    link.post(HELLO)
    address = said(link, "log")["text"].removeprefix("page: ")
    with urllib.request.urlopen(f"{address}/healthz", timeout=60) as response:
        assert response.read() == b"ok"


def test_nothing_is_started_where_no_face_is_wanted() -> None:
    link = FrontendsClient(settings_with(web=False, osc=False, ctl=False), SystemClock())
    link.start()
    link.post(HELLO)
    assert (link.pid, link.connected, link.receive(), link.beat()) == (None, False, [], "")
    link.close()


@pytest.mark.parametrize("where", ["socketpair", "spawn"])
def test_where_no_handle_is_left_they_are_started_when_there_is_one(
    link: FrontendsClient, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def refuse(*arguments: Any) -> Any:
        raise OSError(errno.EMFILE, "Too many open files")

    first = link.pid
    assert first is not None
    with monkeypatch.context() as out_of_handles:
        out_of_handles.setattr(*((socket, "socketpair") if where == "socketpair" else (client, "spawn")), refuse)
        os.kill(first, signal.SIGKILL)
        assert "cannot be started (Too many open files); the music goes on" in eventually(link.beat)
    assert "was restarted" in eventually(link.beat)
    assert link.pid not in (None, first)


def test_frontends_that_hang_cost_nothing_but_their_messages() -> None:
    clock = ManualClock()
    link = FrontendsClient(settings_with(port=0, osc=False, ctl=False), clock)
    link.start()
    try:
        first = link.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        text = "x" * 10000
        for _ in range(3 * OUTBOX_BYTES // len(text)):
            link.post({"kind": "notes", "text": text})
        assert link.dropped > 0
        link.post_state({"bar": 1})
        link.post_state({"bar": 2})
        assert link.beat() == ""
        clock.wait(STUCK_AFTER_S + 1)
        assert "was restarted" in link.beat()
        assert link.pid != first
    finally:
        link.close()


def test_lines() -> None:
    buffer = LineBuffer(longest=20)
    assert buffer.feed(encode({"a": 1}) + b'{"b"') == [b'{"a":1}']
    assert [decode(line) for line in buffer.feed(b":2}\n\n")] == [{"b": 2}]
    with pytest.raises(LineError, match="at most 20 bytes"):
        buffer.feed(b"x" * 21)
    for wrong in (b"[1]", b"{", b"\xff", b"[" * 100000):
        with pytest.raises(LineError):
            decode(wrong)
    with pytest.raises(ValueError, match="JSON"):
        encode({"a": float("nan")})
