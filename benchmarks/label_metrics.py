"""Error measures of a depth map against exact depth, for `labels.py`: by zone, and at edges."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

NEAR_M, FAR_M = 0.8, 80.0  # the range of the bundled network; sky counts as 80 m
OUTLINE_PX = 3
THRESHOLDS = np.linspace(1.05, 1.25, 10)


def label_metrics(depth_m: np.ndarray, true_m: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """All measures of one row, named `<zone> <measure>`.

    Zones: inside and outside the mask, outline (at most OUTLINE_PX pixels from its border, on either side).
    Measures of a zone: absrel, mean |d - t| / t; delta1, share of pixels with max(d / t, t / d) < 1.25; rmselog, root
    mean square of log(d / t); bias, mean log(d / t), above 0 where the label is too far. Depth is limited to
    NEAR_M..FAR_M first, so that sky is 80 m in both.
    `matte recall`: `boundary_recall`; `edge recall`, `edge precision`: `edge_scores`.

    Args:
        depth_m: (H, W) metres, the label.  true_m: (H, W) metres, inf for sky.  mask: (H, W) bool, the cut-out.
    """
    depth = np.clip(depth_m, NEAR_M, FAR_M).astype(np.float64)
    true = np.clip(true_m, NEAR_M, FAR_M).astype(np.float64)
    found: dict[str, float] = {}
    for zone, pixels in (("inside", mask), ("outside", ~mask), ("outline", outline(mask))):
        error = np.log(depth[pixels] / true[pixels])
        found[f"{zone} absrel"] = float(np.mean(np.abs(depth[pixels] - true[pixels]) / true[pixels]))
        found[f"{zone} delta1"] = float(np.mean(np.abs(error) < np.log(1.25)))
        found[f"{zone} rmselog"] = float(np.sqrt(np.mean(error**2)))
        found[f"{zone} bias"] = float(np.mean(error))
    found["matte recall"] = boundary_recall(depth, mask)
    found["edge recall"], found["edge precision"] = edge_scores(depth, true)
    return found


def outline(mask: np.ndarray, width: int = OUTLINE_PX) -> np.ndarray:
    """(H, W) bool, the pixels at most `width` pixels from the border of the mask, on either side of it."""
    image = Image.fromarray(mask.astype(np.uint8) * 255)
    wide = np.asarray(image.filter(ImageFilter.MaxFilter(2 * width + 1))) > 0
    narrow = np.asarray(image.filter(ImageFilter.MinFilter(2 * width + 1))) > 0
    return wide & ~narrow


def boundary_recall(depth: np.ndarray, mask: np.ndarray) -> float:
    """Scale-invariant boundary recall against a matte.

    The share of the pairs of neighbouring pixels across the mask's border in which the outer is farther than the inner
    by more than a ratio t; the mean over the four directions, then over THRESHOLDS weighted by t. Directions without
    pairs are left out, so that a mask at the picture's edge can reach 1.

    Source: Bochkovskii et al. 2024, "Depth Pro", SI_boundary_Recall.
    """
    pairs = [here & ~there for here, there in _neighbours(mask)]
    if not any(p.any() for p in pairs):
        return float("nan")
    ratios = [there[p] / here[p] for p, (here, there) in zip(pairs, _neighbours(depth), strict=True) if p.any()]
    recall = [np.mean([np.mean(r > t) for r in ratios]) for t in THRESHOLDS]
    return float(np.average(recall, weights=THRESHOLDS))


def edge_scores(depth: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    """Recall and precision of the edges of depth: neighbouring pixels of which one is farther by more than a ratio t.

    Averaged as in `boundary_recall`, over the whole picture.

    Source: Bochkovskii et al. 2024, "Depth Pro", SI_boundary_F1.
    """
    recall, precision = [], []
    for t in THRESHOLDS:
        hits = [
            (int(np.sum((b > a * t) & (d > c * t))), int(np.sum(d > c * t)), int(np.sum(b > a * t)))
            for (a, b), (c, d) in zip(_neighbours(depth), _neighbours(true), strict=True)
        ]
        recall.append(np.mean([both / max(real, 1) for both, real, _ in hits]))
        precision.append(np.mean([both / max(said, 1) for both, _, said in hits]))
    return float(np.average(recall, weights=THRESHOLDS)), float(np.average(precision, weights=THRESHOLDS))


def _neighbours(values: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Each pixel and its neighbour to the right, to the left, below and above, as four pairs of arrays."""
    left, right, top, bottom = values[:, :-1], values[:, 1:], values[:-1], values[1:]
    return [(left, right), (right, left), (top, bottom), (bottom, top)]
