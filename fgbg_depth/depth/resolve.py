"""From a recipe to a depth spec and a labeller."""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch

from fgbg_depth.depth.kinds import DepthKind, depth_kind
from fgbg_depth.depth.known import kind_from_config, license_warning, look_up
from fgbg_depth.depth.labeller import TorchLabeller, release
from fgbg_depth.depth.model_files import ModelFiles, locate
from fgbg_depth.depth.spec import DepthSpec, metric_scale, relative_scale
from fgbg_depth.errors import DepthError
from fgbg_depth.recipe import Recipe

logger = logging.getLogger("fgbg_depth.depth")

CALIBRATION_IMAGES = 256  # enough for a range, and a bound on its cost
MARGIN = 0.25  # of the range seen on backgrounds, at either end: cut-outs stand nearer than what is behind them

SampleImages = Callable[[], Iterator[np.ndarray]]


def resolve_spec(recipe: Recipe, sample_images: SampleImages, device: str = "auto") -> DepthSpec:
    """What the labels of this recipe will mean; the model is fetched here where need be.

    Args:
        recipe: its depth fields, and the size of its rows.
        sample_images: gives an iterator of (H, W, 3) uint8 prepared backgrounds, always in the same order;
            used only to find the range of a relative model when the recipe states none.
        device: decides the precision where the recipe leaves it open.
    Raises:
        DepthError: no such model, or its kind is not known and not told.
    """
    from fgbg_depth.depth.devices import pick_device, pick_precision
    from fgbg_depth.depth.load import load_processor
    from fgbg_depth.depth.prepare import input_size

    files = locate(recipe.depth_model, recipe.depth_revision)
    kind, reach_m = _kind(recipe, files)
    if kind.is_metric and recipe.depth_range is not None:
        raise DepthError(
            f"depth_range is {list(recipe.depth_range)}, but {files.name} predicts metres, "
            "which are stored by a fixed scale.\n  Leave depth_range empty."
        )
    license = files.license() or _known_license(files.name)
    warning = license_warning(license)
    if warning:
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
    """A labeller for this spec, with the very weights the spec was made from.

    Args:
        device: auto, cpu, cuda (workers take turns over the GPUs), cuda:N or mps.
        worker: number of this worker, from 0.
    Raises:
        DepthError: the weights have changed since, or cannot be loaded.
    """
    from fgbg_depth.depth.devices import pick_device
    from fgbg_depth.depth.load import load_model, load_processor

    files = locate(recipe.depth_model, spec.revision)
    digest = files.digest()
    if digest != spec.digest:
        raise DepthError(
            f"{files.folder}: the depth model has changed since the build started (digest {digest}, "
            f"it was {spec.digest}).\n  Start the build again: rows with the old labels are labelled anew."
        )
    chosen = pick_device(device, worker)
    if chosen.type == "cpu":
        # One thread a process: more would change the last bits of a label with the number of cores, and two
        # threads beside another busy process can stall tenfold. Cores are used by workers.
        torch.set_num_threads(1)
    return TorchLabeller(load_model(files), load_processor(files), spec, chosen, recipe.depth_batch)


def _kind(recipe: Recipe, files: ModelFiles) -> tuple[DepthKind, float | None]:
    """(kind, reach in metres), from the recipe, else from the known models, else from the model's config."""
    known = look_up(files.name)
    from_config = kind_from_config(files.config())
    told = None if recipe.depth_kind == "auto" else depth_kind(recipe.depth_kind)
    looked_up = (known.kind, known.reach_m) if known else from_config
    if from_config and from_config[1] is not None and looked_up and looked_up[0] == from_config[0]:
        looked_up = from_config  # the model's own reach beats the table's
    if told is None:
        if looked_up is None:
            raise DepthError(
                f"depth model {files.name} is not in the table of known models and its configuration "
                f"(model_type {files.config().get('model_type')!r}) does not tell what it predicts.\n"
                "  Add --depth-kind metric (metres), relative_depth or relative_disparity (larger is nearer)."
            )
        return looked_up
    if looked_up and looked_up[0] != told:
        logger.warning("%s is known to predict %s; the recipe says %s", files.name, looked_up[0].name, told.name)
    config_reach = kind_from_config({**files.config(), "model_type": "glpn"})  # a plain max_depth, if there is one
    reach = looked_up[1] if looked_up and looked_up[1] else config_reach[1] if config_reach else None
    return told, reach


def _known_license(name: str) -> str:
    known = look_up(name)
    return known.license if known else ""


def _find_range(recipe: Recipe, spec: DepthSpec, sample_images: SampleImages, device: str) -> tuple[float, float]:
    """Range of a relative model's values over backgrounds, widened and rounded outward to 2 digits.

    Rounded so that another device, whose values differ in their last digits, finds the same range.
    """
    labeller = load_labeller(recipe, spec, device)
    low, high = math.inf, -math.inf
    images = itertools.islice(sample_images(), CALIBRATION_IMAGES)
    while batch := list(itertools.islice(images, labeller.batch_size)):
        values = labeller.values(np.stack(batch))
        finite = values[np.isfinite(values)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    release(labeller)
    return widened_range(low, high, spec.model)


def widened_range(low: float, high: float, model: str) -> tuple[float, float]:
    """`low..high` with a margin at either end, rounded outward; positive values stay positive.

    Raises:
        DepthError: there is no range: nothing was finite, or every value was the same.
    """
    if not math.isfinite(low) or not math.isfinite(high):
        raise DepthError(f"depth model {model} predicts nothing finite on the backgrounds; its weights are damaged.")
    if low == high:
        raise DepthError(
            f"depth model {model} predicts {low:g} for every pixel of every background: there is no range to "
            "store.\n  Check the model; or state a range in the recipe: depth_range: [LOW, HIGH]."
        )
    margin = MARGIN * (high - low)
    unit = 10.0 ** (math.floor(math.log10(high - low)) - 1)
    wide_low = math.floor((low - margin) / unit) * unit
    wide_high = math.ceil((high + margin) / unit) * unit
    if low >= 0:
        wide_low = max(wide_low, 0.0)
    return float(f"{wide_low:.12g}"), float(f"{wide_high:.12g}")
