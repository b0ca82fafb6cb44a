"""Connected areas, neighbourhoods and brightness of pixels, with numpy alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Areas:
    """Connected areas of a mask.

    Args:
        labels: (h, w) int: number of the pixel's area from 1; 0 outside the mask.
        sizes: pixels of each area; `sizes[0]` is 0.
        boxes: (n + 1, 4) left, top, right, bottom of each area; right and bottom are exclusive.
    """

    labels: np.ndarray
    sizes: np.ndarray
    boxes: np.ndarray

    @property
    def count(self) -> int:
        return len(self.sizes) - 1


def connected_areas(mask: np.ndarray) -> Areas:
    """Connected areas of a mask; diagonal neighbours are connected.

    Each row is divided into runs, and runs of neighbouring rows that touch are joined until nothing changes.

    Args:
        mask: (h, w) bool.
    """
    height, width = mask.shape
    padded = np.zeros((height, width + 2), np.int8)
    padded[:, 1:-1] = mask
    steps = np.diff(padded, axis=1)
    rows, starts = np.nonzero(steps == 1)
    ends = np.nonzero(steps == -1)[1]  # exclusive; in the same order
    num = len(starts)
    if not num:
        return Areas(np.zeros(mask.shape, np.int32), np.zeros(1, np.int64), np.zeros((1, 4), np.int64))
    upper, lower = _touching_runs(rows, starts, ends, width)
    root = np.arange(num)
    while True:
        low = np.minimum(root[upper], root[lower])
        new = root.copy()
        np.minimum.at(new, root[upper], low)
        np.minimum.at(new, root[lower], low)
        new = new[new]
        if (new == root).all():
            break
        root = new
    _, number = np.unique(root, return_inverse=True)
    number = number.reshape(-1) + 1
    labels = np.zeros((height, width), np.int32)
    lengths = ends - starts
    offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    labels[np.repeat(rows, lengths), np.repeat(starts, lengths) + offsets] = np.repeat(number, lengths)
    total = number.max() + 1
    sizes = np.bincount(number, weights=lengths, minlength=total).astype(np.int64)
    boxes = np.zeros((total, 4), np.int64)
    boxes[1:, :2] = max(height, width)
    np.minimum.at(boxes[:, 0], number, starts)
    np.minimum.at(boxes[:, 1], number, rows)
    np.maximum.at(boxes[:, 2], number, ends)
    np.maximum.at(boxes[:, 3], number, rows + 1)
    return Areas(labels, sizes, boxes)


def _touching_runs(rows: np.ndarray, starts: np.ndarray, ends: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of runs in neighbouring rows that touch, diagonally too."""
    stride = width + 3
    # runs are sorted by (row, start), and so by (row, end): the touching ones of the next row are consecutive
    first = np.searchsorted(rows * stride + ends, (rows + 1) * stride + starts, side="left")
    last = np.searchsorted(rows * stride + starts, (rows + 1) * stride + ends, side="right")
    counts = np.maximum(last - first, 0)
    upper = np.repeat(np.arange(len(rows)), counts)
    offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return upper, np.repeat(first, counts) + offsets


def box_sum(values: np.ndarray, radius: int) -> np.ndarray:
    """Sum over the square of 2 x radius + 1 pixels around each pixel; zero outside. (h, w) float64."""
    padded = np.pad(values.astype(np.float64), ((radius + 1, radius), (radius + 1, radius)))
    total = padded.cumsum(0).cumsum(1)
    side = 2 * radius + 1
    return np.asarray(total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side])


def grown(mask: np.ndarray, radius: int) -> np.ndarray:
    """The mask with every pixel that is at most `radius` pixels away in both directions."""
    return np.asarray(box_sum(mask, radius) > 0.5)


def shrunk(mask: np.ndarray, radius: int) -> np.ndarray:
    """The pixels of a mask whose neighbours up to `radius` away are in the mask; outside the picture nothing is."""
    return np.asarray(box_sum(mask, radius) > (2 * radius + 1) ** 2 - 0.5)


def luma(rgb: np.ndarray) -> np.ndarray:
    """(h, w) float32 brightness, 0 to 255. Source: ITU-R BT.601."""
    return rgb.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)


def color_name(color: np.ndarray) -> str:
    """A colour in words: white, black, grey or its hexadecimal code."""
    values = [round(float(v)) for v in color]
    if min(values) >= 240:
        return "white"
    if max(values) <= 20:
        return "black"
    if max(values) - min(values) <= 10:
        return "grey"
    return "#" + "".join(f"{v:02x}" for v in values)
