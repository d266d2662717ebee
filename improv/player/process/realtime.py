"""What the operating system grants to a process that must be on time: each tried, none required."""

from __future__ import annotations

import ctypes
import gc
import os
import sys

FIFO_PRIORITY = 60  # above ordinary processes, below the JACK server's own threads (70 and up)
PR_SET_TIMERSLACK = 29
MCL_CURRENT, MCL_ONFAULT = 1, 4  # together: what is resident stays so; nothing is read in that was not needed


def become_realtime() -> str:
    """Ask for FIFO scheduling, locked memory and exact timers; freeze the garbage collector. Says what was granted."""
    freeze_garbage()
    if not sys.platform.startswith("linux"):
        return f"no real-time scheduling on {sys.platform}"
    return ", ".join((_fifo(), _lock_memory(), _timer_slack()))


def freeze_garbage() -> None:
    """No collection comes in the way of a note; the loop collects by itself in quiet moments."""
    gc.collect()
    gc.freeze()
    gc.disable()


def _fifo() -> str:
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(FIFO_PRIORITY))
    except OSError as error:
        return f"ordinary scheduling (SCHED_FIFO: {error.strerror})"
    return f"SCHED_FIFO {FIFO_PRIORITY}"


def _lock_memory() -> str:
    try:
        failed = ctypes.CDLL(None, use_errno=True).mlockall(MCL_CURRENT | MCL_ONFAULT)
    except (OSError, AttributeError):
        failed = -1
    return f"memory not locked ({os.strerror(ctypes.get_errno())})" if failed else "memory locked"


def _timer_slack() -> str:
    try:
        failed = ctypes.CDLL(None, use_errno=True).prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)
    except (OSError, AttributeError):
        failed = -1
    return "timer slack 50 us" if failed else "timer slack 1 ns"
