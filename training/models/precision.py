"""Whether products of 16 bits pay: the weights stay in 32 bits, the sums too."""

from __future__ import annotations

import torch


def halves_pay(device: torch.device) -> bool:
    """Whether bfloat16 products are faster on this device: on GPUs, and on processors with AVX-512 BF16."""
    # torch has no public question for the processor; without the instruction bfloat16 is emulated, slower than float32.
    return device.type == "cuda" or bool(torch.cpu._is_avx512_bf16_supported())
