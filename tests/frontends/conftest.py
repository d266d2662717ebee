"""Fixtures of the tests of the frontends."""

from __future__ import annotations

import pytest

from improv.frontends.server import device_links, peer


@pytest.fixture(autouse=True)
def nobody_else_works_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever accounts the machine has on which this is tried."""
    monkeypatch.setattr(peer, "others_work_here", lambda: False)
    monkeypatch.setattr(device_links, "others_work_here", lambda: False)
