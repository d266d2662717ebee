"""Workers that hang, crash or eat memory cost their own job and nothing else."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from training.dataset import workers
from training.dataset.workers import Done, Failed, Workers


def work(job: str) -> str:
    if job == "hang":
        threading.Event().wait(60)
    if job == "spin":
        while True:
            pass
    if job == "crash":
        os._exit(3)
    if job == "error":
        raise KeyError("nothing")
    if job == "memory":
        return str(len(bytearray(1 << 31)))
    return job.upper()


def test_results_come_in_order() -> None:
    jobs: list[str | Done[str]] = [f"job {number}" for number in range(30)]
    jobs[7] = Done("known")
    expected = [f"JOB {number}" for number in range(30)]
    expected[7] = "known"
    with Workers(work, 2) as pool:
        assert list(pool.map(jobs)) == expected


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of memory there")
def test_bad_jobs_cost_only_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "START_S", 10.0)
    monkeypatch.setattr(workers, "PATIENCE", 1.0)
    with Workers(work, 2, time_limit_s=0.5, memory_bytes=1 << 30) as pool:
        results = list(pool.map(["a", "crash", "b", "hang", "c", "error", "d", "memory", "e"]))
    assert [results[i] for i in (0, 2, 4, 6, 8)] == ["A", "B", "C", "D", "E"]
    assert results[1] == Failed("the reader crashed on it", passing=True)
    assert results[3] == Failed("takes more than 0.5 s to read", passing=True)
    assert results[5] == Failed("unreadable (KeyError: 'nothing')", passing=False)
    assert results[7] == Failed("needs more than 1024 MB of memory", passing=False)


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of processor time there")
def test_what_computes_too_long_is_ended_and_what_waits_for_the_processor_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers, "START_S", 0.1)
    monkeypatch.setattr(workers, "PATIENCE", 1000.0)
    with Workers(work, 1, time_limit_s=0.2) as pool:
        results = list(pool.map(["a", "spin", "b"]))
    assert results == ["A", Failed("takes more than 0.2 s to read", passing=True), "B"]
