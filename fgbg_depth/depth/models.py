"""Depth models for those who build: find out what a model predicts, and load it as a labeller.

Importing this module is cheap: torch and transformers are imported by the functions that need them.
Call the functions through the module (`models.load_labeller(...)`), so that tests can replace them in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np

from fgbg_depth.depth.spec import DepthSpec

if TYPE_CHECKING:
    from fgbg_depth.recipe import Recipe


class Labeller(Protocol):
    """What the map function needs of a labeller; `labeller.TorchLabeller` is the real one."""

    spec: DepthSpec
    batch_size: int

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """(N, H, W, 3) uint8 rows to (N, H, W) stored values."""
        ...


def resolve_spec(recipe: Recipe, sample_images: Callable[[], Iterator[np.ndarray]], device: str = "auto") -> DepthSpec:
    """What the labels of this recipe will mean; see `resolve.resolve_spec`."""
    from fgbg_depth.depth import resolve

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
    from fgbg_depth.depth import resolve

    return resolve.load_labeller(recipe, spec, device, worker)
