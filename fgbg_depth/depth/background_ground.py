"""The ground of a background, from its stored depth: distances of any kind of depth, as `scene.ground` fits them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.depth.spec import DepthSpec, decode_depth


def ground_distances(stored: Any, spec: DepthSpec) -> NDArray[np.float32]:
    """Distances from the camera, in which a ground can be fitted.

    Args:
        stored: a stored depth map, in any form that `decode_depth` reads.
        spec: of the map.
    Returns:
        (H, W) float32: metres, or 1..4 for relative kinds; NaN where invalid.
    """
    return spec.meaning.distances(decode_depth(stored, spec), spec.low, spec.high)
