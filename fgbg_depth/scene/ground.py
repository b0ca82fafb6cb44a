"""The ground of a background: where its horizon is, which pixels show it, and how large things on it appear.

On flat ground, seen by a camera that is held level, 1 / distance is linear in the image row: 1 / z = slope * (row -
horizon). So the size of a thing grows with (row of its foot - horizon), which needs neither a focal length nor metres.
Sums are over integers and everything else is elementwise arithmetic or an order statistic, so a fit is equal on every
machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 1.1  # ground: distance over fitted distance lies within 1 / 1.1 .. 1.1
HORIZON_RANGE = (0.12, 0.85)  # of the frame's height; 0.12 is a camera tilted 23 degrees down, 60 degrees wide
MIN_SHARE = 0.1  # of the frame must be ground
MIN_HEIGHT = 0.2  # of the frame's height must lie between the highest and the lowest row of the ground
MIN_EDGE_SHARE = 0.4  # of the columns must show ground in the lowest twentieth of the rows
MAX_ERROR = 0.03  # median |log ratio| of the ground; 0.048 is what pixels spread evenly over the tolerance have

# Candidates are lines through pairs of order statistics of rows, compared on a grid of pixels of the lower half.
_ROWS, _QUANTILES = 14, (0.1, 0.3, 0.5, 0.7)
_GRID_ROWS, _GRID_COLUMNS = 28, 56
_CANDIDATE_TOLERANCE = 1.05
_CANDIDATE_RANGE = (-1.0, 0.9)  # horizons; wider than HORIZON_RANGE, so that what lies outside is found and rejected
_FARTHER_COST = 3  # a pixel farther than the candidate costs as much as three pixels on it win

_REFINEMENTS = 8
_SPREADS, _MIN_TOLERANCE = 3.0, 1.01  # pixels within 3 median deviations are used, but at least those within 1 %
_LEVELS = 1 << 22  # integer disparity of the median pixel of the lower half


@dataclass(frozen=True)
class Ground:
    """The ground plane of one background: 1 / distance = slope * (row - horizon).

    horizon: row, counted from 0 at the middle of the frame's first row; a multiple of 1/16. May be negative.
    slope: 1 / distance per row, above 0; in 1 / metres, or without unit for relative depth.
    error: median |log(distance / fitted distance)| of the ground's pixels.
    share: of the frame's pixels that are ground.
    """

    horizon: float
    slope: float
    error: float
    share: float


def fit_ground(distances: NDArray[np.float32]) -> Ground | None:
    """Fit the ground plane to the lower half of a frame.

    Candidates are lines through pairs of order statistics of rows; nothing is random. The best has the most pixels on
    it, less three times those that are farther: nothing lies below the ground. It is then refined by least squares on
    relative errors, over all rows of the frame and with a tolerance that follows the deviations found.

    Args:
        distances: (H, W) from the camera, any unit; NaN, infinite, 0 or less where unknown.
    Returns:
        None if no ground was found. It must cover 10 % of the frame and 20 % of its height, reach the lower edge in
        40 % of the columns, have its horizon within 0.12..0.85 of the frame's height from the top, and fit with an
        error of at most 0.03. Frames below 16 x 16 pixels have none.
    Source: Hoiem, Efros and Hebert, "Putting Objects in Perspective", CVPR 2006, for size and horizon.
    """
    if min(distances.shape) < 16:
        return None
    found = _integer_disparity(distances)
    line = found and _best_candidate(found[0])
    tolerance = TOLERANCE
    for _ in range(_REFINEMENTS):
        if not found or not line:
            return None
        tolerance = _narrowed(found[0], line, tolerance)
        line = _least_squares(found[0], line, tolerance)
    if not found or not line or not _within(HORIZON_RANGE, line[0], len(distances)):
        return None
    return _measured(distances, *_quantised(line, found[1]))


def ground_mask(distances: NDArray[np.float32], ground: Ground) -> NDArray[np.bool_]:
    """Which pixels show the ground: below the horizon, within 10 % of the fit, and connected to the lower edge.

    Args:
        distances: (H, W), as for `fit_ground`.
    Returns:
        (H, W) bool.
    """
    return _mask(distances, ground.horizon, ground.slope)


def relative_size(ground: Ground, foot_row: float, frame_size: int) -> float:
    """The size of a thing whose foot is in this row, as a share of its size with its foot in the frame's last row.

    Args:
        foot_row: row of the foot, below the horizon; beyond the frame's last row the share is above 1.
        frame_size: rows of the frame.
    """
    return (foot_row - ground.horizon) / (frame_size - 1 - ground.horizon)


_Line = tuple[float, float]  # horizon, and integer disparity per row


def _integer_disparity(distances: NDArray[np.float32]) -> tuple[NDArray[np.int64], float] | None:
    """(H, W) 1 / distance in integers, 0 where unknown, and how many stand for 1; None if most is unknown."""
    known = np.isfinite(distances) & (distances > 0)
    lower = known[len(known) // 2 :]
    if lower.mean() < 2 * MIN_SHARE:
        return None
    near = distances[len(known) // 2 :][lower].astype(np.float64)
    scale = _LEVELS * float(np.partition(near, len(near) // 2)[len(near) // 2])
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.rint(scale / np.where(known, distances, np.inf).astype(np.float64))
    return np.clip(values, 0, _LEVELS << 6).astype(np.int64), scale


def _best_candidate(disparity: NDArray[np.int64]) -> _Line | None:
    """The line that explains most of the lower half; None if no candidate has its horizon in the frame's range."""
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
    return (float(horizons[best]), float(slopes[best])) if scores[best] > 0 else None


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


