"""Prepare rows for a model: resize, rescale and normalise them on the device, as the model's processor does.

The processor works on the CPU, one image after another. The same steps run here in batches on the device. They are
compared with the processor on one noise image first. A processor that does something else (padding, crops, another
order of steps) gives another result there and is then called itself, which is slower.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fgbg_depth.depth.resize import SUPPORT, PillowResize
from fgbg_depth.errors import DepthError
from fgbg_depth.recipe import parse_size


class Preparer:
    """Turn (N, 3, h, w) uint8 on the device into the model's (N, 3, H, W) float32 `pixel_values`.

    Args:
        processor: the model's image processor.
        size: the model's input size (H, W).
        row_size: size (h, w) of the rows; the comparison with the processor is made at this size.
        device: where the steps run.
    """

    def __init__(self, processor: Any, size: tuple[int, int], row_size: tuple[int, int], device: torch.device):
        self.processor, self.size, self.device = processor, size, device
        self.scale = float(processor.rescale_factor) if processor.do_rescale else 1.0
        normalize = bool(processor.do_normalize) and processor.image_mean is not None
        self.mean = self._channels(processor.image_mean if normalize else 0.0)
        self.std = self._channels(processor.image_std if normalize else 1.0)
        resample = int(processor.resample) if processor.resample is not None else 2
        self.resize = PillowResize(size, resample) if resample in SUPPORT else None
        self.on_device = self.resize is not None and self._agrees(row_size)

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        return self._batched(images) if self.on_device else self._one_by_one(images)

    def _batched(self, images: torch.Tensor) -> torch.Tensor:
        assert self.resize is not None  # on_device is False otherwise
        pixels = self.resize(images).to(torch.float32)
        return pixels.mul_(self.scale).sub_(self.mean).div_(self.std)

    def _one_by_one(self, images: torch.Tensor) -> torch.Tensor:
        rows = list(images.permute(0, 2, 3, 1).cpu().numpy())
        return process(self.processor, rows, self.size).to(self.device)

    def _channels(self, values: Any) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self.device).expand(3).view(3, 1, 1).clone()

    def _agrees(self, row_size: tuple[int, int]) -> bool:
        """True if the steps on the device give the processor's own pixels for one noise image."""
        noise = np.random.Generator(np.random.Philox(key=1)).integers(0, 256, (1, 3, *row_size), dtype=np.uint8)
        images = torch.from_numpy(noise).to(self.device)
        expected = self._one_by_one(images)
        ours = self._batched(images)
        # A difference of half a uint8 level (`scale` after rescaling) shows in a label. Equal steps agree to 1e-6.
        return ours.shape == expected.shape and bool(((ours - expected).abs() * self.std).max() < 0.01 * self.scale)


def process(processor: Any, rows: list[NDArray[np.uint8]], size: tuple[int, int] | None) -> torch.Tensor:
    """The `pixel_values` that the processor makes.

    Args:
        rows: (h, w, 3) uint8.
        size: the model's input size (H, W), or None to let the processor choose.
    Returns:
        (N, 3, H, W) float32.
    """
    changes: dict[str, Any] = {}
    if size is not None:
        changes = {"size": {"height": size[0], "width": size[1]}}
        if hasattr(processor, "keep_aspect_ratio"):
            changes["keep_aspect_ratio"] = False
    pixels: torch.Tensor = processor(images=rows, return_tensors="pt", **changes)["pixel_values"]
    return pixels


def input_size(processor: Any, depth_input: str, row_size: tuple[int, int]) -> tuple[int, int]:
    """The model's input size (H, W) for rows of `row_size`.

    Args:
        depth_input: auto (the processor's own rule), native (the row's size, rounded as the model needs), or HxW.
    Raises:
        DepthError: the model cannot take that size; the message names the nearest size it can take.
    """
    blank = [np.zeros((*row_size, 3), dtype=np.uint8)]
    if depth_input == "auto":
        return _shape(processor, blank, None)
    requested = row_size if depth_input == "native" else parse_size(depth_input)
    if requested is None:
        raise DepthError(f"depth_input is {depth_input!r}; allowed: auto, native, or HEIGHTxWIDTH.")
    divisor = getattr(processor, "size_divisor", None) or 1
    nearest = tuple(max(1, round(side / divisor)) * divisor for side in requested)
    size = _shape(processor, blank, (nearest[0], nearest[1]))
    if depth_input != "native" and size != requested:
        raise DepthError(
            f"the depth model cannot take {requested[0]}x{requested[1]} pixels; nearest: {size[0]}x{size[1]}.\n"
            f"  Set depth_input to {size[0]}x{size[1]} or to auto."
        )
    return size


def _shape(processor: Any, blank: list[NDArray[np.uint8]], size: tuple[int, int] | None) -> tuple[int, int]:
    try:
        height, width = process(processor, blank, size).shape[-2:]
    except (ValueError, TypeError, RuntimeError, ZeroDivisionError) as e:
        at = f" at {size[0]}x{size[1]}" if size else ""
        raise DepthError(
            f"the depth model's image processor failed{at}: {type(e).__name__}: {e}\n  Try another depth_input."
        ) from e
    if not height or not width:
        raise DepthError(
            f"the depth model's image processor makes empty images ({height}x{width}) of "
            f"{blank[0].shape[0]}x{blank[0].shape[1]} rows.\n  Try another depth_input."
        )
    return int(height), int(width)
