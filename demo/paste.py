"""Paste cut-outs into a scene whose depth is known, so that picture and depth stay true to each other."""

import numpy as np
from PIL import Image

from demo.trace import Cutout

FOCAL = 0.866  # focal length of the scenes' camera, in picture widths (60 degrees)
TALLEST_M = 2.0  # nothing that is pasted is taller, so it cannot be farther than this allows


def standing_depth(depth: np.ndarray, mask: np.ndarray, foot: tuple[int, int], height_px: float) -> float:
    """How far away a pasted thing is, in metres, from what the picture shows of it.

    It stands where its foot touches the ground, unless that would put it behind what it covers or make it a giant:
    then it hovers as near as it must.

    Args:
        depth: (h, w) metres, inf for sky.  mask: (h, w) bool, what it covers.
        foot: row and column of its lowest point.  height_px: its whole height in pixels, seen or not.
    """
    row, column = min(foot[0], depth.shape[0] - 1), int(np.clip(foot[1], 0, depth.shape[1] - 1))
    hidden = np.minimum(depth[mask][::3], 80.0)
    nearest = float(np.partition(hidden, len(hidden) // 10)[len(hidden) // 10])
    giant = FOCAL * depth.shape[1] * TALLEST_M / height_px
    return max(min(float(depth[row, column]), 0.9 * nearest, giant), 0.5)


def _dress(rgb: np.ndarray, alpha: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Vary a cut-out's look: light, tint, someone else's texture, a pale halo. rgb (h, w, 3) float 0..255."""
    rgb = rgb * (rng.uniform(0.6, 1.25) * rng.uniform(0.88, 1.12, 3))
    kind = rng.uniform()
    if kind < 0.35:
        height, width = rgb.shape[:2]
        side = int(rng.integers(24, len(other)))
        top, left = rng.integers(0, len(other) - side + 1, 2)
        patch = Image.fromarray(other[top : top + side, left : left + side]).resize(
            (width, height), Image.Resampling.BILINEAR
        )
        texture = np.asarray(patch, np.float32)
        rgb = texture if kind < 0.1 else rgb * (0.35 + texture.mean(2, keepdims=True) / (texture.mean() + 1) * 0.65)
    elif kind < 0.5:
        rgb = rgb[..., rng.permutation(3)]
    if rng.uniform() < 0.12:
        rgb = rgb + (235 - rgb) * (alpha < 0.85)
    return rgb


def paste(
    image: np.ndarray,
    depth: np.ndarray,
    cutout: Cutout,
    rng: np.random.Generator,
    *,
    share: tuple[float, float] = (0.14, 0.65),
    other: np.ndarray | None = None,
    ground: float = 0.5,
) -> np.ndarray | None:
    """Put `cutout` somewhere in `image` and `depth`, both changed in place.

    Args:
        image: (n, n, 3) uint8.  depth: (n, n) float32 metres, inf for sky.
        share: range of its height as a share of the picture.
        other: (n, n, 3) uint8, another picture to borrow textures from; None leaves its looks alone.
        ground: chance that its foot is low in the picture; otherwise it goes anywhere.
    Returns:
        (n, n) bool, where it covers more than half of a pixel; None if there was no room.
    """
    side = len(image)
    source, relief = cutout.rgba, cutout.relief_m
    if other is not None and rng.uniform() < 0.2:  # cut off straight, as careless cut-outs are
        rows, columns = source.shape[:2]
        bottom, left = int(rows * rng.uniform(0.45, 1)), int(columns * rng.uniform(0, 0.25))
        source, relief = source[:bottom, left:], relief[:bottom, left:]
    height = int(side * rng.uniform(*share))
    width = max(4, int(source.shape[1] * height / source.shape[0]))
    if width > 0.8 * side:
        height, width = max(4, int(height * 0.8 * side / width)), int(0.8 * side)
    small = np.asarray(
        Image.fromarray(np.ascontiguousarray(source)).resize((width, height), Image.Resampling.BILINEAR), np.float32
    )
    rows, columns = np.arange(height) * len(relief) // height, np.arange(width) * relief.shape[1] // width
    bulge = np.nan_to_num(relief[np.ix_(rows, columns)])
    if rng.uniform() < 0.5:
        small, bulge = small[:, ::-1], bulge[:, ::-1]
    low = max(0.5 * side, height) if rng.uniform() < ground else min(0.6 * height, side)
    bottom, left = int(rng.uniform(low, 1.08 * side)), int(rng.uniform(-0.25 * width, side - 0.75 * width))
    top = bottom - height
    y0, y1, x0, x1 = max(0, top), min(side, bottom), max(0, left), min(side, left + width)
    if y1 - y0 < 4 or x1 - x0 < 4:
        return None
    box, cut = (slice(y0, y1), slice(x0, x1)), (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    alpha = small[cut][..., 3:] / 255
    mask = np.zeros(depth.shape, bool)
    mask[box] = alpha[..., 0] > 0.5
    if mask.sum() < 20:
        return None
    away = standing_depth(depth, mask, (bottom - 1, left + width // 2), height * cutout.rgba.shape[0] / source.shape[0])
    metre = (
        away * height / (FOCAL * side) / (cutout.pixel_m * source.shape[0])
    )  # its size here over its size when rendered
    rgb = small[cut][..., :3] if other is None else _dress(small[cut][..., :3], alpha, other, rng)
    image[box] = np.clip(rgb * alpha + image[box] * (1 - alpha), 0, 255).astype(np.uint8)
    inside = mask[box]
    depth[box] = np.where(inside, np.clip(away + bulge[cut] * min(metre, 1.5), 0.8 * away, 1.2 * away), depth[box])
    return mask
