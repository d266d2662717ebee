"""How the learning rate goes, and the one step down a gradient that every training here takes."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from improv.errors import InputError
from training.models.settings import Settings

FLOOR = 0.02  # share of the highest rate that is left at the end


class DivergedError(InputError):
    """The loss or its gradient is no number. what: which of them. value: what it is instead."""

    def __init__(self, what: str, value: float) -> None:
        super().__init__(f"the {what} is {value}: try a smaller learning rate")
        self.what, self.value = what, value


def half_cosine(iteration: int, *, peak: float, warmup: int, iterations: int) -> float:
    """Linear warm-up over `warmup` iterations, then half a cosine down to 2 % of the peak at `iterations`."""
    if iteration < warmup:
        return peak * (iteration + 1) / warmup
    progress = (iteration - warmup) / max(1, iterations - warmup)
    return peak * (FLOOR + (1 - FLOOR) * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))


def learning_rate(settings: Settings, iteration: int, per_epoch: int = 1) -> float:
    """Half a cosine after a warm-up, or halved every `halve_epochs` epochs where the settings say so.

    per_epoch: iterations in which as many tokens are learnt as the training split has.
    """
    if settings.halve_epochs and iteration >= settings.warmup:
        return float(settings.lr * 0.5 ** (iteration // (settings.halve_epochs * per_epoch)))
    return half_cosine(iteration, peak=settings.lr, warmup=settings.warmup, iterations=settings.iterations)


def descend(
    optimiser: torch.optim.Optimizer,
    loss: Tensor,
    rate: float,
    clip: float,
    *,
    clip_each: float = 0.0,
    average: Callable[[list[Tensor]], None] | None = None,
) -> float:
    """One step down the gradient of a loss; returns the loss.

    clip: the highest norm of the whole gradient. clip_each: of each of its elements, before that; 0: not. average: puts
    the mean over several processes in place of this one's gradients. DivergedError, with all weights as they were, when
    the loss or the gradient is no number.
    """
    if not torch.isfinite(loss):
        raise DivergedError("loss", loss.item())
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    if average:
        average([parameter.grad for parameter in parameters if parameter.grad is not None])
    if clip_each:
        torch.nn.utils.clip_grad_value_(parameters, clip_each)
    norm = torch.nn.utils.clip_grad_norm_(parameters, clip)
    if not torch.isfinite(norm):
        raise DivergedError("gradient", norm.item())
    optimiser.step()
    return float(loss.detach())
