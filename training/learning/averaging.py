"""A running mean of a network's weights over its training steps: it is measured and kept in place of the last weights.

Polyak and Juditsky 1992; as an exponential mean it needs no decision when to begin.
"""

from __future__ import annotations

import torch
from torch import nn

_YOUNG = 10  # steps: so much faster does a mean of few steps forget, that its beginning weighs nothing


@torch.no_grad()
def follow(mean: nn.Module, network: nn.Module, decay: float, steps: int) -> None:
    """Take the network's weights after a step into the mean. decay: what the mean keeps of itself, 0..1.

    steps: how many there have been; the first ones are forgotten faster. What is counted, not learnt (the moments of
    batch normalisation), is taken as it is.
    """
    keep = min(decay, steps / (steps + _YOUNG))
    for old, new in zip(mean.parameters(), network.parameters(), strict=True):
        old.lerp_(new, 1 - keep)
    for counted, now in zip(mean.buffers(), network.buffers(), strict=True):
        counted.copy_(now)
