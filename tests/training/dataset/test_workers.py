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
def test_bad_jobs_cost_only_themselves() -> None:
    with Workers(work, 2, time_limit_s=60.0, memory_bytes=1 << 30) as pool:
        results = list(pool.map(["a", "crash", "b", "c", "error", "d", "memory", "e"]))
    assert [results[i] for i in (0, 2, 3, 5, 7)] == ["A", "B", "C", "D", "E"]
    assert results[1] == Failed("the reader crashed on it", passing=True)
    assert results[4] == Failed("unreadable (KeyError: 'nothing')", passing=False)
    assert results[6] == Failed("needs more than 1024 MB of memory", passing=False)


def test_what_hangs_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "START_S", 0.1)
    monkeypatch.setattr(workers, "PATIENCE", 1.0)
    with Workers(work, 1, time_limit_s=0.5) as pool:
        assert list(pool.map(["hang"])) == [Failed("takes more than 0.5 s to read", passing=True)]
        monkeypatch.setattr(workers, "PATIENCE", 1000.0)  # a busy machine may take long to start another one
        assert list(pool.map(["b"])) == ["B"]


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of processor time there")
def test_what_computes_too_long_is_ended_and_what_waits_for_the_processor_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers, "START_S", 0.1)
    monkeypatch.setattr(workers, "PATIENCE", 1000.0)
    with Workers(work, 1, time_limit_s=0.2) as pool:
        results = list(pool.map(["a", "spin", "b"]))
    assert results == ["A", Failed("takes more than 0.2 s to read", passing=True), "B"]
