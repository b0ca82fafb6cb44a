"""Exact statistics of stored pixels and numbers, as sums that can be added over rows, shards and machines."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

HEAT_CELLS = 32  # cells along a side of the placement heat map
COVERAGE_BINS = 50  # of the fraction of the frame that a cut-out covers, 0..1
_LEVELS = np.arange(256)
_FLUSH_ROWS = 2**20  # sums of so many rows of 8-bit values fit into int32
DEPTH_BINS = 4096  # of the stored range; the card shows the used part
COLUMN_BINS = 201  # of a column of numbers: the values are rounded to 201 steps from the low to the high end
_COLUMN_UNIT = 2**32  # sums of numbers are in units of its inverse


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
class ColumnSums:
    """Sums over the values of one column of numbers. `a.add(b)` gives the same as one pass over the values of both.

    Bin i of the histogram counts the values nearest to low + i * (high - low) / 200, so that both ends are exact;
    values beyond an end are counted at that end. NaN, and what is not finite, is counted as missing and nowhere else.

    Args:
        low, high: ends of the histogram, as `schema.Column.histogram` states them.
        count, missing: number of values and of NaN.
        total: sum of the values, each rounded to a multiple of 2 ** -32, in units of 2 ** -32.
        least, greatest: of the values; None without values.
    """

    low: float
    high: float
    count: int = 0
    missing: int = 0
    total: int = 0
    least: float | None = None
    greatest: float | None = None
    histogram: np.ndarray = field(default_factory=lambda: np.zeros(COLUMN_BINS, np.int64))

    def add_values(self, values: ArrayLike) -> None:
        """Add values: float, any shape."""
        v = np.asarray(values, np.float64).ravel()
        finite = v[np.isfinite(v)]
        self.missing += len(v) - len(finite)
        if not len(finite):
            return
        self.count += len(finite)
        self.total += sum(map(int, np.rint(finite * _COLUMN_UNIT)))  # Python's integers do not overflow
        self._extend(float(finite.min()), float(finite.max()))
        bins = np.rint((finite - self.low) / (self.high - self.low) * (COLUMN_BINS - 1)).clip(0, COLUMN_BINS - 1)
        self.histogram += np.bincount(bins.astype(np.int64), minlength=COLUMN_BINS)

    def add(self, other: ColumnSums) -> None:
        """Add the sums of other values.

        Raises:
            ValueError: the histograms have other ends.
        """
        if (self.low, self.high) != (other.low, other.high):
            raise ValueError(
                f"cannot add a histogram over {other.low}..{other.high} to one over {self.low}..{self.high}"
            )
        self.count += other.count
        self.missing += other.missing
        self.total += other.total
        if other.least is not None and other.greatest is not None:
            self._extend(other.least, other.greatest)
        self.histogram = self.histogram + other.histogram

    def _extend(self, least: float, greatest: float) -> None:
        self.least = least if self.least is None else min(self.least, least)
        self.greatest = greatest if self.greatest is None else max(self.greatest, greatest)

    @property
    def mean(self) -> float | None:
        """Mean of the values; None without values."""
        return self.total / (self.count * _COLUMN_UNIT) if self.count else None

    def quantile(self, share: float) -> float | None:
        """The least step of the histogram at or below which lie at least `share` of the values; None without values.

        Args:
            share: 0 to 1; 0.5 is the median. The result is within half a step, (high - low) / 400, of the true value
                for values between low and high.
        """
        if not self.count:
            return None
        needed = max(math.ceil(share * self.count - 1e-9), 1)
        position = int(np.searchsorted(np.cumsum(self.histogram), needed))
        return self.low + position * (self.high - self.low) / (COLUMN_BINS - 1)

    def to_dict(self) -> dict[str, Any]:
        """The fields as numbers and lists, for JSON."""
        return {**self.__dict__, "histogram": self.histogram.tolist()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ColumnSums:
        """The inverse of `to_dict`."""
        return cls(**{**values, "histogram": np.array(values["histogram"], np.int64)})


@dataclass
class Sums:
    """Sums over rows of the default config. `a.add(b)` gives the same as one pass over the rows of both.

    All are integers, or least and greatest values, so the order of adding does not matter: histograms of channel values
    for the 8-bit images; count, sum and sum of squares of the stored values for depth; `ColumnSums` for columns of
    numbers. The names of the fields are stored in the shards' footers.
    """

    size: int  # of the frame, in pixels
    depth_top: int = 0  # largest stored value of a depth: 65535 or 255; 0 without depth
    rows: int = 0
    rgb_histogram: np.ndarray = field(default_factory=lambda: np.zeros((3, 256), np.int64))
    rgb_bytes: int = 0
    mask_histogram: np.ndarray = field(default_factory=lambda: np.zeros(256, np.int64))
    mask_bytes: int = 0
    heat: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.int64))  # sums of alpha by cell
    coverage: np.ndarray = field(default_factory=lambda: np.zeros(COVERAGE_BINS, np.int64))  # rows by bin
    depth_sum: int = 0
    depth_sum_squares: int = 0
    depth_invalid: int = 0  # pixels with the value 0
    depth_at_limits: int = 0  # pixels with the value 1 or depth_top, which may have been clipped
    depth_min: int | None = None
    depth_max: int | None = None
    depth_histogram: np.ndarray = field(default_factory=lambda: np.zeros(DEPTH_BINS, np.int64))
    depth_bytes: int = 0
    columns: dict[str, ColumnSums] = field(default_factory=dict)  # of columns of numbers that have a histogram

    def __post_init__(self) -> None:
        cells = min(HEAT_CELLS, self.size)
        if self.heat.shape != (cells, cells):
            self.heat = np.zeros((cells, cells), np.int64)
        self._heat_full = np.zeros((self.size, self.size), np.int32)
        self._depth_full = np.zeros(65536, np.int64)

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

    def add_depth(self, stored: np.ndarray, num_bytes: int) -> None:
        """Add stored depth values of any shape, uint8 or uint16."""
        self._depth_full += np.bincount(stored.ravel(), minlength=65536)
        self.depth_bytes += num_bytes

    def add_values(self, column: str, ends: tuple[float, float], values: ArrayLike) -> None:
        """Add values of a column of numbers, one for each row; NaN where there is none.

        Args:
            ends: of the column's histogram (`schema.Column.histogram`).
        """
        self.columns.setdefault(column, ColumnSums(*ends)).add_values(values)

    def flush(self) -> Sums:
        """Add the large working arrays to the small stored ones and clear them. More rows may be added afterwards."""
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
        """Add the sums of other rows.

        Raises:
            ValueError: the frames differ in size, or the depth in its range.
        """
        if (self.size, self.depth_top) != (other.size, other.depth_top):
            raise ValueError(
                f"cannot add sums of size {other.size} and depth range 0..{other.depth_top} "
                f"to sums of size {self.size} and depth range 0..{self.depth_top}"
            )
        self.flush()
        other.flush()
        for name, value in other._fields().items():
            if name in ("depth_min", "depth_max"):
                known = [v for v in (getattr(self, name), value) if v is not None]
                setattr(self, name, (min if name == "depth_min" else max)(known) if known else None)
            elif name == "columns":
                for column, sums in other.columns.items():
                    self.columns.setdefault(column, ColumnSums(sums.low, sums.high)).add(sums)
            elif name not in ("size", "depth_top"):
                setattr(self, name, getattr(self, name) + value)

    def _fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def to_dict(self) -> dict[str, Any]:
        """The fields as integers and lists, for JSON."""
        fields = self.flush()._fields()
        columns = {name: sums.to_dict() for name, sums in fields.pop("columns").items()}
        plain = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in fields.items()}
        return plain | ({"columns": columns} if columns else {})

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Sums:
        """The inverse of `to_dict`."""
        loaded: dict[str, Any] = {k: np.array(v, np.int64) if isinstance(v, list) else v for k, v in values.items()}
        loaded["columns"] = {name: ColumnSums.from_dict(sums) for name, sums in values.get("columns", {}).items()}
        return cls(**loaded)


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
