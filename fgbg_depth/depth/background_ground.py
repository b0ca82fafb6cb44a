"""Distances of a background's stored depth, for `scene.ground`, where 1 / distance must be linear on flat ground."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.depth.spec import DepthSpec, decode_depth
from fgbg_depth.scene.ground import fit_ground
from fgbg_depth.scene.stage import Stage


def ground_distances(stored: Any, spec: DepthSpec) -> NDArray[np.float32]:
    """Distances from the camera, in which a ground can be fitted: depth as it is, disparity inverted.

    Relative kinds are taken to be right up to a factor, so 0 is the camera for depth and infinitely far for disparity.
    `DepthKind.distances`, made for drawing, moves both: of 200 exact scenes as relative disparity, a fit to its
    distances accepted 14, all with the horizon 40 % of the frame too high; a fit to the inverse accepted 198.
    Depth whose offset is unknown is rejected by the fit: there 1 / distance is not linear.

    Args:
        stored: a stored depth map, in any form that `decode_depth` reads.
        spec: of the map.
    Returns:
        (H, W) float32: metres, or without unit for relative kinds; NaN where invalid and where the value is 0 or less.
    """
    values = decode_depth(stored, spec)
    values = np.where(values > 0, values, np.float32(np.nan))
    return np.reciprocal(values) if spec.meaning.larger_is_nearer else values


def find_stage(stored: Any, spec: DepthSpec) -> Stage | None:
    """Where things can stand on a background.

    Args:
        stored, spec: as for `ground_distances`.
    Returns:
        None if no ground was found, or none that is near enough.
    """
    distances = ground_distances(stored, spec)
    ground = fit_ground(distances)
    if ground is None:
        return None
    stage = Stage(ground, distances)
    return stage if stage.has_places else None
