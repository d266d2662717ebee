"""A frontend that fails is told of and served again, and the others do not notice."""

from __future__ import annotations

import asyncio

import pytest

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
