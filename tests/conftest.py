"""Fixtures of all tests."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import threading
from collections.abc import Iterator
from multiprocessing import resource_tracker
from pathlib import Path

import pytest
from hypothesis import settings

from improv.model.onnx_model import OnnxModel
from tools import REPOSITORY, TINY
from tools.waiting import eventually

__all__ = ["REPOSITORY", "TINY"]

settings.register_profile("brainmusic", deadline=None)  # a machine that is busy is not a fault
settings.load_profile("brainmusic")

ENDING_S = 60.0  # what has done its work may be about to end, on a machine that stands still


def _read(path: Path) -> bytes | None:
    """What a file of /proc says; None when its thread or process ended since it was listed."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _children() -> set[int]:
    """Process ids of this process's children, without multiprocessing's resource tracker (it lives as long as we)."""
    pids = {int(pid) for task in Path("/proc/self/task").glob("*/children") for pid in (_read(task) or b"").split()}
    commands = {pid: _read(Path(f"/proc/{pid}/cmdline")) for pid in pids}
    return {pid for pid, command in commands.items() if command is not None and b"resource_tracker" not in command}


def _threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if type(thread).__name__ != "TMonitor"}  # tqdm's lives on


def _handles() -> set[tuple[str, str]]:
    """What this process holds open, by number and kind or path; empty where there is no /proc to look at."""
    found = set()
    for handle in Path("/proc/self/fd").glob("*"):
        with contextlib.suppress(FileNotFoundError):
            found.add((handle.name, os.readlink(handle)))
    # The pipe to multiprocessing's resource tracker lives as long as we; a library's files are opened once for all.
    tracker = str(resource_tracker._resource_tracker._fd)
    once = ("/dev/", "/site-packages/", "/.cache/")
    return {(number, what) for number, what in found if number != tracker and not any(part in what for part in once)}


def _mapped() -> str:
    """The files that are mapped into memory; they belong to arrays that a test was given."""
    return (_read(Path("/proc/self/maps")) or b"").decode(errors="replace")


@pytest.fixture(autouse=True)
def nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a process or a thread alive, or a file, a socket or a pipe open."""
    children, threads, handles = _children(), _threads(), _handles()
    yield
    for thread in _threads() - threads:
        thread.join(ENDING_S)
    assert not {thread for thread in _threads() - threads if thread.is_alive()}, "a thread is left"
    eventually(lambda: not multiprocessing.active_children() and not _children() - children, ENDING_S)
    if _handles() - handles:
        # pytest holds what the test was given, mapped files among it, a moment longer.
        (request.node.funcargs or {}).clear()
        gc.collect()  # what nobody holds any longer is closed
        left = {(number, what) for number, what in _handles() - handles if what not in _mapped()}
        assert not left, "a handle is left"


@pytest.fixture(scope="session")
def tiny() -> OnnxModel:
    """The tiny real model; it has no state of its own, so all tests may share it."""
    return OnnxModel(TINY, "cpu")
