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
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.depth.description import describe_files, describe_labeller
from fgbg_depth.depth.external.names import Installed, Program, find_labeller
from fgbg_depth.depth.known_models import license_warning
from fgbg_depth.depth.model_files import locate
from fgbg_depth.depth.spec import DepthSpec, metric_scale, relative_scale
from fgbg_depth.errors import DepthError

if TYPE_CHECKING:
    from fgbg_depth.depth.external.labeller import ExternalLabeller
    from fgbg_depth.depth.labeller import TorchLabeller
    from fgbg_depth.recipe import Recipe

logger = logging.getLogger("fgbg_depth.depth")

CALIBRATION_IMAGES = 256  # enough to find a model's range; more would only cost time
MARGIN = 0.25  # share of the range found on backgrounds that is added at each end: cut-outs stand nearer

SampleImages = Callable[[], Iterator[NDArray[np.uint8]]]


class Labeller(Protocol):
    """What `LabelStream` needs of a labeller: `TorchLabeller`, `ExternalLabeller`, or any callable like them."""

    spec: DepthSpec
    batch_size: int

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.unsignedinteger]:
        """(N, H, W, 3) uint8 RGB rows to (N, H, W) stored values: uint16, or uint8 where `spec.bits` is 8."""
        ...

    def release(self) -> None:
        """Free the device's memory. The labeller is not called afterwards."""


@runtime_checkable
class StartsLabels(Protocol):
    """What a labeller has besides if it can start a batch before the labels of the one before it are fetched."""

    def start(
        self, images: NDArray[np.uint8], batch_size: int | None = None
    ) -> Callable[[], NDArray[np.unsignedinteger]]:
        """Start to label rows, as for `Labeller`; returns a function that waits for the labels.

        Args:
            batch_size: of `rows_per_call`; fewer rows are filled up to it.
        """

    def rows_per_call(self, rows: int) -> int:
        """How many rows to pass at once where `rows` rows follow one another, at most `batch_size`."""


def num_gpus(device: str = "auto") -> int:
    """How many CUDA devices the workers share for this choice of device; initialises none of them."""
    if device in ("cpu", "mps"):
        return 0
    import torch

    count = torch.cuda.device_count()
    if device.startswith("cuda"):
        count = max(count, 1)  # a labeller with a Python of its own may have a GPU that this torch cannot use
    return min(count, 1) if ":" in device else count


def resolve_spec(recipe: Recipe, sample_images: SampleImages, device: str = "auto") -> DepthSpec:
    """What the labels of this recipe will mean. The model is downloaded if it is not on this computer.

    Args:
        recipe: its depth fields, and the size of its rows.
        sample_images: returns an iterator of (H, W, 3) uint8 prepared backgrounds, always in the same order;
            used only to find the range of a relative model when the recipe states none.
        device: decides the precision where the recipe says "auto".
    Raises:
        DepthError: there is no such model, or its kind is neither known nor stated in the recipe.
    """
    source = find_labeller(recipe.depth_model)
    model = describe_files(recipe, device) if source is None else describe_labeller(recipe, source, device)
    if model.kind.is_metric and recipe.depth_range is not None:
        raise DepthError(
            f"depth_range is {list(recipe.depth_range)}, but {model.name} predicts metres, "
            "which are stored with a fixed scale.\n  Leave depth_range empty."
        )
    if warning := license_warning(model.license):
        logger.warning("%s: %s", model.name, warning)
    spec = DepthSpec(
        model=model.name,
        revision=model.revision,
        digest=model.digest,
        kind=model.kind.name,
        unit=model.kind.unit,
        bits=recipe.depth_bits,
        precision=model.precision,
        input_size=model.input_size,
        flip=recipe.depth_flip,
        license=model.license,
    )
    if model.kind.is_metric:
        return replace(spec, **metric_scale(model.reach_m, recipe.depth_bits))
    low, high = recipe.depth_range or model.value_range or _find_range(recipe, spec, sample_images, device)
    return replace(spec, **relative_scale(low, high, recipe.depth_bits))


def is_unchanged(recipe: Recipe, spec: DepthSpec, device: str = "auto") -> bool:
    """Whether the labels of this recipe would mean what `spec` says, given a finished dataset with the same recipe.

    Imports no torch. An external labeller may state anything anew, so for it the answer is False; likewise for a model
    that is not found, about which `resolve_spec` raises the error.

    Args:
        spec: of the dataset.
        device: with "auto", labels in any precision count as those of the recipe's precision "auto": a finished
            dataset is not labelled again because this computer has a GPU and another one had none.
    """
    if find_labeller(recipe.depth_model) is not None:
        return False
    precision = "fp16" if device.startswith("cuda") else "fp32"
    if recipe.depth_precision == "auto" and device != "auto" and spec.precision != precision:
        return False
    try:
        files = locate(recipe.depth_model, recipe.depth_revision)
        found = (files.name, files.revision, files.digest())
    except DepthError:
        return False
    return found == (spec.model, spec.revision, spec.digest)


def load_labeller(
    recipe: Recipe, spec: DepthSpec, device: str = "auto", worker: int = 0
) -> TorchLabeller | ExternalLabeller:
    """A labeller for this spec, with the same weights that the spec was made from.

    Args:
        device: auto, cpu, cuda (workers are spread over the GPUs), cuda:N or mps.
        worker: number of this worker, from 0.
    Raises:
        DepthError: the weights have changed since the spec was made, or cannot be loaded.
    """
    if (source := find_labeller(recipe.depth_model)) is not None:
        return _load_external(recipe, spec, source, device, worker)
    from fgbg_depth.depth.devices import one_cpu_thread, pick_device
    from fgbg_depth.depth.labeller import TorchLabeller
    from fgbg_depth.depth.load import load_model, load_processor

    files = locate(recipe.depth_model, spec.revision)
    _check_digest(str(files.folder), files.digest(), spec)
    chosen = pick_device(device, worker)
    with one_cpu_thread(chosen):
        return TorchLabeller(load_model(files), load_processor(files), spec, chosen, recipe.depth_batch)


def _load_external(
    recipe: Recipe, spec: DepthSpec, source: Program | Installed, device: str, worker: int
) -> ExternalLabeller:
    from fgbg_depth.depth.devices import labeller_device
    from fgbg_depth.depth.external.function import open_function
    from fgbg_depth.depth.external.labeller import ExternalLabeller
    from fgbg_depth.depth.external.stated import Stated

    chosen = labeller_device(device, worker, isinstance(source, Program))
    function = open_function(source, chosen)
    _check_digest(source.name, Stated.of(function).digest, spec)
    return ExternalLabeller(function, spec, chosen, recipe.depth_batch)


def _check_digest(model: str, digest: str, spec: DepthSpec) -> None:
    if digest != spec.digest:
        raise DepthError(
            f"{model}: the depth model has changed since the build started: its digest is {digest}, "
            f"it was {spec.digest}.\n  Start the build again; it labels the rows again with the changed model."
        )


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
