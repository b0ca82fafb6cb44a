"""Mean and standard deviation from exact integer sums."""

from __future__ import annotations

import math

import numpy as np


def histogram_moments(histogram: np.ndarray) -> tuple[float, float]:
    """Mean and population standard deviation of 8-bit values, scaled to [0, 1], from their (256,) histogram."""
    levels = range(256)
    counts = [int(c) for c in histogram]
    total = sum(c * v for c, v in zip(counts, levels, strict=True))
    squares = sum(c * v * v for c, v in zip(counts, levels, strict=True))
    return moments(sum(counts), total, squares, 255)


def moments(count: int, total: int, squares: int, top: int) -> tuple[float, float]:
    """Mean and population standard deviation of integers in 0..top, scaled to [0, 1].

    The numerator of the variance, n*sum(v^2) - sum(v)^2, is an exact integer, so no digits cancel.

    Args:
        count, total, squares: number, sum and sum of squares of the values.
    Returns:
        mean and standard deviation; (0, 0) without values.
    """
    if count == 0:
        return 0.0, 0.0
    variance = (count * squares - total**2) / (count * top) ** 2
    return total / (count * top), math.sqrt(variance)
