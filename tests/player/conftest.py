"""Fixtures of the player's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from improv.clock import SystemClock
from improv.player import client
from improv.player.client import PlayerClient
from improv.player.protocol import PlayerSettings
from tests import jack
from tools.waiting import PATIENCE_S

MakeLink = Callable[..., PlayerClient]


@pytest.fixture
def jack_server() -> Iterator[jack.JackServer]:
    """A JACK server of the test's own."""
    if reason := jack.missing():
        pytest.skip(reason)
    with jack.jack_server() as server:
        yield server


@pytest.fixture
def make_link(monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeLink]:
    """Makes links, each with a player process of its own; they are closed afterwards.

    A machine that stands still, or gives the player no time for a while, costs no note and no player.
    """
    monkeypatch.setattr(client, "FROZEN_AFTER_S", PATIENCE_S)
    monkeypatch.setattr(client, "START_LIMIT_S", PATIENCE_S)
    links: list[PlayerClient] = []

    def make(**settings: Any) -> PlayerClient:
        plain = PlayerSettings(driver="null", realtime=False, late_note_limit_s=600.0)
        link = PlayerClient(plain._replace(**settings), SystemClock())
        links.append(link)
        link.start()
        return link

    yield make
    for link in links:
        link.close()
