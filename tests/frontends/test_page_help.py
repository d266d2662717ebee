"""Help and the tour of the first visit, in a real browser, by the keyboard alone."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from improv import __version__
from tools import browser as chrome
from tools.browser import PATIENCE_S, Daemon, opened
from tools.waiting import eventually as eventually_within

pytestmark = pytest.mark.skipif(bool(chrome.missing()), reason=chrome.missing())

eventually = partial(eventually_within, timeout_s=PATIENCE_S)


def violations(page: Any) -> list[Any]:
    page.evaluate(pytest.importorskip("axe_playwright_python.base").AXE_SCRIPT)
    return list(page.evaluate("() => axe.run().then(({ violations }) => violations)"))


def test_the_first_visit_is_led_around_once_and_can_be_silenced_meanwhile(browser: Any, daemon: Daemon) -> None:
    with opened(browser, daemon, been_before=False) as page:
        page.wait_for_selector("#tour:not([hidden])")
        titles = []
        for step in range(5):
            titles.append(page.locator("#tour-title").text_content())
            assert page.locator(".toured").count() == 1
            assert page.evaluate("document.activeElement.id") == "tour-next"
            if step in (0, 4):
                assert violations(page) == []
            if step < 4:
                page.keyboard.press("Enter")
        assert len(set(titles)) == 5
        daemon.command("play")
        eventually(lambda: daemon.state["playing"])
        page.keyboard.press("Escape")  # ends the tour, not the music
        page.wait_for_selector("#tour", state="hidden")
        assert page.locator(".toured").count() == 0
        assert daemon.state["playing"]
        page.keyboard.press("?")
        page.wait_for_selector("#help[open]")
        page.keyboard.press(".")  # Panic is Panic wherever nothing is written
        eventually(lambda: not daemon.state["playing"])
        page.focus("#help-tour")
        page.keyboard.press("Enter")
        page.wait_for_selector("#tour:not([hidden])")
        daemon.command("play")
        eventually(lambda: daemon.state["playing"])
        page.click("#panic")
        eventually(lambda: not daemon.state["playing"])
        page.keyboard.press("Escape")
        page.reload()
        page.wait_for_selector("#link[data-link=open]", state="attached")
        eventually(lambda: page.locator("#mood-word").text_content() != "\xa0")
        assert not page.locator("#tour").is_visible()


@pytest.mark.parametrize(("scheme", "size"), [("light", (360, 640)), ("dark", (1280, 800))])
def test_help_is_a_key_away_and_says_which_version_it_is(
    browser: Any, daemon: Daemon, scheme: str, size: tuple[int, int]
) -> None:
    with opened(browser, daemon, color_scheme=scheme, locale="es") as page:
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.focus("#help-open")
        page.keyboard.press("Enter")
        page.wait_for_selector("#help[open]")
        assert f"BrainMusic {__version__}" in page.locator("#help").text_content()
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        page.keyboard.press("Escape")
        page.wait_for_selector("#help:not([open])", state="attached")
        assert page.evaluate("document.activeElement.id") == "help-open"
        page.click("#tab-people")
        page.wait_for_selector("#person-name")
        page.focus("#person-name")
        page.keyboard.type("Who?")
        assert page.input_value("#person-name") == "Who?"
        assert not page.locator("#help").is_visible()


def test_no_tour_while_somebody_performs(browser: Any, daemon: Daemon) -> None:
    daemon.command("scene_keep", name="Opening")
    daemon.command("set_list", names="Opening")
    eventually(lambda: daemon.state["set_list"])
    with opened(browser, daemon, been_before=False) as page:
        page.wait_for_selector("#set-strip:not([hidden])")
        assert not page.locator("#tour").is_visible()
    daemon.command("set_list", names=None)
    daemon.command("scene_delete", name="Opening")
