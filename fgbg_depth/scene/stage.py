"""What a background's depth says about where things can stand: its ground, and what stands in front of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.recipe import Recipe
from fgbg_depth.scene.ground import Ground, ground_mask, relative_size
from fgbg_depth.scene.layers import Layer

Item = TypeVar("Item", bound=np.generic)

MIN_RELATIVE_SIZE = 0.25  # of a cut-out far away, compared with its size at the frame's lower edge
NEARER = 0.95  # what is at least 5 % nearer than a cut-out hides it
NARROW = 50  # and is at least the 50th part of the frame wide


@dataclass(frozen=True)
class Stage:
    """The ground of one background and the distances of everything in it.

    Args:
        ground: as fitted to `distances`.
        distances: (H, W) float32 from the camera, in any unit; NaN where unknown.
    """

    ground: Ground
    distances: NDArray[np.float32]

    @cached_property
    def is_ground(self) -> NDArray[np.bool_]:
        """(H, W) bool: the pixels that show the ground."""
        return ground_mask(self.distances, self.ground)

    @cached_property
    def _places(self) -> NDArray[np.intp]:
        """(n, 2) rows and columns of the ground on which things are not too small."""
        rows, columns = np.nonzero(self.is_ground)
        near = (rows - self.ground.horizon) >= MIN_RELATIVE_SIZE * (len(self.distances) - 1 - self.ground.horizon)
        return np.stack([rows[near], columns[near]], 1)

    @property
    def has_places(self) -> bool:
        """Whether there is a point on which a thing is not too small."""
        return len(self._places) > 0

    def place(self, uniform: float) -> tuple[int, int]:
        """(row, column) of a point of the ground, from a uniform number on [0, 1)."""
        row, column = self._places[int(uniform * len(self._places))].tolist()
        return row, column

    def relative_size(self, row: int) -> float:
        """Size of a thing whose foot is in this row, compared with its size at the frame's lower edge."""
        return relative_size(self.ground, row, len(self.distances))

    def hidden(self, foot: int, rows: slice, columns: slice) -> NDArray[np.bool_]:
        """Which pixels of a part of the frame hide a thing whose foot is in row `foot`.

        They are nearer than the thing by 5 % and not ground, and so is everything below them down to the foot: what
        stands in front of a thing on the same ground reaches lower than its foot. Without this rule a lake that the
        depth model took for near cut off the heads of animals on its shore. What is narrower than a fiftieth of the
        frame hides nothing either: the depth of such columns is noise, which cut slits into legs and ears.

        Args:
            rows, columns: of the part, with a start and a stop.
        """
        disparity = self.ground.slope * (foot - self.ground.horizon)
        reach = len(self.distances) // NARROW // 2
        wider = slice(max(columns.start - 2 * reach - 1, 0), columns.stop + 2 * reach + 1)
        distances = self.distances[rows, wider]
        if disparity <= 0:
            return np.zeros(self.distances[rows, columns].shape, bool)
        with np.errstate(invalid="ignore"):
            nearer = (distances < np.float32(NEARER / disparity)) & ~self.is_ground[rows, wider]
        above = nearer[: max(foot + 1 - rows.start, 0)]
        above[:] = np.logical_and.accumulate(above[::-1], axis=0)[::-1]
        return _without_narrow(nearer, reach)[:, columns.start - wider.start :][:, : columns.stop - columns.start]


def _without_narrow(mask: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """The runs of each row that are longer than 2 * reach; those at the first and last column count as going on."""
    if reach == 0:
        return mask
    width = mask.shape[1]
    padded = np.pad(mask, ((0, 0), (2 * reach, 2 * reach)), mode="edge")
    inner = np.logical_and.reduce([padded[:, i : i + width + 2 * reach] for i in range(2 * reach + 1)])
    return np.asarray(np.logical_or.reduce([inner[:, i : i + width] for i in range(2 * reach + 1)]))


def shown_foreground(
    inside: NDArray[np.bool_], layer: Layer, margin: int, stage: Stage | None, recipe: Recipe
) -> NDArray[np.bool_]:
    """The part of a layer's foreground that nothing of the background hides."""
    shown = shown_part(inside, layer, margin, stage, recipe)
    return inside if shown is None else inside & shown


def shown_part(
    inside: NDArray[np.bool_], layer: Layer, margin: int, stage: Stage | None, recipe: Recipe
) -> NDArray[np.bool_] | None:
    """Where nothing of the background hides a layer; None if nothing of it is hidden.

    A layer of which less than `visible_min` would be left is not hidden at all: it was placed where it is because no
    better place was found.

    Args:
        inside: (h, w) bool, its foreground, larger than its box by `margin` on each side.
        stage: None: nothing hides it.
    Returns:
        (h, w) bool.
    """
    if stage is None or not recipe.occlusion:
        return None
    hidden = np.zeros(inside.shape, bool)
    rows, columns, in_frame = overlap(hidden, layer.x - margin, layer.y - margin, recipe.size)
    in_frame[:] = stage.hidden(layer.y + layer.height - 1, rows, columns)
    if not (hidden & inside).any():
        return None
    left = np.count_nonzero(inside & ~hidden) / max(int(np.count_nonzero(inside)), 1)
    return ~hidden if left >= recipe.visible_min - 1e-6 else None


def paint(frame: NDArray[np.uint8], value: int, inside: NDArray[np.bool_], layer: Layer, margin: int) -> None:
    """Set the pixels of a layer's foreground in an (H, W) frame; what lies outside is clipped."""
    rows, columns, part = overlap(inside, layer.x - margin, layer.y - margin, len(frame))
    frame[rows, columns][part] = value


def overlap(part: NDArray[Item], x: int, y: int, size: int) -> tuple[slice, slice, NDArray[Item]]:
    """Rows and columns of a square frame that `part` covers at (x, y), and the view of `part` that covers them."""
    height, width = part.shape
    top, bottom, left, right = max(0, y), min(size, y + height), max(0, x), min(size, x + width)
    if top >= bottom or left >= right:
        return slice(0), slice(0), part[:0, :0]
    return slice(top, bottom), slice(left, right), part[top - y : bottom - y, left - x : right - x]
