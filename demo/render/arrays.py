"""A short name for the conversion that every module of the renderer needs."""

import numpy as np
from numpy.typing import ArrayLike


def f32(values: ArrayLike) -> np.ndarray:
    """The values as a float32 array, for example `f32([0, 1, 0])` for a direction or `f32((r, g, b))` for a colour."""
    return np.asarray(values, np.float32)
