"""A device from elsewhere, in a real browser: it sees the way in, comes in by a code, and is shut out."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tools import browser as chrome
from tools.browser import PATIENCE_S, Daemon, opened
from tools.waiting import eventually as eventually_within

pytestmark = pytest.mark.skipif(bool(chrome.missing()), reason=chrome.missing())

eventually = partial(eventually_within, timeout_s=PATIENCE_S)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FROM_ELSEWHERE = {"X-Forwarded-For": "192.168.1.7"}  # as a server in front of us says it


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    opening = (
        f"[{DAYS[(datetime.datetime.now(datetime.UTC).weekday() + 3) % 7]} 10:00-11:00]"  # closed, whatever the day is
    )
    with chrome.running_daemon("0.0.0.0", {"presence.opening": opening}) as daemon:
        yield daemon


def violations(page: Any, *, contrast: bool = True) -> list[Any]:
    """contrast: not in forced colours, where axe takes the page's own for those that are seen."""
    page.evaluate(pytest.importorskip("axe_playwright_python.base").AXE_SCRIPT)
    found = "(enabled) => axe.run({ rules: { 'color-contrast': { enabled } } }).then(({ violations }) => violations)"
    return list(page.evaluate(found, contrast))


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
    assert violations(page) == []
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
        assert violations(page) == []
        page.get_by_label("What it may do").select_option(label="Visitor")
        tablet.wait_for_selector("html[data-role=visitor]")
        tablet.wait_for_selector("#link[data-link=open]", state="attached")
        shown = tablet.evaluate("[...document.querySelectorAll('.tab')].filter((tab) => tab.checkVisibility()).length")
        assert shown == 6
        assert not tablet.locator("#tab-people, #tab-takes, #devices, #settings, #learn").filter(visible=True).count()
        page.get_by_label("Locked for visitors").select_option(label="Everything")
        eventually(lambda: daemon.state["lock"] == "all")
        tablet.click("[data-mood=sad]")
        eventually(lambda: "locked everything" in (tablet.locator("#notice").text_content() or ""))
        assert violations(tablet) == []
        page.get_by_label("What it may do").select_option(label="Curator")
        tablet.wait_for_selector("html[data-role=curator]")
        tablet.wait_for_selector("#link[data-link=open]", state="attached")  # a page needs its scripts to leave
        out.click()
        page.wait_for_selector("#devices .empty")
        tablet.wait_for_url(f"{daemon.address}/enter")
    elsewhere.close()


def test_hours_presence_and_lock_are_read_in_all_colours_and_at_twice_the_size(browser: Any, daemon: Daemon) -> None:
    daemon.command("lock", what="play")
    with opened(browser, daemon) as page:
        looks = [((320, 640), {"color_scheme": "light"}), ((320, 640), {"color_scheme": "dark"})]
        looks += [((320, 640), {"forced_colors": "active"})]
        looks += [((640, 400), {"forced_colors": "none"})]  # 1280 x 800 at 200 %
        for (width, height), media in looks:
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(**media)
            for tab, seen in (("health", "closed"), ("play", "Locked for visitors")):
                page.click(f"#tab-{tab}")
                assert page.locator(f"#panel-{tab}").get_by_text(seen, exact=True).is_visible()
                assert violations(page, contrast=media.get("forced_colors") != "active") == [], (media, tab)
            assert page.locator("#doing").is_visible()
            assert "closed until" in (page.locator("#doing").text_content() or "")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.get_by_role("button", name="Nobody").is_visible()
        page.click("#tab-health")
        assert "locked for visitors: Play and stop" in (page.locator("#health").text_content() or "")
    daemon.command("lock", what="off")
