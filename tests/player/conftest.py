"""Fixtures of the player's tests."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import jack


def _children() -> set[int]:
    """Process ids of this process's children, without multiprocessing's resource tracker (it lives as long as we)."""
    found: set[int] = set()
    for task in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        for pid in task.read_text().split():
            command = Path(f"/proc/{pid}/cmdline")
            if command.exists() and b"resource_tracker" not in command.read_bytes():
                found.add(int(pid))
    return found


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Fail a test that leaves a process or a thread alive."""
    children, threads = _children(), set(threading.enumerate())
    yield
    assert not multiprocessing.active_children()
    assert not _children() - children, "a child process is left"
    assert not set(threading.enumerate()) - threads, "a thread is left"


@pytest.fixture
def jack_server() -> Iterator[jack.JackServer]:
    """A JACK server of the test's own."""
    if reason := jack.missing():
        pytest.skip(reason)
    with jack.jack_server() as server:
        yield server
