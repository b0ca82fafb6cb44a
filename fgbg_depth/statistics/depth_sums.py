"""Sums over the depth maps of one column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

DEPTH_BINS = 4096  # of the stored range; the card shows the used part


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

    def add_sums(self, other: DepthSums) -> None:
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

    def to_dict(self) -> dict[str, Any]:
        """The fields as integers and lists, for JSON."""
        self.flush()
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**fields, "histogram": self.histogram.tolist()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> DepthSums:
        """The inverse of `to_dict`."""
        return cls(**{**values, "histogram": np.array(values["histogram"], np.int64)})


def _known(choose: Callable[..., int], *values: int | None) -> int | None:
    known = [value for value in values if value is not None]
    return choose(known) if known else None
