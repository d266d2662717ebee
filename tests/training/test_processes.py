"""Processes that train together: what they share, and that they part without a trace."""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from improv.errors import InputError
from training.processes import Processes


def _threads() -> list[str]:
    """Names of the threads that talk to other processes."""
    names = [(path / "comm").read_text().strip() for path in Path("/proc/self/task").iterdir()]
    return sorted(name for name in names if "gloo" in name)


def _train_together(rank: int, port: int) -> tuple[list[Any], list[float], list[int], list[str]]:
    """Gradients, sums and ranks that one process of two sees, and its threads for the other once it has left."""
    os.environ |= {"WORLD_SIZE": "2", "RANK": str(rank), "LOCAL_RANK": str(rank)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    processes = Processes.join(torch.device("cpu"))
    gradients = [torch.full((2, 2), float(rank)), torch.tensor([3.0 * rank])]
    torch.optim.AdamW(gradients)  # loads much of torch
    processes.average(gradients)
    sums = processes.sum([1.0, float(rank)], torch.device("cpu"))
    ranks = processes.gather_values(rank)
    assert processes.gather(torch.tensor([[rank]]), 1).tolist() == [[0, 1]]
    assert _threads(), "what is looked for can be seen"
    processes.leave()
    return [gradient.tolist() for gradient in gradients], sums, ranks, _threads()


@pytest.mark.skipif(sys.platform != "linux", reason="looks at the threads in /proc")
def test_two_share_what_they_found_and_part_without_a_trace() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        both = pool.starmap_async(_train_together, [(rank, port) for rank in (0, 1)], chunksize=1).get(timeout=60)
    for gradients, sums, ranks, left in both:
        assert gradients == [[[0.5, 0.5], [0.5, 0.5]], [1.5]]
        assert sums == [2.0, 1.0]
        assert ranks == [0, 1]
        assert left == [], "a thread that outlives its group can abort the interpreter's end"


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
