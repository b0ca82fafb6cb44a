"""The ground of a background: where its horizon is, which pixels show it, and how large things on it appear.

On flat ground 1 / distance is linear in the image row, if the camera is not rolled: 1 / z = slope * (row - horizon).
So the size of a thing grows with (row of its foot - horizon), which needs neither a focal length nor metres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.scene.ground_line import TOLERANCE, Line, fit_line

HORIZON_RANGE = (0.12, 0.85)  # of the frame's height; 0.12: the camera looks 23 degrees down and sees 60 degrees
MIN_SHARE = 0.1  # of the frame must be ground
MIN_HEIGHT = 0.2  # of the frame's height must lie between the highest and the lowest row of the ground
MIN_EDGE_SHARE = 0.4  # of the columns must show ground in the lowest twentieth of the rows
MAX_ERROR = 0.03  # median |log ratio| of the ground; 0.048 is what pixels spread evenly over the tolerance have
MIN_SIDE = 16  # pixels; smaller frames have too few rows for a fit


@dataclass(frozen=True)
class Ground:
    """The ground plane of one background: 1 / distance = slope * (row - horizon).

    Args:
        horizon: row, a multiple of 1/16; row 0 is the middle of the frame's first row of pixels. Within
            0.12..0.85 of the frame's height.
        slope: 1 / distance per row, above 0; in 1 / metres, or without unit for relative depth.
        error: median |log(distance / fitted distance)| over the ground's pixels.
        share: of the frame's pixels that are ground.
    """

    horizon: float
    slope: float
    error: float
    share: float


def fit_ground(distances: NDArray[np.float32]) -> Ground | None:
    """Fit the ground plane of a background. Nothing is random, and the result is equal on every machine.

    Water, stairs and lawns that are flat enough count as ground. There is no term for a rolled camera: with exact
    depth, a quarter of the scenes are rejected at a roll of 2 degrees and nearly all at 4.

    Args:
        distances: (H, W) along the view direction, any unit; NaN, infinite, 0 or less where unknown.
    Returns:
        None if no ground was found. It must cover 10 % of the frame, span 20 % of its height, reach the lower edge
        in 40 % of the columns, have its horizon at 0.12..0.85 of the frame's height from the top, and fit with an
        error of at most 0.03. benchmarks/ACCURACY.md says how often that is right.
    Source: Hoiem, Efros and Hebert, "Putting Objects in Perspective", CVPR 2006, for size and horizon.
    """
    height = len(distances)
    if min(distances.shape) < MIN_SIDE:
        return None
    line = fit_line(distances)
    if not line or not HORIZON_RANGE[0] * height <= line.horizon <= HORIZON_RANGE[1] * height:
        return None
    mask = _mask(distances, line)
    rows = np.flatnonzero(mask.any(axis=1))
    share = float(mask.mean())
    edge = mask[_lowest_rows(height)].any(axis=0).mean()
    if share < MIN_SHARE or edge < MIN_EDGE_SHARE or rows[-1] - rows[0] < MIN_HEIGHT * height:
        return None
    error = _median_error(_ratios(distances, line)[mask])
    return Ground(line.horizon, line.slope, error, share) if error <= MAX_ERROR else None


def ground_mask(distances: NDArray[np.float32], ground: Ground) -> NDArray[np.bool_]:
    """Which pixels show the ground: within 10 % of the fitted distance, and connected to the lower edge.

    Args:
        distances: (H, W), as for `fit_ground`.
    Returns:
        (H, W) bool; False above the horizon and where the distance is unknown.
    """
    return _mask(distances, Line(ground.horizon, ground.slope))


def relative_size(ground: Ground, foot_row: float, frame_size: int) -> float:
    """The size of a thing with its foot in this row, as a share of its size with its foot in the frame's last row.

    Args:
        foot_row: row of the foot, below the horizon. Beyond the frame's last row the share is above 1.
        frame_size: rows of the frame.
    """
    return (foot_row - ground.horizon) / (frame_size - 1 - ground.horizon)


def _ratios(distances: NDArray[np.float32], line: Line) -> NDArray[np.float64]:
    """(H, W) distance over the line's distance; 0 above the horizon."""
    with np.errstate(invalid="ignore"):  # infinite distances above the horizon
        return distances.astype(np.float64) * np.maximum(line.values(len(distances)), 0)[:, None]


def _median_error(ratios: NDArray[np.float64]) -> float:
    """Median |log ratio|, a multiple of 2^-16: logarithms differ in the last digit between machines."""
    ratios = np.maximum(ratios, 1 / ratios)
    return round(math.log(np.partition(ratios, len(ratios) // 2)[len(ratios) // 2]) * (1 << 16)) / (1 << 16)


def _mask(distances: NDArray[np.float32], line: Line) -> NDArray[np.bool_]:
    ratios = _ratios(distances, line)
    return _connected(_without_specks((ratios >= 1 / TOLERANCE) & (ratios <= TOLERANCE)))


def _without_specks(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Each pixel as most of the 3 x 3 pixels around it; the frame's edge is repeated."""
    padded = np.pad(mask, 1, mode="edge").astype(np.int8)
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return np.asarray(mask & (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:] >= 5))


def _lowest_rows(height: int) -> slice:
    """The lowest twentieth of the rows, at least one."""
    return slice(height - max(1, height // 20), height)


def _connected(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What is connected to the lowest twentieth of the rows, through pixels above, below, left and right."""
    height = len(mask)
    runs = np.cumsum(np.diff(mask, axis=1, prepend=False), axis=1)  # a number for each run of a row; odd where True
    kept = np.zeros_like(mask)
    kept[_lowest_rows(height)] = mask[_lowest_rows(height)]
    count = -1
    while count != (count := int(kept.sum())):  # each pass goes up and down once
        for rows, before in ((range(height - 2, -1, -1), 1), (range(1, height), -1)):
            for row in rows:
                touched = np.zeros(runs[row, -1] + 1, np.bool_)
                touched[runs[row][mask[row] & (kept[row + before] | kept[row])]] = True
                kept[row] = touched[runs[row]]
    return kept
