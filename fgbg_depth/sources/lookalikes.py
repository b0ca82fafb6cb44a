"""Sources that look alike (re-saved, resized or mirrored copies), which must be on the same side of the splits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

SIDE = 8  # cells of a thumbnail
MAX_DIFFERENCE = 8.0  # of 255: root mean square difference up to which two thumbnails count as one picture
_CHUNK = 1000  # rows compared at once: 40 MB with 10,000 sources


def thumbnail(image: Image.Image) -> np.ndarray:
    """(8, 8, 3) uint8 means of a picture's cells; transparent parts count as mid-grey."""
    rgba = image.convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", rgba.size, (128, 128, 128, 255)), rgba).convert("RGB")
    return np.asarray(flat.resize((SIDE, SIDE), Image.Resampling.BOX))


def group_lookalikes(thumbnails: Sequence[np.ndarray]) -> list[list[int]]:
    """Group sources that look alike, as they are or mirrored, directly or through others.

    The time is quadratic in their number: 10,000 sources take some seconds.

    Args:
        thumbnails: (8, 8, 3) uint8 each.
    Returns:
        positions; every position is in exactly one group.
    """
    if not thumbnails:
        return []
    images = np.array(thumbnails, np.float32)
    mirrored = images[:, :, ::-1].reshape(len(images), -1)
    images = images.reshape(len(images), -1)
    squares = (images**2).sum(1)
    group_of = np.arange(len(images))
    for start in range(0, len(images), _CHUNK):
        rows = images[start : start + _CHUNK]
        product = np.maximum(rows @ images.T, rows @ mirrored.T)
        # |a - b|^2 = |a|^2 + |b|^2 - 2ab, for the nearer of b and its mirror image
        distance = squares[start : start + _CHUNK, None] + squares - 2 * product
        is_alike = distance <= MAX_DIFFERENCE**2 * images.shape[1]
        for row in np.flatnonzero(is_alike.sum(1) > 1):  # the others are alike to themselves only
            found = np.unique(group_of[is_alike[row]])
            if len(found) > 1:
                group_of[np.isin(group_of, found)] = found[0]
    groups: dict[int, list[int]] = {}
    for i, group in enumerate(group_of.tolist()):
        groups.setdefault(group, []).append(i)
    return list(groups.values())
