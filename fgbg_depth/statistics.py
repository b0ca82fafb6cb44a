"""Exact statistics of stored pixels, as integer sums that add up over rows, shards and machines."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

HEAT_CELLS = 32  # the placement heat map has this many cells a side
COVERAGE_BINS = 50
_LEVELS = np.arange(256)
_SETTLE_ROWS = 2**20  # 255 times as much fits into 32 bits
DEPTH_BINS = 4096  # of the stored range; the card shows the part of them that is used


@dataclass(frozen=True)
class Matte:
    """The visible part of a matte with what is counted of it, since most placements show all of a cut-out."""

    part: np.ndarray  # (h, w) uint8
    wide: np.ndarray  # the same as int32, which adds up faster
    histogram: np.ndarray  # (256,) int64

    @classmethod
    def of(cls, part: np.ndarray) -> Matte:
        return cls(part, part.astype(np.int32), np.bincount(part.ravel(), minlength=256))


@dataclass
class Sums:
    """What is known of some rows of the default config. `a.add(b)` is the same as one pass over both.

    All are integers, so nothing depends on the order of adding: histograms of channel values for the
    8-bit images; count, sum and sum of squares of stored values for depth.
    """

    size: int
    depth_top: int = 0  # largest stored value of a depth: 65535 or 255; 0 without depth
    rows: int = 0
    rgb_histogram: np.ndarray = field(default_factory=lambda: np.zeros((3, 256), np.int64))
    rgb_bytes: int = 0
    mask_histogram: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    mask_bytes: int = 0
    heat: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    coverage: np.ndarray = field(default_factory=lambda: np.zeros(COVERAGE_BINS, np.int64))
    depth_sum: int = 0
    depth_sum_squares: int = 0
    depth_invalid: int = 0
    depth_at_limits: int = 0  # stored as the least or the largest value, so perhaps clipped to it
    depth_min: int | None = None
    depth_max: int | None = None
    depth_histogram: np.ndarray = field(default_factory=lambda: np.zeros(DEPTH_BINS, np.int64))
    depth_bytes: int = 0

    def __post_init__(self) -> None:
        cells = min(HEAT_CELLS, self.size)
        if self.heat.shape != (cells, cells):
            self.heat = np.zeros((cells, cells), np.int64)
        self._heat_full = np.zeros((self.size, self.size), np.int32)
        self._depth_full = np.zeros(65536, np.int64)

    def add_image(self, image: Image.Image, num_bytes: int) -> None:
        """Add one *stored* fg_bg, decoded to RGB."""
        self.rgb_histogram += np.asarray(image.histogram(), np.int64).reshape(3, 256)
        self.rgb_bytes += num_bytes

    def add_histogram(self, histogram: np.ndarray, num_bytes: int) -> None:
        """Add the (3, 256) histogram of some stored fg_bg."""
        self.rgb_histogram += histogram
        self.rgb_bytes += num_bytes

    def add_mask(self, rows: slice, columns: slice, matte: Matte, num_bytes: int) -> None:
        """Add one matte that is `matte` at [rows, columns] of the frame and 0 elsewhere."""
        self.rows += 1
        self.mask_histogram += matte.histogram
        self.mask_histogram[0] += self.size**2 - matte.part.size
        self.mask_bytes += num_bytes
        self._heat_full[rows, columns] += matte.wide
        if self.rows % _SETTLE_ROWS == 0:
            self.settle()
        covered = int(matte.histogram @ _LEVELS) / (255 * self.size**2)
        self.coverage[min(int(covered * COVERAGE_BINS), COVERAGE_BINS - 1)] += 1

    def add_depth(self, stored: np.ndarray, num_bytes: int) -> None:
        """Add stored depth values of any shape, uint8 or uint16."""
        self._depth_full += np.bincount(stored.ravel(), minlength=65536)
        self.depth_bytes += num_bytes

    def settle(self) -> Sums:
        """Fold the working arrays into the small ones that are stored. Adding may go on afterwards."""
        edges = np.arange(len(self.heat)) * self.size // len(self.heat)
        full_heat = self._heat_full.astype(np.int64)
        self.heat += np.add.reduceat(np.add.reduceat(full_heat, edges, 0), edges, 1)
        self._heat_full[:] = 0
        full, values = self._depth_full, np.flatnonzero(self._depth_full)
        self.depth_invalid += int(full[0])
        self.depth_at_limits += int(full[1] + full[self.depth_top]) if self.depth_top else 0
        self.depth_sum += sum(int(full[v]) * int(v) for v in values)
        self.depth_sum_squares += sum(int(full[v]) * int(v) ** 2 for v in values)
        valid = values[values > 0]
        if len(valid):
            self.depth_min = min(filter(None, (self.depth_min, int(valid[0]))))
            self.depth_max = max(filter(None, (self.depth_max, int(valid[-1]))))
            bins = np.minimum((valid - 1) * DEPTH_BINS // self.depth_top, DEPTH_BINS - 1)
            np.add.at(self.depth_histogram, bins, full[valid])
        full[:] = 0
        return self

    def add(self, other: Sums) -> None:
        """Add what `other` counted; both must describe the same size and the same depth range."""
        if (self.size, self.depth_top) != (other.size, other.depth_top):
            raise ValueError(f"sums of {other.size}, {other.depth_top} do not add to {self.size}, {self.depth_top}")
        self.settle()
        other.settle()
        for name, value in other._stored().items():
            if name in ("depth_min", "depth_max"):
                known = [v for v in (getattr(self, name), value) if v is not None]
                setattr(self, name, (min if name == "depth_min" else max)(known) if known else None)
            elif name not in ("size", "depth_top"):
                setattr(self, name, getattr(self, name) + value)

    def _stored(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON integers and lists."""
        stored = self.settle()._stored()
        return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in stored.items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Sums:
        loaded: dict[str, Any] = {k: np.array(v, np.int64) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**loaded)


def histogram_moments(histogram: np.ndarray) -> tuple[float, float]:
    """Mean and population standard deviation on [0, 1] of 8-bit values, from their (256,) histogram."""
    levels = range(256)
    counts = [int(c) for c in histogram]
    total = sum(c * v for c, v in zip(counts, levels, strict=True))
    squares = sum(c * v * v for c, v in zip(counts, levels, strict=True))
    return moments(sum(counts), total, squares, 255)


def moments(count: int, total: int, squares: int, top: int) -> tuple[float, float]:
    """Mean and population standard deviation of integers on [0, top], scaled to [0, 1].

    The variance's numerator, n*sum(v^2) - sum(v)^2, is an exact integer, so nothing cancels.
    """
    if count == 0:
        return 0.0, 0.0
    variance = (count * squares - total**2) / (count * top) ** 2
    return total / (count * top), math.sqrt(variance)
