"""Sums over rows of the default config, as integers that can be added over rows, shards and machines."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from fgbg_depth.statistics.column_sums import ColumnSums
from fgbg_depth.statistics.depth_sums import DepthSums

HEAT_CELLS = 32  # cells along a side of the placement heat map
COVERAGE_BINS = 50  # of the fraction of the frame that a cut-out covers, 0..1
_LEVELS = np.arange(256)
_FLUSH_ROWS = 2**20  # sums of so many rows of 8-bit values fit into int32


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
    columns: dict[str, ColumnSums] = field(default_factory=dict)  # of columns of numbers that have a histogram
    texts: dict[str, dict[str, int]] = field(
        default_factory=dict
    )  # rows by value, of columns of texts that are counted

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

    def add_pixels(self, pixels: np.ndarray, num_bytes: int) -> None:
        """Add one fg_bg as it is stored: decoded from its file, (H, W, 3) uint8."""
        self.add_image(Image.fromarray(pixels), num_bytes)  # Pillow counts in half of numpy's time

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

    def add_values(self, column: str, ends: tuple[float, float], values: ArrayLike) -> None:
        """Add values of a column of numbers, one for each row; NaN where there is none.

        Args:
            ends: of the column's histogram (`schema.Column.histogram`).
        """
        self.columns.setdefault(column, ColumnSums(*ends)).add_values(values)

    def add_texts(self, column: str, values: Iterable[str]) -> None:
        """Add values of a column of texts, one for each row."""
        counts = self.texts.setdefault(column, {})
        for value in values:
            counts[value] = counts.get(value, 0) + 1

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
        for name, depth in other.depths.items():
            self.depths[name].add_sums(depth)
        self._add_columns(other.columns)
        self._add_images(other)

    def reuse(self, other: Sums, depths: Collection[str], columns: Collection[str]) -> None:
        """Add the sums of other rows, but only those of their images and of some columns of depth and numbers."""
        for name in depths:
            self.depths[name].add_sums(other.depths[name])
        self._add_columns({name: other.columns[name] for name in columns if name in other.columns})
        self._add_images(other)

    def _add_columns(self, columns: Mapping[str, ColumnSums]) -> None:
        for name, sums in columns.items():
            self.columns.setdefault(name, ColumnSums(sums.low, sums.high)).add(sums)

    def _add_images(self, other: Sums) -> None:
        for name in ("rows", "rgb_histogram", "rgb_bytes", "mask_histogram", "mask_bytes", "heat", "coverage"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for column, counts in other.texts.items():
            own = self.texts.setdefault(column, {})
            for value, number in counts.items():
                own[value] = own.get(value, 0) + number

    def to_dict(self) -> dict[str, Any]:
        """The fields as integers and lists, for JSON."""
        self.flush()
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        plain = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in fields.items()}
        plain["depths"] = {name: sums.to_dict() for name, sums in self.depths.items()}
        plain["columns"] = {name: sums.to_dict() for name, sums in self.columns.items()}
        plain["texts"] = {name: dict(sorted(counts.items())) for name, counts in self.texts.items()}
        if not self.texts:
            del plain["texts"]
        return plain

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Sums:
        """The inverse of `to_dict`."""
        loaded: dict[str, Any] = {k: np.array(v, np.int64) if isinstance(v, list) else v for k, v in values.items()}
        loaded["depths"] = {name: DepthSums.from_dict(sums) for name, sums in values["depths"].items()}
        loaded["columns"] = {name: ColumnSums.from_dict(sums) for name, sums in values["columns"].items()}
        return cls(**loaded)
