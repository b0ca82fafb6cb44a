"""Placed labels of the rows of one background: set in, encoded and counted, each at the cost of what changes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fgbg_depth.depth.placed import Change, Silhouette, Stored, set_in_all
from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.render.png_bands import BandedDepth
from fgbg_depth.statistics import DepthSums

_COUNT_ROWS = 128  # rows whose changed pixels are kept before they are counted, about 10 kB each


class PlacedLabels:
    """Placed labels of one background.

    Args:
        background: (H, W) uint16 or uint8, its own label as stored.
        spec: of the label.
        sums: the labels' values are added to it, when `flush` is called and every few rows.
    """

    def __init__(self, background: Stored, spec: DepthSpec, sums: DepthSums) -> None:
        self._background, self._spec, self._sums = background, spec, sums
        self._bands = BandedDepth(background)
        self._counts = np.bincount(background.ravel(), minlength=sums.top + 1)
        self._changes: list[Change] = []
        self._rows = self._bytes = 0

    def label(self, cutouts: Sequence[tuple[Silhouette, int, int]]) -> tuple[Stored, bytes]:
        """The label of one row.

        Args:
            cutouts: of the row, farthest first: silhouette with its flip, and left and upper edge of its box in
                pixels, which may be negative.
        Returns:
            (H, W) stored values, and the grey PNG of them.
        """
        label = self._background.copy()
        changes = set_in_all(label, cutouts, self._spec)
        top = min((change.top for change in changes), default=0)
        bottom = max((change.bottom for change in changes), default=0)
        data = self._bands.encode(label, top, bottom)
        self._rows += 1
        self._bytes += len(data)
        self._changes += changes
        if self._rows == _COUNT_ROWS:
            self.flush()
        return label, data

    def flush(self) -> None:
        """Add what was labelled to the sums."""
        counts = self._rows * self._counts
        if self._changes:
            length = len(counts)
            counts += np.bincount(np.concatenate([c.after for c in self._changes]), minlength=length)
            counts -= np.bincount(np.concatenate([c.before for c in self._changes]), minlength=length)
        self._sums.add_counts(counts, self._bytes)
        self._changes, self._rows, self._bytes = [], 0, 0
