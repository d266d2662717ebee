"""Announced in the network, or a sentence why not."""

from __future__ import annotations

import asyncio
import importlib.util
from typing import Any

import pytest

from improv.errors import InputError
from improv.frontends.server.announcing import LONGEST_LABEL, PAGE, Service, announce, label, numeric
from tests.frontends.stage import LIMIT_S, scene


def test_names_fit_into_the_network_s_own() -> None:
    assert label("BrainMusic", "studio.example.org") == "BrainMusic on studio"
    assert label("v. 2", "a") == "v  2 on a"
    assert len(label("é" * 60, "studio").encode()) <= LONGEST_LABEL


def test_only_addresses_that_others_reach_are_told() -> None:
    assert numeric("192.168.1.7") == ["192.168.1.7"]
    assert "127.0.0.1" not in numeric("0.0.0.0")


@pytest.mark.skipif(importlib.util.find_spec("zeroconf") is not None, reason="zeroconf is installed")
def test_without_the_package_a_sentence_says_what_is_missing() -> None:
    with pytest.raises(InputError, match=r"pip install 'brainmusic\[mdns\]'"):
        asyncio.run(announce("BrainMusic", [Service(PAGE, "127.0.0.1", 8765)]))


@pytest.mark.skipif(importlib.util.find_spec("zeroconf") is None, reason="zeroconf is not installed")
def test_the_page_is_found_while_it_is_announced() -> None:
    import zeroconf
    from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

    async def found() -> Any:
        telling = asyncio.create_task(announce("Test", [Service(PAGE, "127.0.0.1", 8123)]))
        import socket

        name = f"{label('Test', socket.gethostname())}.{PAGE}"
        asking = AsyncZeroconf(ip_version=zeroconf.IPVersion.V4Only)
        info = AsyncServiceInfo(PAGE, name)
        try:
            async with asyncio.timeout(LIMIT_S):
                while not await info.async_request(asking.zeroconf, 1000):
                    assert not telling.done(), telling.exception()
        finally:
            telling.cancel()
            await asyncio.wait([telling])
            await asking.async_close()
        return info

    info = asyncio.run(found())
    assert (info.port, info.parsed_addresses()) == (8123, ["127.0.0.1"])


def test_a_daemon_that_is_open_to_this_computer_alone_announces_nothing() -> None:
    async def told() -> list[Any]:
        async with scene(mdns=True) as here:
            return list(here.frontends._reachable(here.frontends._settings) or [])

    assert asyncio.run(told()) == []
