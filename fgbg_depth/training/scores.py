"""How good predictions are: of the mask and of the depth, as sums over pictures that can be added."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from fgbg_depth.schema import FOREGROUND_ALPHA

MASK_THRESHOLD = FOREGROUND_ALPHA / 255
DELTA = 1.25


@dataclass(frozen=True)
class Scores:
    """Sums of scores over pictures.

    Example:
        total = sum((mask_scores(*batch) for batch in batches), Scores())
        total.mean("iou")

    Args:
        sums: by score, the sum over pictures and the number of pictures that have it.
    """

    sums: Mapping[str, tuple[float, int]] = field(default_factory=dict)

    def __add__(self, other: Scores) -> Scores:
        names = [*self.sums, *(name for name in other.sums if name not in self.sums)]
        return Scores({name: _added(self.sums.get(name), other.sums.get(name)) for name in names})

    def mean(self, name: str) -> float:
        """The mean over pictures; NaN if no picture has this score."""
        total, count = self.sums.get(name, (0.0, 0))
        return total / count if count else math.nan

    def means(self) -> dict[str, float]:
        """The mean of every score."""
        return {name: self.mean(name) for name in self.sums}


def mask_scores(logits: Tensor, matte: Tensor) -> Scores:
    """`iou` and `dice` of the mask (a matte of 128 and more of 255), and `matte_error`, for each picture.

    Two empty masks agree: 1.

    Args:
        logits: (N, 1, H, W) predicted.
        matte: (N, 1, H, W) in [0, 1].
    Returns:
        iou, dice: 0 to 1, larger is better.  matte_error: mean absolute difference of the mattes, 0 to 1.
    """
    predicted, matte = logits.float().sigmoid().flatten(1), matte.float().flatten(1)
    a, b = predicted >= MASK_THRESHOLD, matte >= MASK_THRESHOLD - 1e-6  # float32 rounds 128 / 255
    overlap, either, both = ((a & b).sum(1), (a | b).sum(1), a.sum(1) + b.sum(1))
    iou = torch.where(either > 0, overlap / either.clamp(min=1), 1.0)
    dice = torch.where(both > 0, 2 * overlap / both.clamp(min=1), 1.0)
    error = (predicted - matte).abs().mean(1)
    return Scores({name: _summed(values) for name, values in (("iou", iou), ("dice", dice), ("matte_error", error))})


def depth_scores(
    log_depth: Tensor, target: Tensor, valid: Tensor, inside: Tensor | None = None, align: bool = False
) -> Scores:
    """`abs_rel` and `delta` of the depth for each picture, over its valid pixels.

    Args:
        log_depth: (N, 1, H, W) predicted logarithm of the distance.
        target: (N, 1, H, W) true logarithm; any value where it is not valid.
        valid: (N, 1, H, W) bool.
        inside: (N, 1, H, W) bool, the cut-out: also gives `abs_rel_inside` and `delta_inside`, over its valid pixels.
        align: scale each prediction first, so that its median over all valid pixels is the truth's.
    Returns:
        abs_rel: mean of |predicted - true| / true, smaller is better.
        delta: share of pixels where the larger is less than 1.25 times the smaller, larger is better.
        Pictures without such a pixel do not count.
    Source: Eigen et al. 2014; alignment by medians, Zhou et al. 2017.
    """
    error = log_depth.float().flatten(1) - target.float().flatten(1)
    valid = valid.flatten(1)
    if align:
        error = error - _median_shift(log_depth.float().flatten(1), target.float().flatten(1), valid)
    sums = _depth_sums(error, valid, "")
    if inside is not None:
        sums |= _depth_sums(error, valid & inside.flatten(1), "_inside")
    return Scores(sums)


def _depth_sums(error: Tensor, counted: Tensor, suffix: str) -> dict[str, tuple[float, int]]:
    error = torch.where(counted, error, 0.0)  # before exp: what lies in invalid pixels may overflow
    pixels = counted.sum(1)
    has = pixels > 0
    relative = (error.expm1().abs() * counted).sum(1) / pixels.clamp(min=1)
    close = ((error.abs() < math.log(DELTA)) & counted).sum(1) / pixels.clamp(min=1)
    return {f"abs_rel{suffix}": _summed(relative[has]), f"delta{suffix}": _summed(close[has])}


def _median_shift(log_depth: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """(N, 1): median of the prediction minus median of the truth over valid pixels; 0 where none is valid."""
    nan = torch.tensor(math.nan, device=target.device)
    medians = [torch.where(valid, values, nan).nanmedian(1, keepdim=True).values for values in (log_depth, target)]
    return (medians[0] - medians[1]).nan_to_num(0.0)


def _summed(values: Tensor) -> tuple[float, int]:
    return float(values.double().sum()), len(values)


def _added(a: tuple[float, int] | None, b: tuple[float, int] | None) -> tuple[float, int]:
    (first, m), (second, n) = a or (0.0, 0), b or (0.0, 0)
    return first + second, m + n
