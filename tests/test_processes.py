"""Starting processes of our own whatever became of the folder, and when one that failed is started again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from improv.processes import Backoff, end, spawn


def test_a_process_starts_though_the_working_folder_was_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "show"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    process = spawn(os.getcwd, (), "brainmusic-test")
    try:
        process.join(120)
        assert process.exitcode == 0
    finally:
        end(process)


def test_a_process_starts_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    process = spawn(os.mkdir, ("here",), "brainmusic-test")
    process.join(120)
    end(process)
    assert (tmp_path / "here").is_dir()


def test_a_start_that_fails_again_and_again_is_tried_ever_later() -> None:
    """However long the process lived before: it does not live while it cannot be started."""
    backoff, now_s = Backoff(5.0, 30.0), 1000.0
    backoff.started(0.0)
    waited = []
    for _ in range(6):
        next_s = backoff.failed(now_s)
        waited.append(next_s - now_s)
        now_s = next_s + 40.0
    assert waited == [0.0, 0.5, 1.0, 2.0, 4.0, 5.0]
    backoff.started(now_s)
    assert backoff.failed(now_s + 30.0) == now_s + 30.0


@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 100.0)), max_size=20))
def test_the_next_try_is_never_later_than_the_longest_delay(acts: list[tuple[bool, float]]) -> None:
    backoff, now_s = Backoff(5.0, 30.0), 0.0
    for starts, waits_s in acts:
        now_s += waits_s
        if starts:
            backoff.started(now_s)
        assert now_s <= backoff.failed(now_s) <= now_s + 5.0
