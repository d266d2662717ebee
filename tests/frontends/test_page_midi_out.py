"""The music at a MIDI output of the browser. Chromium has none here, so one is put in its place that writes down."""

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
INSTRUMENT = """() => {
    globalThis.sent = [];
    const output = { id: "a", name: "Upright", state: "connected",
      send: (bytes, at_ms) => sent.push({ bytes: [...bytes], at_ms, early_ms: at_ms - performance.now() }) };
    const access = { outputs: new Map([["a", output]]), onstatechange: null };
    globalThis.unplug = () => { output.state = "disconnected"; access.onstatechange(); };
    navigator.requestMIDIAccess = async () => access;
}"""


@pytest.fixture
def page(browser: Any, daemon: Daemon) -> Iterator[Any]:
    daemon.command("reset")
    with opened(browser, daemon) as page:
        page.evaluate(INSTRUMENT)
        page.click("#tab-play")
        page.get_by_role("button", name="Look for outputs").click()
        page.wait_for_selector("#midi-out")
        yield page
    daemon.command("pause")


def sent(page: Any, kind: int) -> list[dict[str, Any]]:
    """What the instrument got of a kind of message."""
    return [one for one in page.evaluate("sent") if one["bytes"][0] == kind]


def is_silent(page: Any) -> bool:
    """Whether each note that began has ended, no sooner than it began."""
    open_notes: dict[int, float] = {}
    for one in page.evaluate("sent"):
        status, pitch, _ = one["bytes"]
        if status == 0x90:
            assert pitch not in open_notes
            open_notes[pitch] = one["at_ms"]
        elif status == 0x80:
            assert one["at_ms"] >= open_notes.pop(pitch)
    return not open_notes


def test_notes_go_to_the_instrument_that_is_chosen_and_all_of_them_end(page: Any, daemon: Daemon) -> None:
    daemon.command("play")
    eventually(lambda: page.evaluate("brainmusic.roll.drawn") > 5)
    assert page.evaluate("sent") == []  # off until somebody chooses
    page.select_option("#midi-out", label="Upright")
    eventually(lambda: len(sent(page, 0x90)) > 8 and len(sent(page, 0x80)) > 3)
    assert all(one["early_ms"] < 100 for one in page.evaluate("sent")), "what was handed over cannot be taken back"
    page.click("#panic")
    eventually(lambda: not daemon.state["playing"])
    eventually(lambda: is_silent(page))
    daemon.command("play")
    before = len(sent(page, 0x90))
    eventually(lambda: len(sent(page, 0x90)) > before)
    page.select_option("#midi-out", label="Off")
    assert is_silent(page)
    assert len(sent(page, 0xB0)) == 1


def test_an_instrument_that_is_unplugged_is_told_of(page: Any, daemon: Daemon) -> None:
    page.select_option("#midi-out", label="Upright")
    page.evaluate("unplug()")
    eventually(lambda: "Upright is gone" in (page.locator("#notice").text_content() or ""))
    assert page.input_value("#midi-out") == ""
    assert page.locator("#midi-out option").text_content() == "No output found"
