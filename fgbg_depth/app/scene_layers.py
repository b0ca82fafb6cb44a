"""The cut-outs of a row as layers: the colours and the matte of each, without the background behind its soft edge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.app import pixels
from fgbg_depth.app.row_objects import INSTANCES
from fgbg_depth.read.reader import StoredRow
from fgbg_depth.schema import FOREGROUND_ALPHA

MAX_SOFT_PX = 24  # width of a soft edge that gets colour and depth of its cut-out; beyond it alpha is nearly 0
MARGIN_PX = 1  # transparent pixels around a layer, so that its outline is not cut off when textures are interpolated


@dataclass(frozen=True)
class Layer:
    """One cut-out of a row.

    Args:
        number: 1 is the farthest; its value in `fg_bg_instances`.
        fg: its name.
        x, y: left and upper edge of `rgba` in the frame, pixels.
        rgba: (h, w, 4) uint8, straight alpha. The alpha is the row's matte where this cut-out is in front.
        source: (h, w) int index of a pixel of the frame, counted row by row: that pixel is inside the cut-out, and its
            colour and depth hold for this one.
    """

    number: int
    fg: str
    x: int
    y: int
    rgba: NDArray[np.uint8]
    source: NDArray[np.intp]

    def depths(self, stored: NDArray[np.uint16]) -> NDArray[np.uint16]:
        """(h, w) uint16: the values of an (H, W) depth map that hold for this layer, also in its soft edge."""
        return stored.reshape(-1)[self.source]


def row_layers(row: StoredRow, background: NDArray[np.uint8]) -> list[Layer]:
    """The cut-outs of a row that are visible, farthest first.

    Args:
        row: with the images `fg_bg`, `fg_bg_mask`, and `fg_bg_instances` if its dataset has them.
        background: (H, W, 3) uint8 RGB, the bare background.
    """
    image = pixels.rgb_array(row.images["fg_bg"])
    alpha = pixels.mask_array(row.images["fg_bg_mask"])
    inside = alpha >= FOREGROUND_ALPHA
    stored = row.images.get(INSTANCES)
    instances = pixels.mask_array(stored) if stored is not None else inside.astype(np.uint8)
    names = [item["fg"] for item in row.facts.get("objects", ())] or [row.facts["fg"]]

    source = nearest_known(inside, MAX_SOFT_PX)
    owner = np.where(alpha > 0, instances.reshape(-1)[source], 0)  # soft edges belong to the cut-out beside them
    colors = unblended(image, alpha, background).reshape(-1, 3)[source]
    return [
        _layer(number, name, owner == number, alpha, colors, instances == number)
        for number, name in enumerate(names, start=1)
        if (instances == number).any()
    ]


def _layer(
    number: int,
    name: str,
    owned: NDArray[np.bool_],
    alpha: NDArray[np.uint8],
    colors: NDArray[np.uint8],
    inside: NDArray[np.bool_],
) -> Layer:
    """The layer of one cut-out, from arrays of the whole frame."""
    box = _box(owned | inside)
    # The transparent margin and the pixels of other cut-outs get this layer's own depth, so that it has no steps there.
    near = nearest_known(inside[box], max(inside[box].shape))
    rows, columns = np.unravel_index(near, near.shape)
    source: NDArray[np.intp] = (rows + box[0].start) * inside.shape[1] + columns + box[1].start
    own_colors = np.where(owned[box][..., None], colors[box], colors.reshape(-1, 3)[source])
    rgba = np.dstack([own_colors, np.where(owned[box], alpha[box], 0)]).astype(np.uint8)
    return Layer(number, name, box[1].start, box[0].start, rgba, source)


def _box(pixels_of: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The smallest box around the True pixels, with a margin within the frame."""
    rows, columns = np.flatnonzero(pixels_of.any(1)), np.flatnonzero(pixels_of.any(0))
    height, width = pixels_of.shape
    return (
        slice(max(0, int(rows[0]) - MARGIN_PX), min(height, int(rows[-1]) + 1 + MARGIN_PX)),
        slice(max(0, int(columns[0]) - MARGIN_PX), min(width, int(columns[-1]) + 1 + MARGIN_PX)),
    )


def unblended(image: NDArray[np.uint8], alpha: NDArray[np.uint8], background: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The cut-out's own colours: F = (I - (1 - a) B) / a, clipped; equal to `image` where alpha is 0 or 255.

    Args:
        image, background: (H, W, 3) uint8.  alpha: (H, W) uint8.
    Source: the inverse of Porter & Duff 1984, "over". Compression of `image` makes it noisy where alpha is small.
    """
    a = alpha[..., None].astype(np.float32) / 255
    colors = (image - (1 - a) * background) / np.maximum(a, 1 / 255)
    return np.where(a > 0, np.rint(np.clip(colors, 0, 255)), image).astype(np.uint8)


def nearest_known(known: NDArray[np.bool_], reach_px: int) -> NDArray[np.intp]:
    """For each pixel, a known pixel that is near: itself, or the one found by steps to its four neighbours.

    Args:
        known: (h, w) bool.
        reach_px: number of steps; pixels farther away than that keep their own index.
    Returns:
        (h, w) index, counted row by row.
    """
    height, width = known.shape
    index: NDArray[np.intp] = np.arange(height * width).reshape(height, width)
    done = known.copy()
    if not done.any():
        return index
    shifts: list[tuple[Any, Any]] = [
        (np.s_[1:], np.s_[:-1]), (np.s_[:-1], np.s_[1:]), (np.s_[:, 1:], np.s_[:, :-1]), (np.s_[:, :-1], np.s_[:, 1:])
    ]  # fmt: skip
    for _ in range(reach_px):
        if done.all():
            break
        before = done.copy()
        for to, of in shifts:
            new = before[of] & ~done[to]
            index[to][new] = index[of][new]
            done[to] |= new
    return index
