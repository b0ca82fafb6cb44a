"""From a recipe's depth fields to a depth spec and to a labeller.

Importing this module is cheap: torch and transformers are imported by the functions that need them. Call the
functions through the module (`models.load_labeller(...)`), so that tests can replace them in one place.
"""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.depth.kinds import KINDS, DepthKind, depth_kind
from fgbg_depth.depth.known_models import kind_from_config, license_warning, look_up, max_depth_m
from fgbg_depth.depth.model_files import ModelFiles, locate
from fgbg_depth.depth.spec import DepthSpec, metric_scale, relative_scale
from fgbg_depth.errors import DepthError

if TYPE_CHECKING:
    from fgbg_depth.depth.labeller import TorchLabeller
    from fgbg_depth.recipe import Recipe

logger = logging.getLogger("fgbg_depth.depth")

CALIBRATION_IMAGES = 256  # enough to find a model's range; more would only cost time
MARGIN = 0.25  # share of the range found on backgrounds that is added at each end: cut-outs stand nearer

SampleImages = Callable[[], Iterator[NDArray[np.uint8]]]


class Labeller(Protocol):
    """What the map function needs of a labeller. `labeller.TorchLabeller` implements it."""

    spec: DepthSpec
    batch_size: int

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.unsignedinteger]:
        """(N, H, W, 3) uint8 RGB rows to (N, H, W) stored values: uint16, or uint8 where `spec.bits` is 8."""
        ...


def num_gpus(device: str = "auto") -> int:
    """How many CUDA devices the workers share for this choice of device; initialises none of them."""
    if device in ("cpu", "mps"):
        return 0
    import torch

    count = torch.cuda.device_count()
    return min(count, 1) if ":" in device else count


def resolve_spec(recipe: Recipe, sample_images: SampleImages, device: str = "auto") -> DepthSpec:
    """What the labels of this recipe will mean. The model is downloaded if it is not on this computer.

    Args:
        recipe: its depth fields, and the size of its rows.
        sample_images: returns an iterator of (H, W, 3) uint8 prepared backgrounds, always in the same order;
            used only to find the range of a relative model when the recipe states none.
        device: decides the precision where the recipe says "auto".
    Raises:
        DepthError: there is no such model, it predicts no depth, or its kind is neither known nor stated in the recipe.
    """
    from fgbg_depth.depth.devices import pick_device, pick_precision
    from fgbg_depth.depth.load import check_model_type, load_processor
    from fgbg_depth.depth.prepare import input_size

    files = locate(recipe.depth_model, recipe.depth_revision)
    check_model_type(files)
    kind, reach_m = _kind_and_reach(recipe, files)
    if kind.is_metric and recipe.depth_range is not None:
        raise DepthError(
            f"depth_range is {list(recipe.depth_range)}, but {files.name} predicts metres, "
            "which are stored with a fixed scale.\n  Leave depth_range empty."
        )
    known = look_up(files.name)
    license = files.license() or (known.license if known else "")
    if warning := license_warning(license):
        logger.warning("%s: %s", files.name, warning)
    size = input_size(load_processor(files), recipe.depth_input, (recipe.size, recipe.size))
    spec = DepthSpec(
        model=files.name,
        revision=files.revision,
        digest=files.digest(),
        kind=kind.name,
        unit=kind.unit,
        bits=recipe.depth_bits,
        precision=pick_precision(recipe.depth_precision, pick_device(device)),
        input_size=f"{size[0]}x{size[1]}",
        flip=recipe.depth_flip,
        license=license,
    )
    if kind.is_metric:
        return replace(spec, **metric_scale(reach_m, recipe.depth_bits))
    low, high = recipe.depth_range or _find_range(recipe, spec, sample_images, device)
    return replace(spec, **relative_scale(low, high, recipe.depth_bits))


