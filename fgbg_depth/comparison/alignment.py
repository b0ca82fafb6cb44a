"""How much two depth maps of one row differ once scale and shift are fitted.

A relative depth model knows its values only up to a scale and a shift, and the metres of two metric models often differ
by a factor. So one map is fitted to the other first: least squares over the pixels of one row, prediction times scale
plus shift. What remains is the disagreement.

Source: Ranftl et al. 2020, "Towards Robust Monocular Depth Estimation" (MiDaS, arXiv 1907.01341): scale and shift of
each image by least squares, in its losses that do not see scale and shift, and in its evaluation, there in inverse
depth. Different here: the target is another model's map, a negative scale is not allowed, and two maps that are both
depths are aligned in depth.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.depth.spec import DepthSpec

DEPTH, INVERSE_DEPTH = "depth", "inverse depth"


def common_domain(first: DepthSpec, second: DepthSpec) -> str:
    """The domain in which the maps of two models are aligned: `DEPTH` if both predict depth, else `INVERSE_DEPTH`."""
    disparity = first.meaning.larger_is_nearer or second.meaning.larger_is_nearer
    return INVERSE_DEPTH if disparity else DEPTH


def in_domain(values: NDArray[np.float32], spec: DepthSpec, domain: str) -> NDArray[np.float64]:
    """A model's values in a domain in which they are meaningful up to a scale and a shift.

    - A model's own domain (depth for metric and relative depth, inverse depth for disparity): the values as they are.
    - Metric depth in inverse depth: 1 / metres.
    - Relative depth in inverse depth: it has no zero, so its inverse is not known. Its range is laid onto the distances
      1 (near end) to 4 (far end) first, as for the checks and the 3-D view (`DepthKind.distances`).

    Args:
        values: any shape, in the spec's unit; NaN where invalid.
        domain: as `common_domain` returns it for this spec and another.
    Returns:
        float64 of the same shape; NaN where there is no value.
    """
    if domain == DEPTH or spec.meaning.larger_is_nearer:
        return values.astype(np.float64)
    distances = spec.meaning.distances(values, spec.low, spec.high).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(distances > 0, 1 / distances, np.nan)


def fit(prediction: NDArray[np.float64], target: NDArray[np.float64]) -> tuple[float, float]:
    """Scale and shift that bring a prediction as near to a target as possible, in the sense of least squares.

    The scale is not negative: a map in which near and far are exchanged gets the scale 0.

    Args:
        prediction, target: (n,) finite.
    Returns:
        (scale, shift), so that scale * prediction + shift is near to target.
    """
    mean = float(prediction.mean())
    centred = prediction - mean
    variance = float(np.dot(centred, centred))
    scale = max(0.0, float(np.dot(centred, target - target.mean())) / variance) if variance else 0.0
    return scale, float(target.mean()) - scale * mean


def disagreement(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Root mean square difference after alignment, as a fraction of the target's standard deviation.

    0: equal up to scale and shift. 1: one map says nothing about the other. It equals sqrt(1 - r ** 2) with the
    correlation r of the two maps (1 where r is negative), so it does not matter which map is the target.

    Args:
        first, second: of the same shape, in the same domain; NaN where invalid.
    Returns:
        0 to 1; NaN if fewer than 2 pixels have values in both, or if a map has the same value everywhere.
    """
    valid = np.isfinite(first) & np.isfinite(second)
    prediction, target = first[valid], second[valid]
    if len(target) < 2 or np.ptp(prediction) == 0 or np.ptp(target) == 0:
        return math.nan
    scale, shift = fit(prediction, target)
    return float(np.sqrt(np.mean((scale * prediction + shift - target) ** 2)) / target.std())
