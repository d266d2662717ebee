"""Fixtures of all tests."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from improv.model.onnx_model import OnnxModel
from tools import REPOSITORY, TINY

__all__ = ["REPOSITORY", "TINY"]

settings.register_profile("brainmusic", deadline=None)  # a machine that is busy is not a fault
settings.load_profile("brainmusic")


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


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Fail a test that leaves a process or a thread alive."""
    children, threads = _children(), _threads()
    yield
    assert not multiprocessing.active_children()
    assert not _children() - children, "a child process is left"
    assert not _threads() - threads, "a thread is left"


@pytest.fixture(scope="session")
def tiny() -> OnnxModel:
    """The tiny real model; it has no state of its own, so all tests may share it."""
    return OnnxModel(TINY, "cpu")
