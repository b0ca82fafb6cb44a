"""The test sets, which no way has seen, and the scores of a network on them.

Photographs: held-out photographs with held-out cut-outs, put together here by a plain alpha composite that shares no
code with any way. Rendered: scenes with a body that stands in them, with exact depth (`benchmarks.label_scenes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.label_metrics import boundary_recall
from benchmarks.label_scenes import LabelScene, load_scenes
from benchmarks.study.ways import FAR_M, NEAR_M

SHARE = (0.3, 0.6)  # longest side of a cut-out as a share of the frame's side
STANDING = (0.7, 1.0)  # lower edge of a cut-out that stands, as a share of the frame's height
DELTA = 1.25


@dataclass(frozen=True)
class Unseen:
    """One test set.

    pictures: (N, H, W, 3) uint8.  mattes: (N, H, W) uint8.
    depth_m: (N, H, W) float32 exact metres, inf for sky; None for photographs.
    """

    pictures: np.ndarray
    mattes: np.ndarray
    depth_m: np.ndarray | None = None


def photographs(
    backgrounds: Sequence[Path], foregrounds: Sequence[Path], size: int, standing: bool = False, seed: int = 1
) -> Unseen:
    """Every background with every cut-out once, at a uniformly drawn size, half of them mirrored.

    Args:
        standing: the lower edge is in STANDING, as of things on the ground; else the place is drawn uniformly.
    """
    rng = np.random.default_rng(seed)
    pictures, mattes = [], []
    for background in backgrounds:
        scene = np.asarray(Image.open(background).convert("RGB").resize((size, size), Image.Resampling.LANCZOS))
        for foreground in foregrounds:
            cutout = Image.open(foreground).convert("RGBA")
            cutout = cutout.crop(cutout.getchannel("A").getbbox())
            scale = size * rng.uniform(*SHARE) / max(cutout.size)
            width, height = (max(1, round(side * scale)) for side in cutout.size)
            color, alpha = _premultiplied(cutout, width, height)
            if rng.uniform() < 0.5:
                color, alpha = color[:, ::-1], alpha[:, ::-1]
            x, y = int(rng.integers(0, size - width + 1)), int(rng.integers(0, size - height + 1))
            if standing:
                y = max(0, round(size * rng.uniform(*STANDING)) - height)
            picture, matte = scene.astype(np.float32), np.zeros((size, size), np.float32)
            box = slice(y, y + height), slice(x, x + width)
            picture[box] = color + (1 - alpha[..., None]) * picture[box]
            matte[box] = alpha
            pictures.append(np.round(picture).clip(0, 255).astype(np.uint8))
            mattes.append(np.round(255 * matte).astype(np.uint8))
    return Unseen(np.stack(pictures), np.stack(mattes))


def _premultiplied(cutout: Image.Image, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """(height, width, 3) float32 colour times alpha, 0 to 255, and (height, width) float32 alpha, 0 to 1."""
    pixels = np.asarray(cutout, np.float32)
    alpha = pixels[..., 3] / 255
    planes = [pixels[..., channel] * alpha for channel in range(3)] + [alpha]
    resized = [np.asarray(Image.fromarray(p).resize((width, height), Image.Resampling.BOX)) for p in planes]
    return np.stack(resized[:3], -1), resized[3].clip(0, 1)


def rendered(count: int, size: int, folder: Path) -> Unseen:
    """Rendered scenes with exact depth; kept in `folder`."""
    scenes = list(load_scenes(count, folder, size=size))
    return Unseen(
        np.stack([_composite(scene) for scene in scenes]),
        np.stack([scene.cutout[..., 3] for scene in scenes]),
        np.stack([scene.true_m for scene in scenes]),
    )


def _composite(scene: LabelScene) -> np.ndarray:
    alpha = scene.cutout[..., 3:].astype(np.float32) / 255
    composite: np.ndarray = np.round(alpha * scene.cutout[..., :3] + (1 - alpha) * scene.background).astype(np.uint8)
    return composite


def mask_scores(mattes: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """`iou` of the masks (alpha of one half and more) and `mae`, the mean absolute error of the matte, over pictures.

    Args:
        mattes: (N, H, W) float, predicted, 0 to 1.  true: (N, H, W) uint8.
    """
    a, b = mattes >= 0.5, true >= 128
    union = (a | b).sum((1, 2))
    iou = np.where(union > 0, (a & b).sum((1, 2)) / np.maximum(union, 1), 1.0)
    return {"iou": float(iou.mean()), "mae": float(np.abs(mattes - true / 255.0).mean())}


def depth_scores(distances: np.ndarray, unseen: Unseen, alignment: str) -> dict[str, float]:
    """Means over pictures of the errors of depth; sky, which has no distance, does not count.

    `absrel`: mean |d - t| / t.  `delta`: share of pixels with max(d / t, t / d) < 1.25. Both everywhere and `_inside`
    the cut-out.  `recall`: boundary recall at the cut-out's outline (there sky counts as 80 m).

    Args:
        distances: (N, H, W) what grows linearly with distance, in any unit.
        alignment: `affine` or `median`, see `aligned`; `none` for metres as predicted.
    """
    assert unseen.depth_m is not None
    found: dict[str, list[float]] = {key: [] for key in ("absrel", "delta", "absrel_inside", "delta_inside", "recall")}
    for distance, true, matte in zip(distances, unseen.depth_m, unseen.mattes, strict=True):
        known, inside = true < FAR_M, matte >= 128
        depth = aligned(distance, true, known, alignment)
        for zone, pixels in (("", known), ("_inside", known & inside)):
            ratio = depth[pixels] / np.maximum(true[pixels], NEAR_M)
            found[f"absrel{zone}"].append(float(np.abs(ratio - 1).mean()))
            found[f"delta{zone}"].append(float((np.abs(np.log(ratio)) < np.log(DELTA)).mean()))
        found["recall"].append(boundary_recall(depth, inside))
    return {key: float(np.nanmean(values)) for key, values in found.items()}


def all_depth_scores(
    name: str, distances: np.ndarray, unseen: Unseen, alignments: Sequence[str]
) -> dict[str, dict[str, float]]:
    """`depth_scores` by alignment, under `<name> <alignment>`."""
    return {f"{name} {alignment}": depth_scores(distances, unseen, alignment) for alignment in alignments}


def aligned(distance: np.ndarray, true: np.ndarray, known: np.ndarray, alignment: str) -> np.ndarray:
    """(H, W) metres, limited to NEAR_M..FAR_M: the picture's prediction fitted to its known true depth.

    `affine`: scale and shift with the least squares of the relative error. It is the main one, because a depth that is
    scaled for each picture by itself has neither unit nor zero, and it gives all ways the same freedom.
    `median`: scale alone, so that the medians agree; unfair to such a depth.  `none`: as it is.
    """
    d, t = distance.astype(np.float64), true[known].astype(np.float64)
    if alignment == "affine":
        columns = np.stack([d[known] / t, 1 / t], 1)
        scale, shift = np.linalg.lstsq(columns, np.ones(len(t)), rcond=None)[0]
        d = scale * d + shift
    elif alignment == "median":
        d = d * np.median(t) / max(float(np.median(d[known])), 1e-6)
    return d.clip(NEAR_M, FAR_M)
