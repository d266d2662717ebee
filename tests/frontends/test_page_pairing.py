"""A device from elsewhere, in a real browser: it sees the way in, comes in by a code, and is shut out."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tools import browser as chrome
from tools.browser import PATIENCE_S, Daemon, opened
from tools.waiting import eventually as eventually_within

pytestmark = pytest.mark.skipif(bool(chrome.missing()), reason=chrome.missing())

eventually = partial(eventually_within, timeout_s=PATIENCE_S)
FROM_ELSEWHERE = {"X-Forwarded-For": "192.168.1.7"}  # as a server in front of us says it


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with chrome.running_daemon("0.0.0.0") as daemon:
        yield daemon


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(360, 640), (1280, 800)])
def test_the_way_in_is_a_page_that_everybody_can_use(
    browser: Any, daemon: Daemon, scheme: str, size: tuple[int, int]
) -> None:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, extra_http_headers=FROM_ELSEWHERE
    )
    context.set_default_timeout(1000 * PATIENCE_S)
    page = context.new_page()
    page.goto(daemon.address)
    assert page.url == f"{daemon.address}/enter"
    page.evaluate(pytest.importorskip("axe_playwright_python.base").AXE_SCRIPT)
    assert page.evaluate("() => axe.run().then(({ violations }) => violations)") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    page.fill("#word", "a guess")
    page.click("#form button")
    eventually(lambda: "used already" in (page.locator("#told").text_content() or ""))
    context.close()


def test_a_tablet_comes_in_by_a_code_and_is_shut_out_on_the_page(browser: Any, daemon: Daemon) -> None:
    elsewhere = browser.new_context(extra_http_headers=FROM_ELSEWHERE)
    elsewhere.set_default_timeout(1000 * PATIENCE_S)
    tablet = elsewhere.new_page()
    tablet.goto(daemon.address)
    with opened(browser, daemon) as page:
        page.click("#tab-play")
        page.get_by_role("button", name="Connect a device").click()
        page.wait_for_selector(".code")
        eventually(lambda: page.locator(".code").first.evaluate("(picture) => picture.naturalWidth") > 100)
        link = page.locator(".code-link").first.text_content() or ""
        tablet.goto(f"{daemon.address}/enter#{link.partition('#')[2]}")  # from the way in to the way in
        tablet.wait_for_selector("#link[data-link=open]", state="attached")
        page.get_by_role("button", name="Show connected devices").click()
        out = page.get_by_role("button", name="Disconnect")
        assert "here now" in (page.locator("#devices .rows").text_content() or "")
        page.evaluate(pytest.importorskip("axe_playwright_python.base").AXE_SCRIPT)
        assert page.evaluate("() => axe.run().then(({ violations }) => violations)") == []
        out.click()
        page.wait_for_selector("#devices .empty")
        tablet.wait_for_url(f"{daemon.address}/enter")
    elsewhere.close()
