"""Rows or photographs in memory, as a small network is trained and tested on them, and random views of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

SMALLEST_CROP = 0.6  # of a side; smaller crops cut too many cut-outs off
_GAIN = (0.8, 1.25)  # brightness of each channel


@dataclass(frozen=True)
class Examples:
    """N pictures with what is true about them.

    Args:
        pictures: (N, 3, S, S) uint8 RGB.
        mattes: (N, 1, S, S) uint8.
        depth: (N, 1, S, S) float32 logarithm of the distance (`targets.log_distance`); None: not known.
        valid: (N, 1, S, S) bool: where `depth` is known; None exactly if `depth` is.
        is_metric: `depth` is of metres, so that an enlarged crop is nearer.
    """

    pictures: Tensor
    mattes: Tensor
    depth: Tensor | None = None
    valid: Tensor | None = None
    is_metric: bool = False

    def __len__(self) -> int:
        return len(self.pictures)

    def batch(self, indices: Tensor) -> Batch:
        """Some of them as they are."""
        pictures, mattes = self.pictures[indices].float() / 255, self.mattes[indices].float() / 255
        if self.depth is None or self.valid is None:
            return Batch(pictures, mattes)
        return Batch(pictures, mattes, self.depth[indices], self.valid[indices])

    def random_views(self, indices: Tensor, generator: torch.Generator) -> Batch:
        """Some of them, each cropped, mirrored and brightened at random: picture, matte and depth alike.

        A crop is shown at the size of the whole, so everything in it looks nearer by the crop's share of the side;
        metric depth follows. Depth and its validity are not interpolated.
        """
        plain, count = self.batch(indices), len(indices)
        scale = _uniform(count, SMALLEST_CROP, 1.0, generator)
        mirror = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
        views = torch.zeros(count, 2, 3)
        views[:, 0, 0], views[:, 1, 1] = scale * mirror, scale
        views[:, :, 2] = (1 - scale)[:, None] * _uniform(2 * count, -1.0, 1.0, generator).reshape(count, 2)
        grid = functional.affine_grid(views, [count, 1, *self.pictures.shape[-2:]], align_corners=False)
        images = _sample(torch.cat([plain.pictures, plain.mattes], 1), grid, "bilinear")
        gain = _uniform(3 * count, *_GAIN, generator).reshape(count, 3, 1, 1)
        pictures, mattes = (images[:, :3] * gain).clamp(0, 1), images[:, 3:].clamp(0, 1)
        if plain.depth is None or plain.valid is None:
            return Batch(pictures, mattes)
        maps = _sample(torch.cat([plain.depth, plain.valid.float()], 1), grid, "nearest")
        nearer = scale.log().reshape(count, 1, 1, 1) if self.is_metric else 0.0
        return Batch(pictures, mattes, maps[:, :1] + nearer, maps[:, 1:] > 0.5)


@dataclass(frozen=True)
class Batch:
    """What a network sees at once.

    Args:
        pictures: (n, 3, S, S) float32 in [0, 1].
        mattes: (n, 1, S, S) float32 in [0, 1].
        depth, valid: as in `Examples`, (n, 1, S, S); None if not known.
    """

    pictures: Tensor
    mattes: Tensor
    depth: Tensor | None = None
    valid: Tensor | None = None

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        pictures = self.pictures.to(device).contiguous(memory_format=torch.channels_last)
        depth, valid = (None if values is None else values.to(device) for values in (self.depth, self.valid))
        return Batch(pictures, self.mattes.to(device), depth, valid)


def joined(parts: Sequence[Examples]) -> Examples:
    """All examples of some parts that agree in whether depth is known."""
    depth = [part.depth for part in parts if part.depth is not None]
    valid = [part.valid for part in parts if part.valid is not None]
    return Examples(
        torch.cat([part.pictures for part in parts]),
        torch.cat([part.mattes for part in parts]),
        torch.cat(depth) if depth else None,
        torch.cat(valid) if valid else None,
        parts[0].is_metric,
    )


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(count, generator=generator)


def _sample(values: Tensor, grid: Tensor, mode: str) -> Tensor:
    return functional.grid_sample(values, grid, mode, padding_mode="border", align_corners=False)
