"""What a network is trained towards: the logarithm of the distance, and where it is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.depth.spec import DepthSpec


def log_distance(values: NDArray[np.floating], spec: DepthSpec) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The target of the depth head for depth values of a dataset.

    The logarithm makes equal ratios equal errors, and one meaning serves all kinds: larger is farther.

    Args:
        values: any shape, float, as `fgbg_depth.decode_depth` gives them: metres or relative values, NaN where invalid.
        spec: the dataset's depth spec.
    Returns:
        logarithms: float32 of the same shape: of metres for metric depth, else of the distance 1 (near) to 4 (far) at
            which `DepthKind.distances` draws the value. 0 where invalid.
        valid: bool of the same shape.
    """
    distances = spec.meaning.distances(values, spec.low, spec.high)
    valid = np.isfinite(distances) & (distances > 0)  # NaN > 0 is False
    return np.log(np.where(valid, distances, np.float32(1))), valid
