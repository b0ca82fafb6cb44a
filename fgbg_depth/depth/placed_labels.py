"""Placed labels of the rows of one background: set in, encoded and counted, each at the cost of what changes."""

from __future__ import annotations

import numpy as np

from fgbg_depth.depth.placed import Change, Silhouette, Stored, set_in
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

    def label(self, silhouette: Silhouette, x: int, y: int) -> tuple[Stored, bytes]:
        """The label of one row.

        Args:
            silhouette: of the row's cut-out, with its flip.
            x, y: left and upper edge of the cut-out's box, in pixels; may be negative.
        Returns:
            (H, W) stored values, and the grey PNG of them.
        """
        label = self._background.copy()
        change = set_in(label, silhouette, x, y, self._spec)
        data = self._bands.encode(label, change.top, change.bottom) if change else self._bands.encode(label, 0, 0)
        self._rows += 1
        self._bytes += len(data)
        if change:
            self._changes.append(change)
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
