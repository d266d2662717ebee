"""Fixtures of the tests of the frontends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from improv.frontends.server import pairing, peer
from tools import browser as chrome


@pytest.fixture(autouse=True)
def nobody_else_works_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever accounts the machine has on which this is tried."""
    monkeypatch.setattr(peer, "others_work_here", lambda: False)
    monkeypatch.setattr(pairing, "others_work_here", lambda: False)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium, for the tests of a module."""
    with chrome.chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def daemon() -> Iterator[chrome.Daemon]:
    """A daemon with its page, for the tests of a module."""
    with chrome.running_daemon() as daemon:
        yield daemon
