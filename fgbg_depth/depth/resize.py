"""Pillow's resize on any torch device, bit for bit.

transformers' processors resize uint8 images with Pillow, on the CPU. torch's own antialiased resize rounds
differently: up to a fifth of the pixels are one level off, which changes labels by more than one step. This
one gives the same integers as Pillow on CPU, CUDA and MPS.

Source: Pillow's documented resampling: two passes, horizontal first, each with coefficients in 22-bit fixed
point and rounded to 8 bits. Keys 1981 for the cubic (a = -0.5).
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray

PRECISION_BITS = 32 - 8 - 2
BILINEAR, BICUBIC = 2, 3  # Pillow's numbers for them, which processors' configurations use
SUPPORT = {BILINEAR: 1.0, BICUBIC: 2.0}


class PillowResize:
    """Resize (N, C, h, w) uint8 to (height, width) as `PIL.Image.resize((width, height), resample)` does.

    Example:
        resize = PillowResize((480, 640), BILINEAR)
        resize(torch.zeros(8, 3, 224, 224, dtype=torch.uint8))      # (8, 3, 480, 640) uint8
    """

    def __init__(self, size: tuple[int, int], resample: int):
        self.size, self.resample = size, resample
        self._tables: dict[tuple[int, int, torch.device], tuple[torch.Tensor, torch.Tensor]] = {}

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        height, width = self.size
        if images.shape[-1] != width:
            images = self._resample(images, width, dim=-1)
        if images.shape[-2] != height:
            images = self._resample(images, height, dim=-2)
        return images

    def _resample(self, images: torch.Tensor, out_size: int, dim: int) -> torch.Tensor:
        indices, weights = self._table(images.shape[dim], out_size, images.device)
        shape = (-1, 1) if dim == -2 else (-1,)
        total = torch.full((), 1 << (PRECISION_BITS - 1), dtype=torch.int32, device=images.device)
        for index, weight in zip(indices, weights, strict=True):
            # The sum is at most 255 * 1.25 * 2**22 + 2**21 < 2**31, so int32 is exact on every device.
            total = images.index_select(dim, index).to(torch.int32).mul_(weight.view(shape)).add_(total)
        return total.bitwise_right_shift_(PRECISION_BITS).clamp_(0, 255).to(torch.uint8)

    def _table(self, in_size: int, out_size: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        key = (in_size, out_size, device)
        if key not in self._tables:
            indices, weights = coefficients(in_size, out_size, self.resample)
            self._tables[key] = (torch.from_numpy(indices).to(device), torch.from_numpy(weights).to(device))
        return self._tables[key]


def coefficients(in_size: int, out_size: int, resample: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """For each output pixel: which input pixels it is made of, and their weights.

    Returns:
        indices (taps, out_size) int64, weights (taps, out_size) int32 in units of 2 ** -22.
    """
    scale = in_size / out_size
    stretch = max(scale, 1.0)
    support = SUPPORT[resample] * stretch
    taps = math.ceil(support) * 2 + 1
    indices = np.zeros((taps, out_size), dtype=np.int64)
    weights = np.zeros((taps, out_size), dtype=np.int32)
    for out in range(out_size):
        center = (out + 0.5) * scale
        first = max(int(center - support + 0.5), 0)
        last = min(int(center + support + 0.5), in_size)
        values = [_filter((i - center + 0.5) / stretch, resample) for i in range(first, last)]
        total = sum(values)
        for tap, value in enumerate(values):
            fixed = value / total * (1 << PRECISION_BITS)
            indices[tap, out] = first + tap
            weights[tap, out] = int(fixed + math.copysign(0.5, fixed))
    return indices, weights


def _filter(x: float, resample: int) -> float:
    x = abs(x)
    if resample == BILINEAR:
        return max(1.0 - x, 0.0)
    if x < 1.0:
        return (1.5 * x - 2.5) * x * x + 1.0
    return ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0 if x < 2.0 else 0.0
