"""How loud a sound is to the ear, and long filters over long sounds.

After Recommendation ITU-R BS.1770-4 (K-weighting, two gates), its filters computed for any sample rate by the formulas
that give its own coefficients at 48 kHz.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""(channels, length), -1..1."""

BLOCK_S, STEP_S = 0.4, 0.1
ABSOLUTE_GATE_LUFS, RELATIVE_GATE_LU, OFFSET_LUFS = -70.0, -10.0, -0.691
# The recommendation's two filters as analogue prototypes: a shelf for the head, a high-pass for the ear.
SHELF_HZ, SHELF_DB, SHELF_Q, SHELF_BAND = 1681.974450955533, 3.999843853973347, 0.7071752369554196, 0.4996667741545416
HIGH_PASS_HZ, HIGH_PASS_Q = 38.13547087602444, 0.5003270373238773
KERNEL_LENGTH = 1 << 15  # the high-pass dies away in a third of a second
SILENCE_LUFS = -math.inf


def loudness_lufs(sound: Samples, rate_hz: int) -> float:
    """Integrated loudness; minus infinity for what is silent or shorter than 0.4 s."""
    block, step = round(BLOCK_S * rate_hz), round(STEP_S * rate_hz)
    if sound.shape[1] < block:
        return SILENCE_LUFS
    weighted = convolved(sound, _k_weighting(rate_hz))[:, : sound.shape[1]]
    total = np.cumsum((weighted.astype(np.float64) ** 2).sum(axis=0))
    ends = np.arange(block, len(total) + 1, step)
    starts = np.where(ends > block, total[np.maximum(ends - block - 1, 0)], 0.0)
    powers = (total[ends - 1] - starts) / block
    loud = powers[_lufs(powers) > ABSOLUTE_GATE_LUFS]
    if not len(loud):
        return SILENCE_LUFS
    gate = float(_lufs(loud.mean())) + RELATIVE_GATE_LU
    return float(_lufs(loud[_lufs(loud) > gate].mean()))


def convolved(sound: Samples, kernel: NDArray[np.floating]) -> Samples:
    """Each channel with its kernel ((length,) or (channels, length)), block by block; as long as both together."""
    kernels = np.broadcast_to(kernel, (len(sound), np.shape(kernel)[-1]))
    size = 1 << max(17, (4 * kernels.shape[1] - 1).bit_length())
    block = size - kernels.shape[1] + 1
    spectrum = np.fft.rfft(kernels, size)
    out = np.zeros((len(sound), sound.shape[1] + kernels.shape[1] - 1), np.float32)
    for at in range(0, sound.shape[1], block):
        piece = np.fft.irfft(np.fft.rfft(sound[:, at : at + block], size) * spectrum, size)
        end = min(at + size, out.shape[1])
        out[:, at:end] += piece[:, : end - at]
    return out


def biquad_response(b: tuple[float, ...], a: tuple[float, ...], size: int) -> NDArray[np.complex128]:
    """The response of a filter of second order at the frequencies of a real Fourier transform of `size` samples."""
    z = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    response: NDArray[np.complex128] = (b[0] + b[1] * z + b[2] * z * z) / (a[0] + a[1] * z + a[2] * z * z)
    return response


def _lufs(power: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return np.asarray(OFFSET_LUFS + 10 * np.log10(np.maximum(power, 1e-20)))


def _k_weighting(rate_hz: int) -> NDArray[np.float64]:
    """The impulse response of both filters, one after the other."""
    k = math.tan(math.pi * SHELF_HZ / rate_hz)
    high, band = 10 ** (SHELF_DB / 20), 10 ** (SHELF_DB / 20 * SHELF_BAND)
    shelf = biquad_response(
        (high + band * k / SHELF_Q + k * k, 2 * (k * k - high), high - band * k / SHELF_Q + k * k),
        (1 + k / SHELF_Q + k * k, 2 * (k * k - 1), 1 - k / SHELF_Q + k * k),
        KERNEL_LENGTH,
    )
    k = math.tan(math.pi * HIGH_PASS_HZ / rate_hz)
    high_pass = biquad_response(
        (1.0, -2.0, 1.0),
        (1 + k / HIGH_PASS_Q + k * k, 2 * (k * k - 1), 1 - k / HIGH_PASS_Q + k * k),
        KERNEL_LENGTH,
    )
    return np.fft.irfft(shelf * high_pass, KERNEL_LENGTH)
