"""Paste cut-outs into a scene whose depth is known, so that picture and depth agree."""

import numpy as np
from PIL import Image

from demo.render.trace import Cutout

FOCAL = 0.866  # focal length of the scenes' camera, in picture widths (60 degrees)
MAX_HEIGHT_M = 2.0  # no pasted object is taller, which limits how far away it can be


def standing_depth(depth: np.ndarray, mask: np.ndarray, foot: tuple[int, int], height_px: float) -> float:
    """How far away a pasted object is, in metres, judged from the picture alone.

    It stands where its foot touches the ground, unless it would then be behind what it covers or taller than
    MAX_HEIGHT_M. In those cases it is brought nearer, as little as needed.

    Args:
        depth: (h, w) metres, inf for sky.
        mask: (h, w) bool, the pixels it covers.
        foot: row and column of its lowest point.
        height_px: its whole height in pixels, including what lies outside the picture.
    """
    row, column = min(foot[0], depth.shape[0] - 1), int(np.clip(foot[1], 0, depth.shape[1] - 1))
    hidden = np.minimum(depth[mask][::3], 80.0)
    nearest = float(np.partition(hidden, len(hidden) // 10)[len(hidden) // 10])
    farthest = FOCAL * depth.shape[1] * MAX_HEIGHT_M / height_px
    return max(min(float(depth[row, column]), 0.9 * nearest, float(farthest)), 0.5)


def _vary_look(rgb: np.ndarray, alpha: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Change a cut-out's brightness and tint, and sometimes give it another picture's texture or a pale halo.

    rgb: (h, w, 3) float 0..255.  alpha: (h, w, 1) in [0, 1].  other: (n, n, 3) uint8, the picture that lends texture.
    """
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
    """Paste `cutout` at a random place of `image` and `depth`; both are changed in place.

    Args:
        image: (n, n, 3) uint8.
        depth: (n, n) float32 metres, inf for sky.
        share: range of the cut-out's height as a share of the picture.
        other: (n, n, 3) uint8, another picture that lends textures; None leaves the cut-out's look unchanged.
        ground: probability that its foot is in the lower half of the picture; otherwise it may be anywhere.
    Returns:
        (n, n) bool, the pixels it covers by more than half; None if nothing was pasted because too little of it
        would be visible.
    """
    side = len(image)
    source, relief = cutout.rgba, cutout.relief_m
    if other is not None and rng.uniform() < 0.2:  # cut off along straight lines, as real cut-outs often are
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
    nearest_row = np.arange(height) * len(relief) // height
    nearest_column = np.arange(width) * relief.shape[1] // width
    bulge = np.nan_to_num(relief[np.ix_(nearest_row, nearest_column)])
    if rng.uniform() < 0.5:
        small, bulge = small[:, ::-1], bulge[:, ::-1]
    low = max(0.5 * side, height) if rng.uniform() < ground else min(0.6 * height, side)
    bottom, left = int(rng.uniform(low, 1.08 * side)), int(rng.uniform(-0.25 * width, side - 0.75 * width))
    top = bottom - height
    y0, y1, x0, x1 = max(0, top), min(side, bottom), max(0, left), min(side, left + width)
    if y1 - y0 < 4 or x1 - x0 < 4:
        return None
    box, visible = (slice(y0, y1), slice(x0, x1)), (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    alpha = small[visible][..., 3:] / 255
    mask = np.zeros(depth.shape, bool)
    mask[box] = alpha[..., 0] > 0.5
    if mask.sum() < 20:
        return None
    full_height_px = height * cutout.rgba.shape[0] / source.shape[0]
    distance = standing_depth(depth, mask, (bottom - 1, left + width // 2), full_height_px)
    # Metres of height in the picture for each metre of height when the cut-out was rendered.
    scale = distance * height / (FOCAL * side) / (cutout.pixel_m * source.shape[0])
    rgb = small[visible][..., :3] if other is None else _vary_look(small[visible][..., :3], alpha, other, rng)
    image[box] = np.clip(rgb * alpha + image[box] * (1 - alpha), 0, 255).astype(np.uint8)
    surface = np.clip(distance + bulge[visible] * min(scale, 1.5), 0.8 * distance, 1.2 * distance)
    depth[box] = np.where(mask[box], surface, depth[box])
    return mask
