"""Exact statistics of stored pixels, as sums of integers that can be added over rows, shards and machines."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

HEAT_CELLS = 32  # cells along a side of the placement heat map
COVERAGE_BINS = 50  # of the fraction of the frame that a cut-out covers, 0..1
_LEVELS = np.arange(256)
_FLUSH_ROWS = 2**20  # sums of so many rows of 8-bit values fit into int32
DEPTH_BINS = 4096  # of the stored range; the card shows the used part


@dataclass(frozen=True)
class CountedMatte:
    """The visible part of a matte and its histogram, counted once for all placements that show the same part."""

    alpha: np.ndarray  # (h, w) int32, 0..255; int32 adds to the heat map faster than uint8
    histogram: np.ndarray  # (256,) int64

    @classmethod
    def of(cls, alpha: np.ndarray) -> CountedMatte:
        """Count an (h, w) uint8 matte."""
        return cls(alpha.astype(np.int32), np.bincount(alpha.ravel(), minlength=256))


@dataclass
class DepthSums:
    """Sums over the depth maps of one column: integers, exact over all pixels of the stored values.

    Args:
        top: largest stored value, 65535 or 255.
        sum, sum_squares: of the stored values.
        invalid: pixels with the value 0.
        at_limits: pixels with the value 1 or `top`, which may have been clipped.
        smallest, largest: valid stored values.
        histogram: (DEPTH_BINS,) valid pixels in equal bins of the stored range.
        bytes: of the encoded images.
    """

    top: int
    sum: int = 0
    sum_squares: int = 0
    invalid: int = 0
    at_limits: int = 0
    smallest: int | None = None
    largest: int | None = None
    histogram: np.ndarray = field(default_factory=lambda: np.zeros(DEPTH_BINS, np.int64))
    bytes: int = 0

    def __post_init__(self) -> None:
        self._full = np.zeros(self.top + 1, np.int64)

    def add(self, stored: np.ndarray, num_bytes: int) -> None:
        """Add stored depth values of any shape, uint8 or uint16."""
        self.add_counts(np.bincount(stored.ravel(), minlength=self.top + 1), num_bytes)

    def add_counts(self, counts: np.ndarray, num_bytes: int) -> None:
        """Add (top + 1,) numbers of pixels by stored value."""
        self._full += counts
        self.bytes += num_bytes

    def flush(self) -> None:
        """Add the counts by stored value to the sums and clear them. More may be added afterwards."""
        full, values = self._full, np.flatnonzero(self._full)
        self.invalid += int(full[0])
        self.at_limits += int(full[1] + full[self.top])
        self.sum += sum(int(full[v]) * int(v) for v in values)
        self.sum_squares += sum(int(full[v]) * int(v) ** 2 for v in values)
        valid = values[values > 0]
        if len(valid):
            self.smallest = _known(min, self.smallest, int(valid[0]))
            self.largest = _known(max, self.largest, int(valid[-1]))
            bins = np.minimum((valid - 1) * DEPTH_BINS // self.top, DEPTH_BINS - 1)
            np.add.at(self.histogram, bins, full[valid])
        full[:] = 0

    def merge(self, other: DepthSums) -> None:
        """Add the sums of other rows.

        Raises:
            ValueError: the range of stored values differs.
        """
        if self.top != other.top:
            raise ValueError(f"cannot add sums of depth 0..{other.top} to sums of depth 0..{self.top}")
        self.flush()
        other.flush()
        for name in ("sum", "sum_squares", "invalid", "at_limits", "histogram", "bytes"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.smallest = _known(min, self.smallest, other.smallest)
        self.largest = _known(max, self.largest, other.largest)


def _known(choose: Callable[..., int], *values: int | None) -> int | None:
    known = [value for value in values if value is not None]
    return choose(known) if known else None


@dataclass
class Sums:
    """Sums over rows of the default config. `a.add(b)` gives the same as one pass over the rows of both.

    All are integers, so the order of adding does not matter: histograms of channel values for the 8-bit images; count,
    sum and sum of squares of the stored values for depth. The names of the fields are stored in the shards' footers.
    """

    size: int  # of the frame, in pixels
    depths: dict[str, DepthSums] = field(default_factory=dict)  # by column, of `schema.LABELS`
    rows: int = 0
    rgb_histogram: np.ndarray = field(default_factory=lambda: np.zeros((3, 256), np.int64))
    rgb_bytes: int = 0
    mask_histogram: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    mask_bytes: int = 0
    heat: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.int64))  # sums of alpha by cell
    coverage: np.ndarray = field(default_factory=lambda: np.zeros(COVERAGE_BINS, np.int64))  # rows by bin

    def __post_init__(self) -> None:
        cells = min(HEAT_CELLS, self.size)
        if self.heat.shape != (cells, cells):
            self.heat = np.zeros((cells, cells), np.int64)
        self._heat_full = np.zeros((self.size, self.size), np.int32)

    def emptied(self) -> Sums:
        """Sums of no rows yet, for rows of the same kind."""
        return Sums(self.size, {column: DepthSums(depth.top) for column, depth in self.depths.items()})

    def add_image(self, image: Image.Image, num_bytes: int) -> None:
        """Add one fg_bg as it is stored: decoded from its file, RGB."""
        self.rgb_histogram += np.asarray(image.histogram(), np.int64).reshape(3, 256)
        self.rgb_bytes += num_bytes

    def add_histogram(self, histogram: np.ndarray, num_bytes: int) -> None:
        """Add the (3, 256) histogram of several stored fg_bg."""
        self.rgb_histogram += histogram
        self.rgb_bytes += num_bytes

    def add_mask(self, rows: slice, columns: slice, matte: CountedMatte, num_bytes: int) -> None:
        """Add one fg_bg_mask that is `matte` at [rows, columns] of the frame and 0 elsewhere."""
        self.rows += 1
        self.mask_histogram += matte.histogram
        self.mask_histogram[0] += self.size**2 - matte.alpha.size
        self.mask_bytes += num_bytes
        self._heat_full[rows, columns] += matte.alpha
        if self.rows % _FLUSH_ROWS == 0:
            self.flush()
        covered = int(matte.histogram @ _LEVELS) / (255 * self.size**2)
        self.coverage[min(int(covered * COVERAGE_BINS), COVERAGE_BINS - 1)] += 1

    def flush(self) -> Sums:
        """Add the large working arrays to the small stored ones and clear them. More rows may be added afterwards."""
        edges = np.arange(len(self.heat)) * self.size // len(self.heat)
        full_heat = self._heat_full.astype(np.int64)
        self.heat += np.add.reduceat(np.add.reduceat(full_heat, edges, 0), edges, 1)
        self._heat_full[:] = 0
        for depth in self.depths.values():
            depth.flush()
        return self

    def add(self, other: Sums) -> None:
        """Add the sums of other rows.

        Raises:
            ValueError: the frames differ in size, or the depth in its columns or its range.
        """
        if self.size != other.size or self.depths.keys() != other.depths.keys():
            raise ValueError(
                f"cannot add sums of size {other.size} and columns {sorted(other.depths)} "
                f"to sums of size {self.size} and columns {sorted(self.depths)}"
            )
        self.flush()
        other.flush()
        for name, depth in self.depths.items():
            depth.merge(other.depths[name])
        for name in ("rows", "rgb_histogram", "rgb_bytes", "mask_histogram", "mask_bytes", "heat", "coverage"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def take_images(self, other: Sums) -> None:
        """Add the sums of other rows, without their depth."""
        self.add(dataclasses.replace(other, depths={name: DepthSums(d.top) for name, d in self.depths.items()}))

    def to_dict(self) -> dict[str, Any]:
        """The fields as integers and lists, for JSON."""
        self.flush()
        return {**_plain(self), "depths": {name: _plain(depth) for name, depth in self.depths.items()}}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Sums:
        """The inverse of `to_dict`."""
        depths = {name: DepthSums(**_arrays(depth)) for name, depth in values["depths"].items()}
        return cls(**_arrays(values) | {"depths": depths})


def _plain(sums: Sums | DepthSums) -> dict[str, Any]:
    """The fields as JSON types."""
    fields = {name: getattr(sums, name) for name in sums.__dataclass_fields__}
    return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in fields.items()}


def _arrays(values: dict[str, Any]) -> dict[str, Any]:
    """Lists of numbers as arrays."""
    return {k: np.array(v, np.int64) if isinstance(v, list) else v for k, v in values.items()}


def histogram_moments(histogram: np.ndarray) -> tuple[float, float]:
    """Mean and population standard deviation of 8-bit values, scaled to [0, 1], from their (256,) histogram."""
    levels = range(256)
    counts = [int(c) for c in histogram]
    total = sum(c * v for c, v in zip(counts, levels, strict=True))
    squares = sum(c * v * v for c, v in zip(counts, levels, strict=True))
    return moments(sum(counts), total, squares, 255)


def moments(count: int, total: int, squares: int, top: int) -> tuple[float, float]:
    """Mean and population standard deviation of integers in 0..top, scaled to [0, 1].

    The numerator of the variance, n*sum(v^2) - sum(v)^2, is an exact integer, so no digits cancel.

    Args:
        count, total, squares: number, sum and sum of squares of the values.
    Returns:
        mean and standard deviation; (0, 0) without values.
    """
    if count == 0:
        return 0.0, 0.0
    variance = (count * squares - total**2) / (count * top) ** 2
    return total / (count * top), math.sqrt(variance)
