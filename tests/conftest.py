"""Fixtures of all tests."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from improv.model import OnnxModel

TINY = Path(__file__).parent / "models" / "tiny.onnx"
REPOSITORY = Path(__file__).parent.parent

settings.register_profile("brainmusic", deadline=None)  # a machine that is busy is not a fault
settings.load_profile("brainmusic")


def _children() -> set[int]:
    """Process ids of this process's children, without multiprocessing's resource tracker (it lives as long as we)."""
    found: set[int] = set()
    for task in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        for pid in task.read_text().split():
            command = Path(f"/proc/{pid}/cmdline")
            if command.exists() and b"resource_tracker" not in command.read_bytes():
                found.add(int(pid))
    return found


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
