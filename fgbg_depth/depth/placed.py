"""Placed depth: the background's own label, with each cut-out set in at the depth where it stands.

A depth model sees a flat cut-out on a flat picture and often paints it into the background. But the place of the
cut-out is known exactly, so its label need not be guessed: it stands on the background at its foot, and it is in front
of what it hides. Every step is arithmetic on stored integers and one table, so the label is equal to the bit on every
machine. Imports no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.depth.spec import INVALID, DepthSpec, decode_depth, encode_values
from fgbg_depth.schema import FOREGROUND_ALPHA

Stored = NDArray[np.unsignedinteger[Any]]  # (H, W) uint16, or uint8 where `spec.bits` is 8; 0 = invalid

IN_FRONT = 0.95  # a cut-out is at least 5 % nearer than what it hides
HIDDEN_SHARE = 0.1  # what it hides: the distance that this share of the hidden pixels is nearer than
FOOT_HEIGHT = 0.05  # of the cut-out's height: columns that end within it of the lowest pixel touch the ground


@dataclass(frozen=True)
class Silhouette:
    """The foreground of a cut-out, computed once for all its places.

    Args:
        inside: (h, w) bool, alpha >= 128.
        foot_rows, foot_columns: (n,) the lowest foreground pixel of each column that touches the ground.
    """

    inside: NDArray[np.bool_]
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
            return cls(inside, rows, columns)
        height = rows.max() - np.argmax(inside.any(axis=1)) + 1
        touching = rows >= rows.max() - FOOT_HEIGHT * height
        return cls(inside, rows[touching], columns[touching])


def set_in(label: Stored, silhouette: Silhouette, x: int, y: int, spec: DepthSpec) -> None:
    """Set one cut-out into a depth map, in place. With several cut-outs, the farthest comes first.

    The cut-out stands at the nearer of two distances: that of the label at its foot (the median over the columns that
    touch the ground), and 0.95 times that of what it hides (the 10th percentile of the hidden pixels). The first is
    where it stands on visible ground; the second holds where its foot lies behind what it hides, or in the sky. No
    pixel becomes farther than it was.

    Args:
        label: (H, W) stored values; changed where the foreground is.
        x, y: left and upper edge of the cut-out's box; what lies outside the frame is clipped. A foot below the frame
            stands where the frame ends.
        spec: of the label.
    """
    height, width = label.shape
    h, w = silhouette.inside.shape
    top, bottom, left, right = max(0, y), min(height, y + h), max(0, x), min(width, x + w)
    if top >= bottom or left >= right:
        return
    inside = silhouette.inside[top - y : bottom - y, left - x : right - x]
    box = label[top:bottom, left:right]
    hidden = box[inside]
    if not len(hidden):
        return
    value = _standing_value(label, hidden, silhouette, x, y, spec)
    if value == INVALID:
        return  # nothing is known here, neither below the foot nor behind it
    box[inside] = np.where(
        hidden == INVALID, label.dtype.type(value), spec.meaning.nearer_of(hidden, label.dtype.type(value))
    )


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


def _standing_value(label: Stored, hidden: Stored, silhouette: Silhouette, x: int, y: int, spec: DepthSpec) -> int:
    """The stored value at which a cut-out stands; 0 if neither its foot nor what it hides has a depth."""
    height, width = label.shape
    rows = np.minimum(silhouette.foot_rows + y, height - 1).clip(0)
    columns = np.clip(silhouette.foot_columns + x, 0, width - 1)
    foot = _order_statistic(label[rows, columns], 0.5, spec)
    behind = int(_in_front_table(spec)[_order_statistic(hidden, HIDDEN_SHARE, spec)])
    if INVALID in (foot, behind):
        return max(foot, behind)
    return int(spec.meaning.nearer_of(foot, behind))


def _order_statistic(values: Stored, share: float, spec: DepthSpec) -> int:
    """The stored value that `share` of the valid values are nearer than; 0 if none is valid."""
    values = values if values.all() else values[values != INVALID]
    if not len(values):
        return INVALID
    index = int(share * (len(values) - 1))
    if spec.meaning.larger_is_nearer:
        index = len(values) - 1 - index
    return int(np.partition(values, index)[index])


@lru_cache(maxsize=8)
def _in_front_table(spec: DepthSpec) -> Stored:
    """(levels + 1,) for each stored value, the stored value at 0.95 times its distance; 0 stays 0."""
    values = decode_depth(np.arange(spec.levels + 1, dtype=spec.dtype)[None], spec)[0]
    meaning = spec.meaning
    nearer = meaning.distances(values, spec.low, spec.high) * np.float32(IN_FRONT)
    return encode_values(meaning.from_distances(nearer, spec.low, spec.high), spec)
