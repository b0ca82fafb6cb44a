"""Distances of a background's stored depth, for `scene.ground`, where 1 / distance must be linear on flat ground."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.depth.spec import DepthSpec, decode_depth


def ground_distances(stored: Any, spec: DepthSpec) -> NDArray[np.float32]:
    """Distances from the camera, in which a ground can be fitted.

    `DepthKind.distances` draws a relative disparity of 0, which is infinitely far, at distance 4. A fit to that finds
    the horizon too high by a third of the ground's height or so. So relative disparity is inverted as it is.

    Args:
        stored: a stored depth map, in any form that `decode_depth` reads.
        spec: of the map.
    Returns:
        (H, W) float32: metres; 1 / disparity; or relative depth as `DepthKind.distances` has it. NaN where invalid,
        and where a disparity is 0 or less.
    """
    values = decode_depth(stored, spec)
    if not spec.meaning.larger_is_nearer:
        return spec.meaning.distances(values, spec.low, spec.high)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(values > 0, 1 / values, np.float32(np.nan))
