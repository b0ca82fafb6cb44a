"""Placed depth: the background's own label, with each cut-out set in at the depth where it stands.

A depth model sees a flat cut-out on a flat picture and often paints it into the background. But the place of the
cut-out is known exactly, so its label need not be guessed: it stands on the background at its foot, it is in front of
what it hides, and it is not taller than things are. Every step is arithmetic on stored integers and on two tables, so
the label is equal to the bit on every machine. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.depth.spec import INVALID, DepthSpec, decode_depth, encode_values
from fgbg_depth.schema import FOREGROUND_ALPHA

Stored = NDArray[np.unsignedinteger[Any]]  # (H, W) uint16, or uint8 where `spec.bits` is 8; 0 = invalid

IN_FRONT = 0.95  # a cut-out is at least 5 % nearer than what it hides
HIDDEN_SHARE = 0.1  # what it hides: the distance that this share of the hidden pixels is nearer than
TALLEST = 3.0  # a foot is at most so many times as far as the ground one cut-out height below it
FOOT_HEIGHT = 0.05  # of the cut-out's height: columns that end within it of the lowest pixel touch the ground


@dataclass(frozen=True)
class Silhouette:
    """The foreground of a cut-out, computed once for all its places.

    Args:
        inside: (h, w) bool, alpha >= 128.
        height: rows from the highest to the lowest foreground pixel.
        foot_rows, foot_columns: (n,) the lowest foreground pixel of each column that touches the ground.
    """

    inside: NDArray[np.bool_]
    height: int
    foot_rows: NDArray[np.intp]
    foot_columns: NDArray[np.intp]

    @classmethod
    def of(cls, alpha: NDArray[np.uint8]) -> Silhouette:
        """The silhouette of an (h, w) uint8 matte, already mirrored if the cut-out is."""
        return cls.of_mask(alpha >= FOREGROUND_ALPHA)

    @classmethod
    def of_mask(cls, inside: NDArray[np.bool_]) -> Silhouette:
        """The silhouette of an (h, w) bool mask."""
        columns = np.flatnonzero(inside.any(axis=0))
        rows = inside.shape[0] - 1 - np.argmax(inside[::-1, columns], axis=0)
        if not len(rows):
            return cls(inside, 0, rows, columns)
        height = int(rows.max() - np.argmax(inside.any(axis=1)) + 1)
        touching = rows >= rows.max() - FOOT_HEIGHT * height
        return cls(inside, height, rows[touching], columns[touching])


class Change(NamedTuple):
    """What `set_in` changed: stored values before and after, (n,) each, within the rows top..bottom.

    `standing` is the stored value at which the cut-out stands.
    """

    top: int
    bottom: int
    before: Stored
    after: Stored
    standing: int


def set_in(
    label: Stored, silhouette: Silhouette, x: int, y: int, spec: DepthSpec, behind: int = INVALID
) -> Change | None:
    """Set one cut-out into a depth map, in place. With several cut-outs, the farthest comes first.

    The cut-out stands at the nearest of three distances:

    - that of the label at its foot, the median over the columns that touch the ground: where it stands on visible
      ground;
    - 0.95 times that of what it hides, the 10th percentile of the hidden pixels: where its foot lies behind that;
    - 3 times that of the label one height of the cut-out below its foot: where its foot lies in front of a wall, the
      horizon or the sky. On flat ground the distance is proportional to 1 / (row - horizon), so this says that no
      cut-out is taller than twice the camera's height above the ground.

    No pixel becomes farther than it was. benchmarks/ACCURACY.md has what each term wins against exact depth.

    Args:
        label: (H, W) stored values; changed where the foreground is.
        x, y: left and upper edge of the cut-out's box; what lies outside the frame is clipped. A foot below the frame
            stands where the frame ends.
        spec: of the label.
        behind: the stored value at which the cut-out behind this one stands; this one does not stand farther.
    Returns:
        None if nothing changed: no foreground is in the frame, or neither its foot nor what it hides has a depth.
    """
    height, width = label.shape
    h, w = silhouette.inside.shape
    top, bottom, left, right = max(0, y), min(height, y + h), max(0, x), min(width, x + w)
    if top >= bottom or left >= right:
        return None
    inside = silhouette.inside[top - y : bottom - y, left - x : right - x]
    box = label[top:bottom, left:right]
    hidden = box[inside]
    if not len(hidden):
        return None
    value = _standing_value(label, hidden, silhouette, x, y, spec, behind)
    if value == INVALID:
        return None
    standing = label.dtype.type(value)
    values = np.where(hidden == INVALID, standing, spec.meaning.nearer_of(hidden, standing))
    box[inside] = values
    return Change(top, bottom, hidden, values, value)


def place_depth(background: Stored, mask: NDArray[np.bool_], spec: DepthSpec) -> Stored:
    """The placed label of one cut-out.

    Args:
        background: (H, W) stored values of the bare background's label.
        mask: (H, W) bool, the foreground.
    Returns:
        (H, W) of the same dtype: equal to `background` outside `mask`, and not farther inside.
    """
    label = background.copy()
    set_in(label, Silhouette.of_mask(mask), 0, 0, spec)
    return label


def set_in_all(label: Stored, cutouts: Sequence[tuple[Silhouette, int, int]], spec: DepthSpec) -> list[Change]:
    """Set the cut-outs of a row into a depth map, in place; none stands farther than those behind it.

    Args:
        cutouts: farthest first: silhouette, and left and upper edge of its box.
    Returns:
        what changed, in that order; a pixel that several cut-outs cover is in several changes.
    """
    changes: list[Change] = []
    for silhouette, x, y in cutouts:
        change = set_in(label, silhouette, x, y, spec, changes[-1].standing if changes else INVALID)
        if change is not None:
            changes.append(change)
    return changes


def _standing_value(
    label: Stored, hidden: Stored, silhouette: Silhouette, x: int, y: int, spec: DepthSpec, limit: int
) -> int:
    """The stored value at which a cut-out stands; 0 if neither its foot nor what it hides has a depth."""
    foot = _order_statistic(_at_foot(label, silhouette, x, y), 0.5, spec)
    below = _order_statistic(_at_foot(label, silhouette, x, y + silhouette.height), 0.5, spec)
    behind = _order_statistic(hidden, HIDDEN_SHARE, spec)
    candidates = (foot, int(_scaled(spec, TALLEST)[below]), int(_scaled(spec, IN_FRONT)[behind]), limit)
    known = [value for value in candidates if value != INVALID]
    return (max if spec.meaning.larger_is_nearer else min)(known, default=INVALID)


def _at_foot(label: Stored, silhouette: Silhouette, x: int, y: int) -> Stored:
    """(n,) the label at the foot of a cut-out at (x, y); at the frame's edge where the foot is outside."""
    height, width = label.shape
    rows, columns = silhouette.foot_rows + y, silhouette.foot_columns + x
    h, w = silhouette.inside.shape
    if y < 0 or y + h > height:
        rows = np.clip(rows, 0, height - 1)
    if x < 0 or x + w > width:
        columns = np.clip(columns, 0, width - 1)
    found: Stored = label[rows, columns]
    return found


def _order_statistic(values: Stored, share: float, spec: DepthSpec) -> int:
    """The stored value that `share` of the valid values are nearer than; 0 if none is valid."""
    if values.min() == INVALID:
        values = values[values != INVALID]
        if not len(values):
            return INVALID
    index = int(share * (len(values) - 1))
    if spec.meaning.larger_is_nearer:
        index = len(values) - 1 - index
    return int(np.partition(values, index)[index])


@lru_cache(maxsize=16)
def _scaled(spec: DepthSpec, factor: float) -> Stored:
    """(levels + 1,) for each stored value, the stored value at `factor` times its distance; 0 stays 0."""
    values = decode_depth(np.arange(spec.levels + 1, dtype=spec.dtype)[None], spec)[0]
    meaning = spec.meaning
    distances = meaning.distances(values, spec.low, spec.high) * np.float32(factor)
    return encode_values(meaning.from_distances(distances, spec.low, spec.high), spec)
