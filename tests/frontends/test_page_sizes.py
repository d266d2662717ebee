"""The page on screens of every size, in a real browser: one page that is made larger and smaller."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tools import browser as chrome
from tools.browser import Daemon, opened

pytestmark = pytest.mark.skipif(bool(chrome.missing()), reason=chrome.missing())


@pytest.fixture(scope="module")
def page(browser: Any, daemon: Daemon) -> Iterator[Any]:
    daemon.command("scene_keep", name="Bridge")
    with opened(browser, daemon) as page:
        yield page


def look(page: Any, expression: str) -> Any:
    """The value of a JavaScript expression in the page."""
    return page.evaluate(f"() => {expression}")


def laid_out(page: Any) -> None:
    """Wait until the page is laid out and drawn in the size that it has now."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def set_up(page: Any, daemon: Daemon, stage: bool, set_list: str) -> None:
    """On the stage or off it, with or without the strip of the set list."""
    daemon.command("set_list", names=set_list or None)
    page.wait_for_selector("#set-strip", state="visible" if set_list else "hidden")
    if (page.locator("#stage").get_attribute("aria-pressed") == "true") is not stage:
        page.click("#stage")


@pytest.mark.parametrize("width", [320, 760, 1280])
def test_the_pad_stays_where_it_is_whatever_stands_above_it(page: Any, width: int) -> None:
    """A line that wraps would move the pad under the finger that drags on it."""
    page.set_viewport_size({"width": width, "height": 800})
    laid_out(page)
    before = page.locator("#pad").bounding_box()
    for text in ("", "valence +0.91 and arousal -0.91 and more than any line of this card can hold, 3600 s"):
        for line in page.locator("#mood-word, #mood-note").all():
            line.evaluate("(line, text) => { line.textContent = text; }", text)
        assert page.locator("#pad").bounding_box() == before, text


@pytest.mark.parametrize(
    ("width", "height"),
    [(320, 800), (360, 800), (420, 800), (600, 800), (640, 400), (667, 375), (768, 1024), (1000, 700)],
)
@pytest.mark.parametrize("doing", ["paused", "waiting for the other program", "closed until Wed 10:00"])
def test_what_the_music_does_is_read_whole_beside_the_buttons(page: Any, width: int, height: int, doing: str) -> None:
    page.set_viewport_size({"width": width, "height": height})
    laid_out(page)
    boxes = """(text) => {
        const doing = document.getElementById("doing"), before = doing.textContent, range = document.createRange();
        doing.textContent = text;
        range.selectNodeContents(doing);
        const edges = ({ left, right, top, bottom }) => [left, right, top, bottom];
        const box = (one) => edges(one.getBoundingClientRect());
        const found = [range, ...document.querySelectorAll(".bar button"), document.querySelector(".bar")].map(box);
        doing.textContent = before;
        return found;
    }"""
    (left, right, top, bottom), *buttons, bar = page.evaluate(boxes, doing)
    assert bar[0] <= left < right <= bar[1]
    for one in buttons:
        assert right <= one[0] or one[1] <= left or bottom <= one[2] or one[3] <= top


@pytest.mark.parametrize(("width", "height"), [(360, 800), (768, 800), (1440, 800), (667, 375), (844, 390)])
def test_every_target_is_large_and_nothing_leaves_the_screen(page: Any, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    laid_out(page)
    small = """[...document.querySelectorAll("button, input, select, a.button")].filter((one) => one.checkVisibility())
        .map((one) => [one.id || one.textContent, one.getBoundingClientRect()])
        .filter(([, box]) => box.height < 43.9 || box.width < 43.9).map(([name]) => name)"""
    assert look(page, small) == []
    assert look(page, "document.documentElement.scrollWidth") <= width
    panic = page.locator("#panic").bounding_box()  # always in sight
    assert 0 <= panic["x"] <= width - panic["width"]
    assert panic["y"] + panic["height"] <= height
    cut_off = "(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)(document.querySelector('#doing'))"
    assert not look(page, cut_off)


@pytest.mark.parametrize(("width", "height"), [(640, 360), (667, 375), (844, 390), (932, 430), (800, 480)])
@pytest.mark.parametrize("stage", [False, True])
@pytest.mark.parametrize("set_list", ["", "Bridge"])
def test_the_whole_pad_is_in_sight_on_a_phone_that_lies_on_its_side(
    page: Any, daemon: Daemon, width: int, height: int, stage: bool, set_list: str
) -> None:
    set_up(page, daemon, stage, set_list)
    page.set_viewport_size({"width": width, "height": height})
    laid_out(page)
    pad, bar = (page.locator(name).bounding_box() for name in ("#pad", ".bar"))
    assert pad["y"] >= 0
    assert pad["width"] == pytest.approx(pad["height"], abs=1)
    assert pad["y"] + pad["height"] <= bar["y"], "a touch that begins on the pad does not scroll"
    assert not stage or look(page, "document.documentElement.scrollHeight") <= height


@pytest.mark.parametrize(
    ("width", "height"), [(360, 640), (568, 320), (768, 1024), (1024, 768), (1280, 720), (1440, 900)]
)
@pytest.mark.parametrize("set_list", ["", "Bridge"])
def test_nothing_needs_scrolling_on_the_stage(
    page: Any, daemon: Daemon, width: int, height: int, set_list: str
) -> None:
    set_up(page, daemon, True, set_list)
    page.set_viewport_size({"width": width, "height": height})
    laid_out(page)
    steps, bar = (page.locator(name).bounding_box() for name in (".nudges", ".bar"))
    assert steps["y"] + steps["height"] <= bar["y"]
    assert look(page, "document.documentElement.scrollHeight") <= height