def load_labeller(recipe: Recipe, spec: DepthSpec, device: str = "auto", worker: int = 0) -> TorchLabeller:
    """A labeller for this spec, with the same weights that the spec was made from.

    Args:
        device: auto, cpu, cuda (workers are spread over the GPUs), cuda:N or mps.
        worker: number of this worker, from 0.
    Raises:
        DepthError: the weights have changed since the spec was made, or cannot be loaded.
    """
    from fgbg_depth.depth.devices import one_cpu_thread, pick_device
    from fgbg_depth.depth.labeller import TorchLabeller
    from fgbg_depth.depth.load import load_model, load_processor

    files = locate(recipe.depth_model, spec.revision)
    digest = files.digest()
    if digest != spec.digest:
        raise DepthError(
            f"{files.folder}: the depth model has changed since the build started: its digest is {digest}, "
            f"it was {spec.digest}.\n  Start the build again; it labels the rows again with the changed model."
        )
    chosen = pick_device(device, worker)
    with one_cpu_thread(chosen):
        return TorchLabeller(load_model(files), load_processor(files), spec, chosen, recipe.depth_batch)


def _kind_and_reach(recipe: Recipe, files: ModelFiles) -> tuple[DepthKind, float | None]:
    """(kind, reach in metres): from the recipe, else from the known models, else from the model's configuration."""
    config = files.config()
    known, configured = look_up(files.name), kind_from_config(config)
    found = (known.kind, known.reach_m) if known else configured
    if found and configured and configured[0] == found[0] and configured[1] is not None:
        found = configured  # the model states its own reach: more exact than the table's
    if recipe.depth_kind == "auto":
        if found is None:
            choices = ", ".join(f"{kind.name} ({kind.description})" for kind in KINDS.values())
            raise DepthError(
                f"depth model {files.name} is not in the table of known models, and its configuration "
                f"(model_type {config.get('model_type')!r}) does not state what it predicts.\n"
                f"  Add --depth-kind with one of: {choices}."
            )
        return found
    stated = depth_kind(recipe.depth_kind)
    if found and found[0] != stated:
        logger.warning(
            "%s is known to predict %s, but the recipe says %s; using the recipe's kind",
            files.name,
            found[0].name,
            stated.name,
        )
    return stated, (found[1] if found else None) or max_depth_m(config)


def _find_range(recipe: Recipe, spec: DepthSpec, sample_images: SampleImages, device: str) -> tuple[float, float]:
    """Range of a relative model's values on the backgrounds, widened and rounded outward to 2 digits.

    It is rounded so that another device, whose values differ in the last digits, finds the same range.
    """
    labeller = load_labeller(recipe, spec, device)
    low, high = math.inf, -math.inf
    images = itertools.islice(sample_images(), CALIBRATION_IMAGES)
    while batch := list(itertools.islice(images, labeller.batch_size)):
        values = labeller.values(np.stack(batch))
        finite = values[np.isfinite(values)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    labeller.release()
    return widened_range(low, high, spec.model)


def widened_range(low: float, high: float, model: str) -> tuple[float, float]:
    """`low..high` with a margin at each end, rounded outward; a range that starts at or above 0 stays there.

    Raises:
        DepthError: no value was finite, or all values were the same.
    """
    if not math.isfinite(low) or not math.isfinite(high):
        raise DepthError(
            f"depth model {model} predicts no finite value on the backgrounds: its weights are damaged.\n"
            "  Fetch or convert the model again."
        )
    if low == high:
        raise DepthError(
            f"depth model {model} predicts {low:g} for every pixel of every background, so its range is empty.\n"
            "  Check the model; or state a range in the recipe: depth_range: [LOW, HIGH]."
        )
    margin = MARGIN * (high - low)
    unit = 10.0 ** (math.floor(math.log10(high - low)) - 1)
    wide_low = math.floor((low - margin) / unit) * unit
    wide_high = math.ceil((high + margin) / unit) * unit
    if low >= 0:
        wide_low = max(wide_low, 0.0)
    return float(f"{wide_low:.12g}"), float(f"{wide_high:.12g}")
