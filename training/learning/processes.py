"""The processes of one training run: one, or several that `torchrun` started on one or more machines.

    torchrun --nproc-per-node 2 -m training train data/polyphony --out runs/polyphony

Each process trains its share of every batch's lanes. All begin with the same weights (`Settings.seed`, or a checkpoint)
and average their gradients before each update, so that all keep the same weights and the run computes what one process
would.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import torch

# Loaded after the group is made (by an optimiser), its functions have the group as a default argument in torch 2.13:
# then the group's threads outlive it, and one that lets go of a tensor while the interpreter ends aborts the process.
import torch.distributed.nn
from torch import Tensor, distributed, nn

from improv.errors import InputError


@dataclass(frozen=True)
class Processes:
    """rank: which one this is, 0 the one that writes files. size: how many there are."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def first(self) -> bool:
        """Whether this process writes the files and the progress bar."""
        return self.rank == 0

    @classmethod
    def join(cls, device: torch.device) -> Processes:
        """Meet the others that torchrun started; alone when it did not."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls()
        local_rank = int(os.environ["LOCAL_RANK"])
        if device.type == "cuda":
            torch.cuda.set_device(local_rank)
        if not distributed.is_initialized():
            distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
        return cls(distributed.get_rank(), size, local_rank)

    def leave(self) -> None:
        """Say good-bye to the others; no thread that talked to them is left."""
        if self.size > 1 and distributed.is_initialized():
            distributed.destroy_process_group()

    def share(self, lanes: int) -> slice:
        """Which of the lanes are this process's; InputError when they cannot be shared equally."""
        if lanes % self.size:
            raise InputError(f"a batch of {lanes} lanes cannot be shared by {self.size} processes: --set batch=...")
        each = lanes // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def average(self, gradients: list[Tensor]) -> None:
        """Put the means over all processes in place of gradients, which each process gives in the same order.

        Not by DistributedDataParallel: in torch 2.13 what it makes holds the group, and waits for the group's threads
        while it holds the interpreter, which a thread that lets go of a tensor waits for.
        """
        if self.size == 1:
            return
        together = nn.utils.parameters_to_vector(gradients)
        distributed.all_reduce(together)
        nn.utils.vector_to_parameters(together / self.size, gradients)

    def sum(self, values: list[float], device: torch.device) -> list[float]:
        """The sums over all processes."""
        if self.size == 1:
            return values
        sums = torch.tensor(values, dtype=torch.float64, device=device)
        distributed.all_reduce(sums)
        return [float(value) for value in sums]

    def gather(self, tensor: Tensor, axis: int) -> Tensor:
        """The processes' tensors, all of one shape, one after the other along an axis."""
        if self.size == 1:
            return tensor
        parts = [torch.empty_like(tensor) for _ in range(self.size)]
        distributed.all_gather(parts, tensor.contiguous())
        return torch.cat(parts, dim=axis)

    def gather_values(self, value: Any) -> list[Any]:
        """A value of each process, in the order of their ranks."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        distributed.all_gather_object(values, value)
        return values
