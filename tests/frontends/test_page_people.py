"""People and sessions on the page, in a real browser against a real daemon."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tools import browser as chrome
from tools.browser import PATIENCE_S, Daemon, opened
from tools.waiting import eventually as eventually_within

pytestmark = pytest.mark.skipif(bool(chrome.missing()), reason=chrome.missing())

eventually = partial(eventually_within, timeout_s=PATIENCE_S)


def violations(page: Any) -> list[Any]:
    page.evaluate(pytest.importorskip("axe_playwright_python.base").AXE_SCRIPT)
    return list(page.evaluate("() => axe.run().then(({ violations }) => violations)"))


def test_a_session_from_the_name_to_deleting(browser: Any, daemon: Daemon) -> None:
    with opened(browser, daemon) as page:
        page.click("#tab-people")
        page.wait_for_selector("#people .empty")
        page.fill("#person-name", "A. L.")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="A. L.", exact=True).click()
        page.locator("#people").get_by_label("Tempo, bpm: at most").fill("90")
        page.keyboard.press("Tab")
        page.wait_for_selector("#people [aria-busy]", state="detached")
        page.get_by_label("A journey or scene").select_option(label="Journey: iso")
        page.get_by_role("button", name="Add to the plan").click()
        page.wait_for_selector("#people >> text=Start: iso")
        page.get_by_role("button", name="Start a session of A. L.").click()
        page.wait_for_selector(".session:not([hidden])")
        eventually(lambda: daemon.state["limits"].get("tempo", [0, 0])[1] == 90)
        page.locator(".session").get_by_role("button", name="Start: iso").click()
        eventually(lambda: daemon.state["journey"] != "")
        page.locator(".session").get_by_role("button", name="Add a note").click()
        page.fill("#ask-field", "she hummed")
        page.click("#ask-yes")
        page.wait_for_selector("text=she hummed")
        daemon.command("journey_abort")
        for width, height in ((360, 640), (1280, 800)):
            page.set_viewport_size({"width": width, "height": height})
            page.click("#theme")
            assert violations(page) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        daemon.command("play")
        eventually(lambda: daemon.state["notes_sent"] > 0)
        (theirs,) = (daemon.takes / "people").iterdir()
        eventually(lambda: list(theirs.glob("*.take")))
        daemon.command("pause")
        eventually(lambda: "1 session" in (page.locator(".person-facts").text_content() or ""))
        daemon.ask("/api/session", "DELETE")  # from another device
        page.wait_for_selector(".session", state="hidden")
        eventually(lambda: "in progress" not in (page.locator(".person-facts").text_content() or ""))
        daemon.ask(f"/api/people/{theirs.name}/session", "POST")
        eventually(lambda: "2 sessions" in (page.locator(".person-facts").text_content() or ""))
        assert "in progress" in (page.locator(".person-facts").text_content() or "")
        page.get_by_role("button", name="End the session").click()
        page.wait_for_selector(".session", state="hidden")
        eventually(lambda: "tempo" not in daemon.state["limits"])
        page.get_by_role("button", name="Delete", exact=True).click()
        page.click("#ask-yes")
        page.wait_for_selector("#people .empty")
        assert not theirs.exists()
