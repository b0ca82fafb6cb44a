"""Checks of a depth label against the matte and the bare background: boundary recall, nearness, drift.

Where the cut-out is and what lies behind it are known exactly, so each label can be checked without measured depth:

- `boundary_recall`: does the depth change across the cut-out's outline, sharply, and with the cut-out in front?
- `nearer`: how much nearer is the cut-out than what surrounds it?
- `background_drift`: how much does the depth of the background change although the background did not?

All three are ratios of distances from the camera. Metric depth is used in metres. Relative kinds have no ratio by
themselves: their values become distances as in the 3-D view, with the near end of the stored range at 1 and the far
end at 4 (`DepthKind.distances`). Their checks can be compared between rows and datasets of the same kind, not with
those of metric labels.

Logarithms of distances are whole numbers, in units of 2 ** -20. Sums of whole numbers do not depend on their order,
so the checks are the same numbers on every machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.depth.spec import DepthSpec, decode_depth
from fgbg_depth.schema import FOREGROUND_ALPHA

REACH_PX = 5  # `nearer` compares pixels this far inside and outside of the outline
CLEARANCE_PX = 10  # `background_drift` looks at pixels that are farther than this from the foreground
GRID_POINTS = 128  # along a side, at most, of the grid of pixels at which `background_drift` looks
# Source of thresholds and weights: Bochkovskii et al. 2024, "Depth Pro" (arXiv 2410.02073), section on boundary
# metrics, and `get_thresholds_and_weights` of its published code: ten ratios, each weighted by itself.
THRESHOLDS = np.linspace(1.05, 1.25, 10)
WEIGHTS = THRESHOLDS / THRESHOLDS.sum()

_UNIT = 2**20  # logarithms are stored in units of its inverse: a relative error of at most 5e-7
_NO_DEPTH = np.iinfo(np.int32).min
# 1 more than rounding gives, so that a ratio of exactly a threshold is never above it: 8-bit labels have many of them
_LOG_THRESHOLDS = np.rint(np.log(THRESHOLDS) * _UNIT).astype(np.int32) + 1
_SCORES = np.concatenate([[0.0], np.cumsum(WEIGHTS)])  # weight of the first n thresholds
_NAN = np.float32(np.nan)


class LabelChecks(NamedTuple):
    """The checks of one label; NaN where a check is not defined.

    Args:
        boundary_recall: 0 to 1. The share of pixel pairs across the outline at which the outer pixel is farther than
            the inner one by more than a factor t, averaged over `THRESHOLDS` with `WEIGHTS`. NaN: no outline in the
            frame has depth on both sides.
        nearer: the median, over the same pairs, of log(distance 5 px outside / distance 5 px inside): 0 where the
            cut-out is as far as what surrounds it, 0.69 where it is half as far, negative where it is farther. NaN: as
            for `boundary_recall`.
        background_drift: the mean of |log(distance / distance in the bare background's label)| over pixels more than
            10 px away from the foreground. NaN: no label of the bare background, or no such pixel.
    """

    boundary_recall: np.float32
    nearer: np.float32
    background_drift: np.float32


@dataclass(frozen=True)
class Outline:
    """Where to look around a cut-out. Made once, by `of`, for all places of a cut-out with the same flip.

    A pair is a foreground pixel and a neighbour (left, right, above or below) that is not foreground; outside of the
    box nothing is foreground.

    Args:
        rows, columns: (4, pairs) int32, in pixels of the box: the pair's inner pixel, its outer pixel, the pixel 5 px
            inside (the inner pixel is the first) and 5 px outside, in the pair's direction. Where the cut-out or the
            gap is thinner than 5 px, its last pixel.
        near: (h + 20, w + 20) bool, of the box and 10 px around it: pixels at most 10 px from the foreground in x and
            in y.
    """

    rows: NDArray[np.int32]
    columns: NDArray[np.int32]
    near: NDArray[np.bool_]

    @classmethod
    def of(cls, alpha: NDArray[np.uint8]) -> Outline:
        """The outline of a cut-out.

        Args:
            alpha: (h, w) uint8 at its placed size, already mirrored if the cut-out is. Foreground is alpha >= 128.
        """
        mask = np.pad(alpha >= FOREGROUND_ALPHA, CLEARANCE_PX)
        width = mask.shape[1]
        flat = mask.ravel()
        steps = (1, -1, width, -width)
        found = [np.flatnonzero(flat & ~np.roll(flat, -step)) for step in steps]  # the margin is empty: no wrap
        inner = np.concatenate(found)
        outward = np.repeat(steps, [len(pixels) for pixels in found])
        outer = inner + outward
        points = (inner, outer, _walk(flat, inner, -outward), _walk(~flat, outer, outward))
        rows, columns = np.divmod(np.stack(points).astype(np.int32), np.int32(width))
        return cls(rows - CLEARANCE_PX, columns - CLEARANCE_PX, _spread(_spread(mask, 0), 1))

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the box."""
        height, width = self.near.shape
        return height - 2 * CLEARANCE_PX, width - 2 * CLEARANCE_PX


def check_label(
    depth: NDArray[np.unsignedinteger],
    background: NDArray[np.unsignedinteger] | None,
    outline: Outline,
    x: int,
    y: int,
    spec: DepthSpec,
) -> LabelChecks:
    """Check the label of one row.

    Pixels without depth (stored value 0) are left out. What lies outside the frame is left out, too; the pixel 5 px
    away is then the last one inside the frame. Source and differences: see `boundary_recall` and `background_drift`.

    Args:
        depth: (H, W) stored values of the row.
        background: (H, W) stored values of the bare background, with the same spec; None if it has no label.
        outline: of the row's cut-out.
        x, y: left and upper edge of the cut-out's box, in pixels of the frame; may be negative.
        spec: what the stored values mean.
    """
    inner, outer, inside, outside = _log_distances_at(depth, outline, x, y, spec)
    return LabelChecks(
        boundary_recall(inner, outer),
        nearer(inside, outside),
        _NAN if background is None else background_drift(depth, background, outline, x, y, spec),
    )


def boundary_recall(inner: NDArray[np.int32], outer: NDArray[np.int32]) -> np.float32:
    """Scale-invariant boundary recall against a matte, from log distances of the pixel pairs across the outline.

    Source: Depth Pro (see `THRESHOLDS`), recall for mattes. Pairs are pooled, as in the paper's formula. The published
    code takes the mean of the recalls of the four directions, and counts a pair only where its ratio is the largest
    of its run of pixels; neither is done here.
    """
    steps = outer - inner
    if not len(steps):
        return _NAN
    passed = np.searchsorted(_LOG_THRESHOLDS, steps)  # how many thresholds are below each step
    counts = np.bincount(passed, minlength=len(_SCORES))
    return np.float32(math.fsum(counts * _SCORES) / len(steps))


def nearer(inside: NDArray[np.int32], outside: NDArray[np.int32]) -> np.float32:
    """Median log ratio of distances, outside over inside; from log distances of pairs of pixels."""
    if not len(inside):
        return _NAN
    steps = np.sort(outside - inside)
    middle = int(steps[(len(steps) - 1) // 2]) + int(steps[len(steps) // 2])
    return np.float32(middle / (2 * _UNIT))


def background_drift(
    depth: NDArray[np.unsignedinteger],
    background: NDArray[np.unsignedinteger],
    outline: Outline,
    x: int,
    y: int,
    spec: DepthSpec,
) -> np.float32:
    """Mean absolute log ratio of distances in the row and in the bare background, away from the cut-out.

    It looks at a fixed grid of pixels, every n-th row and column from 0, with the least n that gives at most 128
    along a side: every second pixel of 224 x 224. Away from the cut-out means more than 10 px from the foreground in
    x or in y. Args and units as in `check_label`.
    """
    n = -(-max(depth.shape) // GRID_POINTS)
    table = _log_distances(spec)
    here, bare = table.take(depth[::n, ::n]), table.take(background[::n, ::n])
    drift = np.abs(here - bare)
    top, left = y - CLEARANCE_PX, x - CLEARANCE_PX
    first_row, first_column = -(-max(top, 0) // n), -(-max(left, 0) // n)
    near = outline.near[first_row * n - top :: n, first_column * n - left :: n]
    covered = drift[first_row : first_row + len(near), first_column : first_column + near.shape[1]]
    near = near[: covered.shape[0], : covered.shape[1]]
    count = drift.size - np.count_nonzero(near)
    covered[near] = 0
    if here.min() == _NO_DEPTH or bare.min() == _NO_DEPTH:
        missing = (here == _NO_DEPTH) | (bare == _NO_DEPTH)
        drift[missing] = 0
        missing[first_row : first_row + len(near), first_column : first_column + near.shape[1]] &= ~near
        count -= np.count_nonzero(missing)
    if not count:
        return _NAN
    return np.float32(int(drift.sum(dtype=np.int64)) / (count * _UNIT))


@lru_cache(maxsize=8)
def _log_distances(spec: DepthSpec) -> NDArray[np.int32]:
    """Logarithm of the distance of each stored value, in units of 2 ** -20; `_NO_DEPTH` where there is none."""
    stored = np.arange(spec.levels + 1, dtype=spec.dtype)[None]
    distances = spec.meaning.distances(decode_depth(stored, spec), spec.low, spec.high)[0].astype(np.float64)
    usable = distances > 0  # not NaN
    logs = np.rint(np.log(np.where(usable, distances, 1)) * _UNIT)
    table = np.where(usable, logs, _NO_DEPTH).astype(np.int32)
    table.flags.writeable = False
    return table


def _log_distances_at(
    depth: NDArray[np.unsignedinteger], outline: Outline, x: int, y: int, spec: DepthSpec
) -> NDArray[np.int32]:
    """(4, n) log distances at the outline's points, of the pairs that are in the frame and have depth."""
    height, width = depth.shape
    rows, columns = outline.rows + np.int32(y), outline.columns + np.int32(x)
    box_height, box_width = outline.shape
    reach = REACH_PX  # of the points beyond the box
    if not (reach <= y <= height - box_height - reach and reach <= x <= width - box_width - reach):
        pair_rows, pair_columns = rows[:2], columns[:2]
        in_frame = (pair_rows >= 0) & (pair_rows < height) & (pair_columns >= 0) & (pair_columns < width)
        kept = in_frame.all(axis=0)
        # the pixels between a pair and its far points lie on a line, so clipping gives the last one in the frame
        rows, columns = rows[:, kept].clip(0, height - 1), columns[:, kept].clip(0, width - 1)
    logs: NDArray[np.int32] = _log_distances(spec).take(depth[rows, columns])
    if logs.size and logs.min() == _NO_DEPTH:
        logs = logs[:, (logs != _NO_DEPTH).all(axis=0)]
    return logs


def _walk(allowed: NDArray[np.bool_], start: NDArray[np.int64], step: NDArray[np.int64]) -> NDArray[np.int64]:
    """The last of up to `REACH_PX` pixels, counted from `start`, while all of them are allowed; flat indices."""
    position, going = start, np.ones(len(start), bool)
    for _ in range(REACH_PX - 1):
        going = going & allowed[position + step]
        position = position + step * going
    return position


def _spread(mask: NDArray[np.bool_], axis: int) -> NDArray[np.bool_]:
    """Pixels with a True pixel at most `CLEARANCE_PX` away along one axis."""
    length = mask.shape[axis]
    before = np.insert(np.cumsum(mask, axis=axis, dtype=np.int32), 0, 0, axis=axis)
    first = np.maximum(np.arange(length) - CLEARANCE_PX, 0)
    last = np.minimum(np.arange(length) + CLEARANCE_PX + 1, length)
    return before.take(last, axis=axis) > before.take(first, axis=axis)