def _narrowed(disparity: NDArray[np.int64], line: _Line, tolerance: float) -> float:
    """The tolerance for the next refinement: three median deviations of the pixels within 10 %, in 1 % .. 10 %."""
    fits = _line_values(line, len(disparity))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = (disparity / fits[:, None])[fits > 0]
        ratios = np.maximum(ratios, 1 / ratios)
    ratios = ratios[ratios <= TOLERANCE]
    if not len(ratios):
        return tolerance
    deviation = float(np.partition(ratios, len(ratios) // 2)[len(ratios) // 2]) - 1
    return min(TOLERANCE, max(_MIN_TOLERANCE, 1 + _SPREADS * deviation))


def _least_squares(disparity: NDArray[np.int64], line: _Line, tolerance: float) -> _Line | None:
    """The line with the least sum of squared relative errors over the pixels within the tolerance of `line`."""
    fits = _line_values(line, len(disparity))
    close = (disparity * tolerance >= fits[:, None]) & (disparity <= tolerance * fits[:, None])
    close &= (disparity > 0) & (fits > 0)[:, None]
    counts, sums = close.sum(axis=1), np.where(close, disparity, 0).sum(axis=1)
    used = [
        (float(row), int(counts[row]), int(sums[row]), 1 / (float(fits[row]) * float(fits[row])))
        for row in np.flatnonzero(counts)
    ]
    weight = math.fsum(n * w for _, n, _, w in used)  # fsum rounds once, so the order of adding does not matter
    if not weight:
        return None
    row_mean = math.fsum(row * n * w for row, n, _, w in used) / weight
    value_mean = math.fsum(total * w for _, _, total, w in used) / weight
    spread = math.fsum((row - row_mean) * (row - row_mean) * n * w for row, n, _, w in used)
    common = math.fsum((row - row_mean) * (total - n * value_mean) * w for row, n, total, w in used)
    if spread <= 0 or common <= 0:
        return None
    slope = common / spread
    return row_mean - value_mean / slope, slope


def _line_values(line: _Line, height: int) -> NDArray[np.float64]:
    """(H,) integer disparity of the line in each row; 0 or less above its horizon."""
    return line[1] * (np.arange(height, dtype=np.float64) - line[0])


def _within(limits: tuple[float, float], row: float, height: int) -> bool:
    return limits[0] * height <= row <= limits[1] * height


def _quantised(line: _Line, scale: float) -> tuple[float, float]:
    """The horizon in sixteenths of a row, and the slope per unit of 1 / distance with 20 bits."""
    mantissa, exponent = math.frexp(line[1] / scale)
    return round(line[0] * 16) / 16, math.ldexp(round(mantissa * (1 << 20)), exponent - 20)


def _measured(distances: NDArray[np.float32], horizon: float, slope: float) -> Ground | None:
    """The ground with its error and its share; None if either is not good enough."""
    height = len(distances)
    mask = _mask(distances, horizon, slope)
    rows = np.flatnonzero(mask.any(axis=1))
    share = float(mask.mean())
    edge = mask[-max(1, height // 20) :].any(axis=0).mean()
    if share < MIN_SHARE or edge < MIN_EDGE_SHARE or rows[-1] - rows[0] < MIN_HEIGHT * height:
        return None
    ratios = (distances * _fit(distances, horizon, slope))[mask]
    ratios = np.maximum(ratios, 1 / ratios)
    error = round(math.log(np.partition(ratios, len(ratios) // 2)[len(ratios) // 2]) * (1 << 16)) / (1 << 16)
    return Ground(horizon, slope, error, share) if error <= MAX_ERROR else None


def _fit(distances: NDArray[np.float32], horizon: float, slope: float) -> NDArray[np.float64]:
    """(H, 1) 1 / distance of the ground in each row; 0 above the horizon."""
    rows = np.arange(len(distances), dtype=np.float64)[:, None]
    return np.maximum(slope * (rows - horizon), 0)


def _mask(distances: NDArray[np.float32], horizon: float, slope: float) -> NDArray[np.bool_]:
    fits = _fit(distances, horizon, slope)
    with np.errstate(invalid="ignore"):
        ratios = distances * fits
        close = (ratios >= 1 / TOLERANCE) & (ratios <= TOLERANCE)
    return _connected(_without_specks(close))


def _without_specks(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Each pixel as most of the 3 x 3 pixels around it; the frame's edge is repeated."""
    padded = np.pad(mask, 1, mode="edge").astype(np.int8)
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return np.asarray(rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:] >= 5)


def _connected(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What is connected to the lowest twentieth of the rows, through neighbours above, below, left or right."""
    kept = np.zeros_like(mask)
    lowest = len(mask) - max(1, len(mask) // 20)
    kept[lowest:] = mask[lowest:]
    count = -1
    while count != (count := int(kept.sum())):  # one pass up and one down reach all but spirals
        for order in (range(len(mask) - 2, -1, -1), range(1, len(mask))):
            step = 1 if order.step < 0 else -1
            for row in order:
                kept[row] |= _runs_that_touch(mask[row], kept[row + step] | kept[row])
    return kept


def _runs_that_touch(row: NDArray[np.bool_], other: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The runs of a row that have a pixel in common with `other`."""
    run = np.cumsum(np.diff(row, prepend=False))  # odd within runs
    touched = np.zeros(run[-1] + 1, bool)
    touched[run[row & other]] = True
    return np.asarray(touched[run] & row)
