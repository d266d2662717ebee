"""Journeys made and changed on the page, in a real browser against a real daemon."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tools import browser as chrome
from tools.browser import PATIENCE_S, Daemon, opened
from tools.waiting import eventually as eventually_within

pytestmark = pytest.mark.skipif(bool(chrome.missing()), reason=chrome.missing())

eventually = partial(eventually_within, timeout_s=3 * PATIENCE_S)  # each change is a process of its own


def test_a_journey_is_made_set_out_on_changed_and_deleted(browser: Any, daemon: Daemon) -> None:
    file = daemon.own_config.parent / "journeys" / "to-rest.yaml"
    with opened(browser, daemon) as page:
        page.click("#tab-journey")
        page.wait_for_selector("text=evening · 20:00 · included")
        page.get_by_role("button", name="A new journey").click()
        page.fill("#journey-title", "To rest")
        page.select_option("#iso-from", "anxious")
        page.fill("#iso-lead", "8.5")
        page.get_by_label("Tempo, bpm, on the journey: at least").fill("50")
        page.get_by_label("Tempo, bpm, on the journey: at most").fill("90")
        page.wait_for_selector("[aria-label='The path of To rest, 15:30']", timeout=4000 * PATIENCE_S)
        page.evaluate(pytest.importorskip("axe_playwright_python.base").AXE_SCRIPT)
        for width, height in ((360, 640), (1280, 800)):
            page.set_viewport_size({"width": width, "height": height})
            page.click("#theme")
            assert page.evaluate("() => axe.run().then(({ violations }) => violations)") == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.get_by_role("button", name="Save the journey").click()
        page.wait_for_selector(".journey-form", state="detached")
        page.get_by_role("button", name="Start: To rest").click()
        eventually(lambda: daemon.state["journey"] == "To rest")
        assert daemon.state["limits"]["tempo"] == [50, 90]
        assert daemon.state["limits_set"] == {}
        daemon.command("journey_abort")
        eventually(lambda: daemon.state["limits"] == {})
        page.get_by_role("button", name="Change To rest").click()
        page.select_option("#journey-kind", "points")
        page.fill("#point-at-1", "12")
        page.get_by_role("button", name="Save the journey").click()
        eventually(lambda: "points:" in file.read_text())
        page.wait_for_selector(".journey-form", state="detached")
        page.wait_for_selector("text=to-rest · 12:00 · yours")
        page.get_by_role("button", name="Delete To rest").click()
        page.click("#ask-yes")
        eventually(lambda: "to-rest" not in daemon.state["journeys"])
        assert not file.exists()
