"""The page below a path of another server, in a real browser: it asks for nothing outside of that path."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.frontends.reverse_proxy import Proxy, in_front
from tools import browser as chrome
from tools.browser import PATIENCE_S, Daemon, free_port
from tools.waiting import eventually as eventually_within

pytestmark = pytest.mark.skipif(bool(chrome.missing()), reason=chrome.missing())

eventually = partial(eventually_within, timeout_s=PATIENCE_S)
NAME, PATH = "museum.localhost", "/halls/piano/"


@pytest.fixture
def address() -> Iterator[tuple[str, Daemon]]:
    """The page's address for others, and the daemon behind it."""
    port = free_port()
    address = f"http://{NAME}:{port}{PATH}"
    with chrome.running_daemon(settings={"web.address": address}) as daemon, in_front(Proxy(PATH, daemon.port), port):
        yield address, daemon


def test_the_whole_page_works_below_a_path(browser: Any, address: tuple[str, Daemon]) -> None:
    there, daemon = address
    context = browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(1000 * PATIENCE_S)
    chrome.been_here(context)
    page, wrong = context.new_page(), []
    page.on("response", lambda one: wrong.append(f"{one.status} {one.url}") if one.status >= 400 else None)
    page.on("request", lambda one: None if _below(one.url, there) else wrong.append(one.url))
    page.on("websocket", lambda one: None if _below(one.url, there) else wrong.append(one.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(there)
    assert page.url == f"{there}enter"
    page.fill("#word", daemon.way_in().partition("#")[2])
    page.click("#form button")
    page.wait_for_selector("#link[data-link=open]", state="attached")
    assert page.url == there
    (cookie,) = context.cookies()
    assert (cookie["name"], cookie["path"]) == ("brainmusic", PATH.rstrip("/"))
    for tab in page.locator("[role=tab]").all():
        tab.click()
    page.click("#tab-people")
    page.wait_for_selector("#people input")
    page.click("#sound")
    page.wait_for_selector("#sound[aria-pressed=true]")
    page.click("#play")
    eventually(lambda: daemon.state["playing"])
    page.click("#panic")
    eventually(lambda: not daemon.state["playing"])
    page.click("#language")
    page.wait_for_selector("html[lang=es]")
    page.wait_for_selector("#link[data-link=open]", state="attached")
    assert page.url == there
    assert not wrong, wrong
    context.close()


def _below(url: str, there: str) -> bool:
    return url.startswith((there, there.replace("http", "ws"), f"blob:{there.split(PATH)[0]}", "data:"))
