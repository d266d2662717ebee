"""Starting and ending processes of our own."""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

# A terminal sends these to the whole process group. The engine decides; when it ends, the pipe closes.
LEFT_TO_THE_ENGINE = ("SIGINT", "SIGHUP", "SIGQUIT", "SIGTSTP")


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
    main: Any = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
