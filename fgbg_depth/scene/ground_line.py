"""A robust line through 1 / distance of a frame's rows, as the ground has it.

Sums are over integers, or by `math.fsum`, which rounds once; everything else is elementwise arithmetic or an order
statistic. So a line is equal on every machine.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 1.1  # on the line: distance over the line's distance lies within 1 / 1.1 .. 1.1

# Candidates are lines through pairs of order statistics of rows, compared on a grid of pixels of the lower half.
_ROWS, _QUANTILES = 14, (0.1, 0.3, 0.5, 0.7)
_GRID_ROWS, _GRID_COLUMNS = 28, 56
_CANDIDATE_TOLERANCE = 1.05
_CANDIDATE_RANGE = (-1.0, 0.9)  # of their horizons; wider than what is accepted, so that what lies outside is found
_FARTHER_COST = 3  # a pixel farther than the candidate costs as much as three pixels on it win

_REFINEMENTS = 8
_SPREADS, _MIN_TOLERANCE = 3.0, 1.01  # pixels within 3 median deviations are used, and always those within 1 %
_LEVELS = 1 << 22  # integer disparity of the median pixel of the lower half
_MIN_KNOWN = 0.2  # of the lower half


class Line(NamedTuple):
    """1 / distance = slope * (row - horizon)."""

    horizon: float
    slope: float

    def values(self, height: int) -> NDArray[np.float64]:
        """(H,) 1 / distance in each row; 0 or less above the horizon."""
        return self.slope * (np.arange(height, dtype=np.float64) - self.horizon)


def fit_line(distances: NDArray[np.float32]) -> Line | None:
    """The line that explains most of the lower half, refined on all rows.

    The best candidate has the most pixels on it, less three times those that are farther, since nothing lies below
    the ground. It is refined by least squares on relative errors, with a tolerance that follows the deviations found.

    Args:
        distances: (H, W) from the camera, any unit; NaN, infinite, 0 or less where unknown.
    Returns:
        None if a fifth of the lower half or less is known, or if no candidate gains more than it costs. The horizon is
        a multiple of 1/16; the slope has 20 bits and is above 0.
    """
    found = _integer_disparity(distances)
    if not found:
        return None
    disparity, scale = found
    line, tolerance = _best_candidate(disparity), TOLERANCE
    for _ in range(_REFINEMENTS):
        if not line:
            return None
        tolerance = _narrowed(disparity, line, tolerance)
        line = _least_squares(disparity, line, tolerance)
    return line and _quantised(line, scale)


def _integer_disparity(distances: NDArray[np.float32]) -> tuple[NDArray[np.int64], float] | None:
    """(H, W) 1 / distance in integers, 0 where unknown, and the integer that stands for 1; None if most is unknown."""
    known = np.isfinite(distances) & (distances > 0)
    lower = known[len(known) // 2 :]
    if lower.mean() <= _MIN_KNOWN:
        return None
    near = distances[len(known) // 2 :][lower].astype(np.float64)
    scale = _LEVELS * float(np.partition(near, len(near) // 2)[len(near) // 2])
    values = np.rint(scale / np.where(known, distances, np.inf).astype(np.float64))
    return np.clip(values, 0, _LEVELS << 6).astype(np.int64), scale


def _best_candidate(disparity: NDArray[np.int64]) -> Line | None:
    """The candidate that gains most; None if none gains more than it costs. Slopes are in integer disparity."""
    height, width = disparity.shape
    rows, values = _order_statistics(disparity)
    first, second = np.triu_indices(len(rows), 1)
    apart = (rows[second] - rows[first] >= height // 16) & (values[second] > values[first])
    first, second = first[apart], second[apart]
    slopes = (values[second] - values[first]) / (rows[second] - rows[first])
    horizons = rows[first] - values[first] / slopes
    low, high = (share * height for share in _CANDIDATE_RANGE)
    sane = (horizons >= low) & (horizons <= high)
    slopes, horizons = slopes[sane], horizons[sane]
    if not len(slopes):
        return None
    columns = np.linspace(0, width - 1, _GRID_COLUMNS).astype(int)
    scores = np.zeros(len(slopes), np.int64)
    for row in np.unique(np.linspace(height // 2, height - 1, _GRID_ROWS).astype(int)):
        pixels = np.sort(disparity[row, columns])
        pixels = pixels[pixels > 0]
        fits = slopes * (row - horizons)
        farther = np.searchsorted(pixels, fits / _CANDIDATE_TOLERANCE)
        on_it = np.searchsorted(pixels, fits * _CANDIDATE_TOLERANCE) - farther
        scores += np.where(fits > 0, on_it - _FARTHER_COST * farther, 0)
    best = int(np.argmax(scores))
    return Line(float(horizons[best]), float(slopes[best])) if scores[best] > 0 else None


def _order_statistics(disparity: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(n,) rows of the lower half and (n,) order statistics of their known pixels, row by row."""
    height = len(disparity)
    rows, values = [], []
    for row in np.linspace(height // 2, height - 1, _ROWS).astype(int):
        known = np.sort(disparity[row][disparity[row] > 0])
        if len(known):
            rows += [int(row)] * len(_QUANTILES)
            values += [int(known[int(share * (len(known) - 1))]) for share in _QUANTILES]
    return np.array(rows, np.int64), np.array(values, np.int64)


def _narrowed(disparity: NDArray[np.int64], line: Line, tolerance: float) -> float:
    """The tolerance for the next refinement: three median deviations of the pixels within 10 %, in 1 % .. 10 %."""
    fits = line.values(len(disparity))
    below = fits > 0
    with np.errstate(divide="ignore"):
        ratios = disparity[below] / fits[below, None]
        ratios = np.maximum(ratios, 1 / ratios)
    ratios = ratios[ratios <= TOLERANCE]
    if not len(ratios):
        return tolerance
    deviation = float(np.partition(ratios, len(ratios) // 2)[len(ratios) // 2]) - 1
    return min(TOLERANCE, max(_MIN_TOLERANCE, 1 + _SPREADS * deviation))


def _least_squares(disparity: NDArray[np.int64], line: Line, tolerance: float) -> Line | None:
    """The line with the least sum of squared relative errors over the pixels within the tolerance of `line`."""
    fits = line.values(len(disparity))
    close = (disparity * tolerance >= fits[:, None]) & (disparity <= tolerance * fits[:, None])
    close &= (disparity > 0) & (fits > 0)[:, None]
    counts, sums = close.sum(axis=1), np.where(close, disparity, 0).sum(axis=1)
    used = [
        (float(row), int(counts[row]), int(sums[row]), 1 / (float(fits[row]) * float(fits[row])))
        for row in np.flatnonzero(counts)
    ]
    weight = math.fsum(n * w for _, n, _, w in used)
    if not weight:
        return None
    row_mean = math.fsum(row * n * w for row, n, _, w in used) / weight
    value_mean = math.fsum(total * w for _, _, total, w in used) / weight
    spread = math.fsum((row - row_mean) * (row - row_mean) * n * w for row, n, _, w in used)
    common = math.fsum((row - row_mean) * (total - n * value_mean) * w for row, n, total, w in used)
    if spread <= 0 or common <= 0:
        return None
    slope = common / spread
    return Line(row_mean - value_mean / slope, slope)


def _quantised(line: Line, scale: float) -> Line:
    """The line with a slope per unit of 1 / distance, rounded so that no arithmetic shows in the last digits."""
    mantissa, exponent = math.frexp(line.slope / scale)
    return Line(round(line.horizon * 16) / 16, math.ldexp(round(mantissa * (1 << 20)), exponent - 20))
