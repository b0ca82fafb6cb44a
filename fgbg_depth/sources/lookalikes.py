"""Sources that look the same (re-saved, resized, mirrored) and so must fall on the same side of a split."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

SIDE = 8  # cells of a thumbnail
SAME = 8.0  # of 255: root mean square difference of two thumbnails that count as one picture
_CHUNK = 1000  # rows of the comparison at once: 40 MB with 10,000 sources


def thumbnail(image: Image.Image) -> np.ndarray:
    """(8, 8, 3) uint8, what is left of a picture from afar; transparent parts count as mid-grey."""
    rgba = image.convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", rgba.size, (128, 128, 128, 255)), rgba).convert("RGB")
    return np.asarray(flat.resize((SIDE, SIDE), Image.Resampling.BOX))


def groups(thumbnails: Sequence[np.ndarray]) -> list[list[int]]:
    """Positions of sources that look alike, as they are or mirrored, directly or through others.

    Every position is in exactly one group. Quadratic in time: 10,000 sources take some seconds.
    """
    if not thumbnails:
        return []
    straight = np.array(thumbnails, np.float32)
    mirrored = straight[:, :, ::-1].reshape(len(straight), -1)
    straight = straight.reshape(len(straight), -1)
    length = (straight**2).sum(1)
    parent = list(range(len(straight)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for start in range(0, len(straight), _CHUNK):
        rows = straight[start : start + _CHUNK]
        overlap = np.maximum(rows @ straight.T, rows @ mirrored.T)
        distance = length[start : start + _CHUNK, None] + length - 2 * overlap  # squared, to the nearer of the two
        for i, j in zip(*np.nonzero(distance <= SAME**2 * straight.shape[1]), strict=True):
            if start + i != j:
                parent[root(start + int(i))] = root(int(j))
    found: dict[int, list[int]] = {}
    for i in range(len(straight)):
        found.setdefault(root(i), []).append(i)
    return list(found.values())
