"""Why a process does nothing: it is stopped or waits, it computes without an end, or the machine gives it no time."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
STATE, USER_TICKS, SYSTEM_TICKS = 0, 11, 12  # fields of /proc/PID/stat after the name
WANTS_TO_RUN = "RD"  # runnable, or waits for the disk
# Measured on two cores with fifteen that wanted to run: an engine had no turn for up to 3.4 s, and was not at fault.
NO_TIME_S, COMPUTES_S, WAITS_S = 6.0, 1.0, 0.7


class Stillness:
    """Watches one process while it makes no turn, or owes an answer. pid: of the process, 0 for none."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._used_s = _cpu_s(pid)

    def moved(self) -> None:
        """It has made a turn."""
        self._used_s = _cpu_s(self._pid)

    def lacks_time(self) -> bool:
        """Whether it would go on if the machine gave it time; also where that cannot be known."""
        if _cpu_s(self._pid) - self._used_s >= COMPUTES_S:
            return False  # it had its time, and made nothing of it
        states = _states(self._pid)
        return any(state in WANTS_TO_RUN for state in states) or not states

    def limit_s(self) -> float:
        """So long without a turn an engine is believed to be sound."""
        return NO_TIME_S if self.lacks_time() else WAITS_S


def _fields(path: Path) -> list[str]:
    """After the name, which may hold anything; [] where there is no such file."""
    with contextlib.suppress(OSError):
        return path.read_text().rpartition(")")[2].split()
    return []


def _cpu_s(pid: int) -> float:
    fields = _fields(Path(f"/proc/{pid}/stat"))
    return (int(fields[USER_TICKS]) + int(fields[SYSTEM_TICKS])) / TICKS_PER_S if fields else 0.0


def _states(pid: int) -> list[str]:
    """Of all threads; [] where that cannot be known."""
    return [fields[STATE] for path in Path(f"/proc/{pid}/task").glob("*/stat") if (fields := _fields(path))]
