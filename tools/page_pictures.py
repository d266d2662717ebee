"""Make the pictures of the page in docs/images again: python -m tools.page_pictures (a minute; needs Chromium)."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools import REPOSITORY
from tools.browser import Daemon, chromium, opened, running_daemon
from tools.waiting import PATIENCE_S, eventually

SETTINGS = {"model.path": "hands", "mood.start": "calm"}
BARS = 5  # that the roll has something to show


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "docs" / "images")
    out = parser.parse_args().out
    with running_daemon(settings=SETTINGS) as daemon, chromium() as browser:
        for name, size, prepare in PICTURES:
            daemon.command("reset")
            with opened(browser, daemon, color_scheme="dark", locale="en") as page:
                page.set_viewport_size({"width": size[0], "height": size[1]})
                _play(daemon)
                prepare(page, daemon)
                page.screenshot(path=out / f"page-{name}.png")
            daemon.command("pause")


def _play(daemon: Daemon) -> None:
    daemon.command("play")
    first = daemon.state["bar"]
    eventually(lambda: daemon.state["bar"] >= first + BARS, PATIENCE_S)


def _on_the_way(page: Any, daemon: Daemon, mood: str) -> None:
    """Somewhere between two moods."""
    daemon.command("mood", name=mood, glide_s=12)
    eventually(lambda: 0 < daemon.state["glide_left_s"] < 7, PATIENCE_S)


def _desktop(page: Any, daemon: Daemon) -> None:
    _on_the_way(page, daemon, "happy")


def _tablet(page: Any, daemon: Daemon) -> None:
    daemon.command("journey_start", name="evening")
    daemon.command("journey_jump", share=0.22)
    page.click("#tab-journey")
    first = daemon.state["bar"]
    eventually(lambda: daemon.state["bar"] >= first + 2, PATIENCE_S)


def _stage(page: Any, daemon: Daemon) -> None:
    page.click("#stage")
    _on_the_way(page, daemon, "sad")


PICTURES: tuple[tuple[str, tuple[int, int], Callable[[Any, Daemon], None]], ...] = (
    ("desktop", (1440, 900), _desktop),
    ("tablet", (820, 1180), _tablet),
    ("stage", (1200, 750), _stage),
)

if __name__ == "__main__":
    main()
