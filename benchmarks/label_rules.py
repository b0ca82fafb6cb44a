"""Rules that give a cut-out depth in the depth map of its background, for `labels.py` to compare."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

# (background (H, W) metres, prediction for the composite (H, W) metres, mask (H, W) bool) -> label (H, W) metres
Rule = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
MARGIN, PERCENTILE = 0.95, 10


def lowest_rows(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The columns that the mask touches, and its lowest row in each."""
    columns = np.flatnonzero(mask.any(0))
    return columns, mask.shape[0] - 1 - mask[::-1, columns].argmax(0)


def contact(mask: np.ndarray, share: float | None = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """(rows, columns) of the pixels where the cut-out is taken to touch the ground.

    Args:
        share: columns count whose lowest pixel is within this share of the mask's height above its lowest pixel;
            None: all columns count.
    """
    columns, rows = lowest_rows(mask)
    if share is None:
        return rows, columns
    height = np.ptp(np.flatnonzero(mask.any(1))) + 1
    near = rows >= rows.max() - max(1, round(share * height))
    return rows[near], columns[near]


def foot_depth(background: np.ndarray, mask: np.ndarray, share: float | None = 0.05, below: int = 0) -> float:
    """Metres, the background's depth where the cut-out stands: the median over the pixels of `contact`.

    Args:
        below: read the background that many pixels lower, where the cut-out does not cover it.
    """
    rows, columns = contact(mask, share)
    return float(np.median(background[np.minimum(rows + below, len(background) - 1), columns]))


def hidden_depth(background: np.ndarray, mask: np.ndarray, percentile: float = PERCENTILE) -> float:
    """Metres, how near what the cut-out hides is: a low percentile of it."""
    return float(np.percentile(background[mask], percentile, method="lower"))


def placed(
    background: np.ndarray,
    prediction: np.ndarray,
    mask: np.ndarray,
    *,
    share: float | None = 0.05,
    below: int = 0,
    margin: float = MARGIN,
    percentile: float | None = PERCENTILE,
) -> np.ndarray:
    """The rule of the product: the nearer of the depth at the foot and `margin` times what is hidden."""
    depth = foot_depth(background, mask, share, below)
    if percentile is not None:
        depth = min(depth, margin * hidden_depth(background, mask, percentile))
    label: np.ndarray = np.where(mask, np.float32(depth), background)
    return label


def nearer(placed_m: np.ndarray, background: np.ndarray) -> np.ndarray:
    """No pixel farther than the background was there."""
    return np.minimum(placed_m, background)


def anchored(background: np.ndarray, prediction: np.ndarray, mask: np.ndarray, relief: float = 1.0) -> np.ndarray:
    """The prediction inside, scaled so that its foot is at the depth that `placed` gives; the background outside.

    Args:
        relief: exponent of the prediction's own relief; 1 keeps it, 0 flattens it and is then `placed`.
    """
    standing = float(placed(background, prediction, mask)[mask][0])
    rows, columns = contact(mask)
    shape = prediction / np.median(prediction[rows, columns])
    label: np.ndarray = np.where(mask, np.float32(standing) * shape**relief, background)
    return label
