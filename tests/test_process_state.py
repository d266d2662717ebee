"""A process that hangs is told from one that the machine gives no time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from improv.process_state import NO_TIME_S, WAITS_S, Stillness
from tools.waiting import eventually

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system has no /proc")


@contextmanager
def process(code: str) -> Iterator[int]:
    with subprocess.Popen([sys.executable, "-c", f"print(1, flush=True)\n{code}"], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline()
        try:
            yield child.pid
        finally:
            child.kill()


def test_one_that_waits_for_ever_is_not_waited_for() -> None:
    with process("import time; time.sleep(600)") as pid:
        subject = Stillness(pid)
        eventually(lambda: subject.limit_s() == WAITS_S)


def test_one_that_is_stopped_is_not_waited_for() -> None:
    with process("while True: pass") as pid:
        os.kill(pid, signal.SIGSTOP)
        subject = Stillness(pid)
        eventually(lambda: subject.limit_s() == WAITS_S)


def test_one_that_wants_to_run_is_given_time_until_it_has_had_it() -> None:
    with process("while True: pass") as pid:
        subject = Stillness(pid)
        assert subject.limit_s() == NO_TIME_S
        eventually(lambda: subject.limit_s() == WAITS_S)  # it computes, and makes no turn
        subject.moved()
        assert subject.limit_s() == NO_TIME_S
