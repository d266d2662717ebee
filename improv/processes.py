"""Starting and ending processes of our own, and when one that failed is started again."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

# A terminal sends these to the whole process group. The engine decides; when it ends, the pipe closes.
LEFT_TO_THE_ENGINE = ("SIGINT", "SIGHUP", "SIGQUIT", "SIGTSTP")
LONG_PREFIX, SHORT_PREFIX = "brainmusic-", "improv-"
FIRST_RESTART_DELAY_S, LONGEST_RESTART_DELAY_S = 0.5, 30.0
STEADY_S = 60.0  # a process that lived so long is started again at once

_spawning = threading.Lock()  # two threads that hide the main module at once would lose it


class Backoff:
    """When a process that failed is started again: at once, after each further failure twice as late.

    longest_s: between two tries. steady_s: a process that lived so long is started again at once.
    """

    def __init__(self, longest_s: float = LONGEST_RESTART_DELAY_S, steady_s: float = STEADY_S) -> None:
        self._longest_s, self._steady_s = longest_s, steady_s
        self._started_s: float | None = None  # None: it does not run
        self._delay_s = 0.0

    def started(self, now_s: float) -> None:
        """The process was started."""
        self._started_s = now_s

    def failed(self, now_s: float) -> float:
        """The process failed, or could not be started: the moment for the next try."""
        if self._started_s is not None and now_s - self._started_s >= self._steady_s:
            self._delay_s = 0.0
        self._started_s = None  # it may fail to start many times now, which is no steady life
        next_s = now_s + self._delay_s
        self._delay_s = min(max(FIRST_RESTART_DELAY_S, 2 * self._delay_s), self._longest_s)
        return next_s


def spawn(
    target: Callable[..., None], arguments: tuple[Any, ...], name: str, *, has_children: bool = False
) -> SpawnProcess:
    """Start a process that ends with this one. OSError when there are no handles, no processes, no memory left.

    has_children: it starts processes itself. Then a normal end of this one waits for it, unless it was ended before.
    """
    _stand_somewhere()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_begin, args=(name, target, *arguments), name=name, daemon=not has_children)
    with without_main(), _signals_held_back():
        process.start()
    return process


def _stand_somewhere() -> None:
    """A process is started in this one's working folder. Where that was deleted or locked nothing could be started."""
    try:
        os.chdir(os.getcwd())
    except OSError:
        os.chdir(os.sep)


def _begin(name: str, target: Callable[..., None], *arguments: Any) -> None:
    """The body of a process of ours."""
    be_called(name)
    target(*arguments)


def be_called(name: str) -> None:
    """Let `ps`, `top` and a system monitor say what this process is, where the system allows it (Linux: 15 letters)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(name.replace(LONG_PREFIX, SHORT_PREFIX))


@contextlib.contextmanager
def _signals_held_back() -> Iterator[None]:
    """The child inherits that the terminal's signals are blocked: Ctrl-C while it is still importing prints nothing."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [getattr(signal, name) for name in LEFT_TO_THE_ENGINE])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end(process: SpawnProcess) -> None:
    """Leave no process: kill it if it still runs, and reap it."""
    if process.is_alive():
        process.kill()
    process.join()
    process.close()


@contextlib.contextmanager
def without_main() -> Iterator[None]:
    """Hide the main module while a process is spawned.

    The child would import it (and with it the engine's model runtime): 0.5 s and 60 MB for nothing.
    """
    with _spawning:
        main: Any = sys.modules["__main__"]
        sys.modules["__main__"] = types.ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main
