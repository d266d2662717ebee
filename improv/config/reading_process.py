"""Reads config.yaml and journeys while the music plays: in a process of its own, bounded in time, memory and size.

Whatever stands in the files, the engine waits for nothing and ends for nothing: the process is given up when it takes
too long, and a failure of any kind is a sentence.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import queue
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from improv.config.journeys import read_all
from improv.config.reading import load
from improv.config.whole import Config
from improv.control.journey import Plan
from improv.errors import BrainMusicError
from improv.processes import LEFT_TO_THE_ENGINE, end, spawn

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

log = logging.getLogger(__name__)

WITHIN_S = 20.0  # importing takes 0.5 s here, up to ten times as long on a machine that is busy
MOST_MEMORY = 2 << 30  # bytes of address space; the libraries alone map 0.5 GB


class Reading(NamedTuple):
    """What was read, or the sentence why it was not. warnings: about journeys that were left out."""

    config: Config | None
    journeys: dict[str, Plan]
    warnings: tuple[str, ...] = ()
    failure: str = ""


class LiveReader:
    """Used by one thread, which never waits. overrides: those of the command line."""

    def __init__(self, path: Path | None, overrides: list[str], within_s: float = WITHIN_S) -> None:
        self.path, self._overrides, self._within_s = path, overrides, within_s
        self._done: queue.SimpleQueue[Reading] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._again = False

    def request(self) -> None:
        """Read the files as they are now; while they are being read they will be read once more."""
        if self._thread is not None:
            self._again = True
            return
        self._thread = threading.Thread(target=self._read, name="configuration", daemon=True)
        self._thread.start()

    def ready(self) -> Reading | None:
        """What was read since the last call."""
        if self._thread is None or self._thread.is_alive():
            return None
        self._thread.join()
        self._thread = None
        reading = self._done.get()
        if self._again:
            self._again = False
            self.request()
        return reading

    def close(self) -> None:
        """Wait for what is being read."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _read(self) -> None:
        try:
            self._done.put(self._read_beside())
        except Exception as error:  # no process, no handle, no memory: whatever it is, the thread must answer
            self._done.put(_failed(str(error) or type(error).__name__))

    def _read_beside(self) -> Reading:
        ours, theirs = multiprocessing.get_context("spawn").Pipe(duplex=False)
        with ours:
            try:
                process = spawn(_main, (theirs, self.path, self._overrides, int(self._within_s)), "brainmusic-config")
            finally:
                theirs.close()
            try:
                if not ours.poll(self._within_s):
                    return _failed(f"reading it took longer than {self._within_s:g} s")
                reading: Reading = ours.recv()
                return reading
            except EOFError:
                return _failed("reading it failed, or took too much memory or time")
            finally:
                end(process)


def _failed(reason: str) -> Reading:
    return Reading(None, {}, (), reason)


def _main(connection: Connection[Any, Any], path: Path | None, overrides: list[str], seconds: int) -> None:
    """Body of the process: read, answer, end."""
    for name in LEFT_TO_THE_ENGINE:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    _limit(seconds)
    try:
        config = load(path, overrides)
        found, warnings = read_all(config)
        reading = Reading(config, found, tuple(warnings))
    except BrainMusicError as error:
        reading = _failed(str(error))
    except MemoryError:
        reading = _failed("reading it takes too much memory")
    except Exception as error:
        reading = _failed(f"unexpected error while it was read: {type(error).__name__}: {error}")
    connection.send(reading)


def _limit(seconds: int) -> None:
    if sys.platform == "win32":
        return
    import resource

    for kind, most in ((resource.RLIMIT_AS, MOST_MEMORY), (resource.RLIMIT_CPU, max(seconds, 1))):
        with contextlib.suppress(OSError, ValueError):  # a lower limit is there already
            resource.setrlimit(kind, (most, most))
