"""Sums over the values of one column of numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

COLUMN_BINS = 201  # of a column of numbers: the values are rounded to 201 steps from the low to the high end
_COLUMN_UNIT = 2**32  # sums of numbers are in units of its inverse


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
        return round(self.low + position * (self.high - self.low) / (COLUMN_BINS - 1), 10)

    def to_dict(self) -> dict[str, Any]:
        """The fields as numbers and lists, for JSON."""
        return {**self.__dict__, "histogram": self.histogram.tolist()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ColumnSums:
        """The inverse of `to_dict`."""
        return cls(**{**values, "histogram": np.array(values["histogram"], np.int64)})
