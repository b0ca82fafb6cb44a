"""Depth models: which there are, what their values mean, and the labeller that runs them in batches.

Importing this package is cheap: torch and transformers are imported by the functions that need them.

    spec = resolve_spec(recipe, sample_images)            # kind, unit, scale, model and revision
    labeller = load_labeller(recipe, spec, device="auto")
    stored = labeller(images)                             # (N, H, W, 3) uint8 -> (N, H, W) uint16
    decode_depth(stored[0], spec)                         # (H, W) float32, metres or the relative value
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np

from .spec import DepthSpec, decode_depth, encode_values

if TYPE_CHECKING:
    from fgbg_depth.recipe import Recipe

__all__ = [
    "DepthSpec",
    "Labeller",
    "decode_depth",
    "encode_values",
    "load_labeller",
    "num_gpus",
    "resolve_spec",
]


class Labeller(Protocol):
    """What the map function needs of a labeller; `labeller.TorchLabeller` is the real one."""

    spec: DepthSpec
    batch_size: int

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """(N, H, W, 3) uint8 rows to (N, H, W) stored values."""
        ...


def resolve_spec(recipe: Recipe, sample_images: Callable[[], Iterator[np.ndarray]], device: str = "auto") -> DepthSpec:
    """What the labels of this recipe will mean; see `resolve.resolve_spec`."""
    from . import resolve

    return resolve.resolve_spec(recipe, sample_images, device)


def num_gpus(device: str = "auto") -> int:
    """How many CUDA devices this choice of device shares out over workers; touches none of them."""
    if device in ("cpu", "mps"):
        return 0
    import torch

    count = torch.cuda.device_count()
    return min(count, 1) if ":" in device else count


def load_labeller(recipe: Recipe, spec: DepthSpec, device: str = "auto", worker: int = 0) -> Labeller:
    """The model on its device, ready to label; see `resolve.load_labeller`."""
    from . import resolve

    return resolve.load_labeller(recipe, spec, device, worker)
