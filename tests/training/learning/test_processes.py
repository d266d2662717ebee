"""Processes that train together: what they share, and that they part without a trace."""

from __future__ import annotations

import multiprocessing
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from improv.errors import InputError
from tools.browser import free_port
from training.learning.processes import Processes


def _threads() -> list[str]:
    """Names of the threads that talk to other processes; none where there is no /proc to look at."""
    names = [comm.read_text().strip() for comm in Path("/proc/self/task").glob("*/comm")]
    return sorted(name for name in names if "gloo" in name)


class Seen(NamedTuple):
    """What one process of two sees; `met` and `left` are its threads for the other while they talk and after."""

    gradients: list[Any]
    sums: list[float]
    ranks: list[int]
    gathered: list[Any]
    met: list[str]
    left: list[str]


def _train_together(rank: int, port: int) -> Seen:
    os.environ |= {"WORLD_SIZE": "2", "RANK": str(rank), "LOCAL_RANK": str(rank)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    processes = Processes.join(torch.device("cpu"))
    gradients = [torch.full((2, 2), float(rank)), torch.tensor([3.0 * rank])]
    torch.optim.AdamW(gradients)  # loads much of torch
    processes.average(gradients)
    sums = processes.sum([1.0, float(rank)], torch.device("cpu"))
    ranks = processes.gather_values(rank)
    gathered = processes.gather(torch.tensor([[rank]]), 1)
    met = _threads()
    processes.leave()
    return Seen([one.tolist() for one in gradients], sums, ranks, gathered.tolist(), met, _threads())


@pytest.fixture(scope="module")
def both() -> list[Seen]:
    port = free_port()
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        return pool.starmap_async(_train_together, [(rank, port) for rank in (0, 1)], chunksize=1).get(timeout=600)


def test_two_share_what_they_found(both: list[Seen]) -> None:
    for seen in both:
        assert seen.gradients == [[[0.5, 0.5], [0.5, 0.5]], [1.5]]
        assert seen.sums == [2.0, 1.0]
        assert seen.ranks == [0, 1]
        assert seen.gathered == [[0, 1]]


@pytest.mark.skipif(sys.platform != "linux", reason="no /proc there to look for threads that Python does not know")
def test_they_part_without_a_trace(both: list[Seen]) -> None:
    for seen in both:
        assert seen.met, "what is looked for can be seen"
        assert seen.left == [], "a thread that outlives its group can abort the interpreter's end"


def test_lanes_are_shared_equally() -> None:
    assert [Processes(rank, 2, rank).share(8) for rank in (0, 1)] == [slice(0, 4), slice(4, 8)]
    with pytest.raises(InputError, match="a batch of 9 lanes cannot be shared by 2 processes: --set batch="):
        Processes(0, 2).share(9)


def test_alone_nothing_is_exchanged() -> None:
    alone = Processes()
    gradient = torch.tensor([1.0, 2.0])
    alone.average([gradient])
    assert gradient.tolist() == [1.0, 2.0]
    assert alone.sum([1.0], torch.device("cpu")) == [1.0]
    assert alone.gather_values("a") == ["a"]
    alone.leave()
