"""Time for scheduling: monotonic seconds from a clock that is passed in, never asked for behind the caller's back.

Nothing else in `improv` calls `time.*`.
"""

from __future__ import annotations

import datetime
import sys
import time
from typing import Protocol

# time.monotonic() ticks every 15 ms on Windows; perf_counter() is there the finer clock that all processes share.
_now_s = time.perf_counter if sys.platform == "win32" else time.monotonic


class Clock(Protocol):
    """Seconds that never run backward, and a wait for an absolute deadline."""

    def now(self) -> float:
        """Seconds since an arbitrary origin that all processes of this machine share."""
        ...

    def wait(self, until_s: float) -> None:
        """Return when `now() >= until_s`."""
        ...


class SystemClock:
    """The machine's monotonic clock."""

    def now(self) -> float:
        return _now_s()

    def wait(self, until_s: float) -> None:
        while (left_s := until_s - _now_s()) > 0:
            time.sleep(left_s)


class ManualClock:
    """A clock that stands still until it is told to wait: for tests and for rendering."""

    def __init__(self, start_s: float = 0.0) -> None:
        self._now_s = start_s

    def now(self) -> float:
        return self._now_s

    def wait(self, until_s: float) -> None:
        self._now_s = max(self._now_s, until_s)


def cpu_s() -> float:
    """CPU seconds that this process has used so far, user and system together."""
    return time.process_time()


def wall_clock() -> datetime.datetime:
    """Local date and time: for log lines, file names and opening hours, never for scheduling."""
    return datetime.datetime.now().astimezone()
