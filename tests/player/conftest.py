"""Fixtures of the player's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import jack


@pytest.fixture
def jack_server() -> Iterator[jack.JackServer]:
    """A JACK server of the test's own."""
    if reason := jack.missing():
        pytest.skip(reason)
    with jack.jack_server() as server:
        yield server
