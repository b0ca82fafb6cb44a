"""One short name for what the generator does all the time."""

from typing import Any

import numpy as np


def f32(values: Any) -> np.ndarray:
    """The values as a float32 array: `f32([0, 1, 0])` is a direction, `f32((r, g, b))` a colour."""
    return np.asarray(values, np.float32)
