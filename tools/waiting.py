"""Waiting for what another process or thread does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from improv.clock import SystemClock

CLOCK = SystemClock()
PATIENCE_S = 180.0  # what takes so long on a busy machine is no failure


def eventually(condition: Callable[[], Any], timeout_s: float = PATIENCE_S, every_s: float = 0.01) -> Any:
    """The first true value of `condition()`; AssertionError when none came within timeout_s."""
    deadline_s = CLOCK.now() + timeout_s
    while not (value := condition()):
        if CLOCK.now() > deadline_s:
            raise AssertionError(f"not within {timeout_s:g} s: {condition}")
        CLOCK.wait(CLOCK.now() + every_s)
    return value


def whole_lines(path: Path) -> list[str]:
    """What another process has written into a file so far, without the line that it is writing now."""
    text = path.read_text() if path.exists() else ""
    return text[: text.rfind("\n") + 1].splitlines()
