"""Way (a): rows as the notebooks made them that this project was modelled on, as a baseline.

Hard paste of a thresholded cut-out at a uniformly drawn place; the mask is a JPEG file of quality 30; the depth is
predicted from the stored picture, scaled to its own minimum and maximum, and kept in 8 bits; and the test rows are
drawn from all rows, so that their backgrounds and cut-outs are those of the training rows. The composite is stored as
in our ways (JPEG of quality 90, where one of the notebooks used 30), so that the ways differ only in what is named
above.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

PICTURE_QUALITY, MASK_QUALITY = 90, 30
SHARE = (0.35, 0.55)  # longest side of a cut-out as a share of the frame's side; as in the default recipe
Labeller = Callable[[np.ndarray], np.ndarray]


def notebook_rows(
    backgrounds: Sequence[Path], foregrounds: Sequence[Path], size: int, labeller: Labeller, seed: int = 0
) -> dict[str, np.ndarray]:
    """One row for each pair of background and cut-out, as it is read back from its files.

    Args:
        labeller: (N, size, size, 3) uint8 to (N, size, size) metres.
    Returns:
        pictures: (N, size, size, 3) uint8.  masks: (N, size, size) uint8, decoded JPEG.  depths: (N, size, size) uint8,
        0 is the picture's nearest and 255 its farthest pixel.  sources: (N, 2) int, positions in both lists.
    """
    rng = np.random.default_rng(seed)
    resized = [Image.open(file).convert("RGB").resize((size, size)) for file in backgrounds]
    cutouts = [_resized(Image.open(file).convert("RGBA"), round(size * rng.uniform(*SHARE))) for file in foregrounds]
    pictures, masks, sources = [], [], []
    for i, background in enumerate(resized):
        for j, cutout in enumerate(cutouts):
            x, y = (int(rng.integers(0, size - side + 1)) for side in cutout.size)
            hard = cutout.getchannel("A").point(lambda value: 255 if value >= 128 else 0)
            picture, mask = background.copy(), Image.new("L", (size, size))
            picture.paste(cutout.convert("RGB"), (x, y), hard)
            mask.paste(hard, (x, y))
            pictures.append(np.asarray(_stored(picture, PICTURE_QUALITY)))
            masks.append(np.asarray(_stored(mask, MASK_QUALITY)))
            sources.append((i, j))
    stacked = np.stack(pictures)
    depths = np.concatenate([scaled_to_8_bits(labeller(stacked[k : k + 64])) for k in range(0, len(stacked), 64)])
    return {"pictures": stacked, "masks": np.stack(masks), "depths": depths, "sources": np.array(sources)}


def scaled_to_8_bits(depth_m: np.ndarray) -> np.ndarray:
    """(N, H, W) uint8 from metres: each picture's own minimum becomes 0 and its maximum 255."""
    low, high = depth_m.min((1, 2), keepdims=True), depth_m.max((1, 2), keepdims=True)
    scaled: np.ndarray = np.round(255 * (depth_m - low) / np.maximum(high - low, 1e-6)).astype(np.uint8)
    return scaled


def random_tenth(num_rows: int, seed: int = 0) -> np.ndarray:
    """(num_rows,) bool, the rows of the random test split."""
    chosen = np.zeros(num_rows, bool)
    chosen[np.random.default_rng(seed).permutation(num_rows)[: num_rows // 10]] = True
    return chosen


def _resized(cutout: Image.Image, longest: int) -> Image.Image:
    """The cut-out without its transparent margin, its longest side `longest` pixels."""
    cutout = cutout.crop(cutout.getchannel("A").getbbox())
    scale = longest / max(cutout.size)
    width, height = (max(1, round(side * scale)) for side in cutout.size)
    return cutout.resize((width, height))


def _stored(image: Image.Image, quality: int) -> Image.Image:
    """The picture as it is read back from a JPEG file."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)
