"""Variants of the rule that gives a cut-out its depth, for `labels.py` to compare.

All work in metres on (H, W) float arrays; the product's own rule, on stored values, is `fgbg_depth.depth.placed`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MARGIN, PERCENTILE, SHARE = 0.95, 10, 0.05  # of the product's rule


@dataclass(frozen=True)
class Case:
    """What a rule may use.

    background: (H, W) metres, of the bare background.
    prediction: (H, W) metres, of the composite.
    mask: (H, W) bool, the cut-out.
    pitch, focal_px: the true camera's; a build does not know them.
    """

    background: np.ndarray
    prediction: np.ndarray
    mask: np.ndarray
    pitch: float
    focal_px: float

    @property
    def height(self) -> int:
        """Rows of the cut-out."""
        return int(np.ptp(np.flatnonzero(self.mask.any(1)))) + 1

    def set_in(self, depth: float | np.ndarray) -> np.ndarray:
        """(H, W) the background, and inside the mask `depth`, but no pixel farther than the background was."""
        label: np.ndarray = np.where(self.mask, np.minimum(depth, self.background), self.background)
        return label


def contact(mask: np.ndarray, share: float | None = SHARE) -> tuple[np.ndarray, np.ndarray]:
    """(rows, columns) of the pixels where the cut-out is taken to touch the ground.

    Args:
        share: columns count whose lowest pixel is within this share of the mask's height above its lowest pixel;
            None: all columns count.
    """
    columns = np.flatnonzero(mask.any(0))
    rows = mask.shape[0] - 1 - mask[::-1, columns].argmax(0)
    if share is None:
        return rows, columns
    height = np.ptp(np.flatnonzero(mask.any(1))) + 1
    near = rows >= rows.max() - share * height
    return rows[near], columns[near]


def foot_depth(case: Case, share: float | None = SHARE, below: float = 0) -> float:
    """Metres, the background's depth where the cut-out stands: the lower median over the pixels of `contact`.

    Args:
        below: read the background that many rows lower, at most in its last row.
    """
    rows, columns = contact(case.mask, share)
    lower = np.minimum(np.round(rows + below).astype(int), len(case.mask) - 1)
    return float(np.percentile(case.background[lower, columns], 50, method="lower"))


def standing(
    case: Case,
    *,
    share: float | None = SHARE,
    below: int = 0,
    margin: float = MARGIN,
    percentile: float | None = PERCENTILE,
    heights_below: float = 1,
    ratio: float = 3,
) -> float:
    """Metres, the nearest of: the depth at the foot; `margin` times a percentile of what is hidden; and `ratio` times
    the depth of the background `heights_below` heights of the cut-out below its foot.

    Args:
        percentile: None leaves out the second.
        ratio: infinite leaves out the third.
    """
    depth = foot_depth(case, share, below)
    if percentile is not None:
        hidden = case.background[case.mask]
        depth = min(depth, margin * float(np.percentile(hidden, percentile, method="lower")))
    if np.isfinite(ratio):
        depth = min(depth, ratio * foot_depth(case, share, heights_below * case.height))
    return depth


def anchored(case: Case, relief: float = 1.0) -> np.ndarray:
    """The prediction inside, scaled so that its foot stands where the rule says; the background outside.

    Args:
        relief: exponent of the prediction's own relief; 0 makes it flat.
    """
    rows, columns = contact(case.mask)
    shape = case.prediction / np.median(case.prediction[rows, columns])
    label: np.ndarray = np.where(case.mask, standing(case) * shape**relief, case.background)
    return label


def pixelwise(case: Case) -> np.ndarray:
    """Each pixel at the nearer of the foot and `MARGIN` times what it hides, instead of one depth for all."""
    return case.set_in(np.minimum(foot_depth(case), MARGIN * case.background))


def column_feet(case: Case) -> np.ndarray:
    """Each column at the depth under its own lowest pixel."""
    rows, columns = contact(case.mask, None)
    depth = np.full(case.mask.shape[1], np.inf)
    depth[columns] = case.background[rows, columns]
    return case.set_in(np.minimum(depth, standing(case, share=None, percentile=PERCENTILE)))


def tilted(case: Case) -> np.ndarray:
    """An upright plane through the foot instead of one that faces the camera; uses the true camera."""
    middle = (len(case.mask) - 1) / 2
    down = (np.arange(len(case.mask)) - middle) / case.focal_px * np.tan(case.pitch)
    foot = np.median(contact(case.mask)[0])
    at_foot = (foot - middle) / case.focal_px * np.tan(case.pitch)
    return case.set_in(standing(case) * ((1 + at_foot) / (1 + down))[:, None])


def not_behind_prediction(case: Case) -> np.ndarray:
    """The nearer of the rule and the median of the prediction inside."""
    return case.set_in(min(standing(case), float(np.median(case.prediction[case.mask]))))


def not_taller(case: Case, height_m: float) -> np.ndarray:
    """At most so far away that the cut-out is `height_m` tall, seen by a camera of 60 degrees; metric depth only."""
    focal_px = 0.866 * case.mask.shape[1]
    return case.set_in(min(standing(case), focal_px * height_m / case.height))
