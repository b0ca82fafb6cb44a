"""Which rows of a shard match a filter. Only columns without images are read for that."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from PIL import Image

from fgbg_depth import schema

# A shard has one background, so its column `bg` needs no array. Lists of objects are read with the row that is shown.
FILTER_COLUMNS = tuple(
    column.name
    for column in schema.columns(extras=schema.EXTRAS)
    if column.type not in ("image", "objects") and column.name != "bg"
)
_ALL = (0.0, 1.0)


@dataclass(frozen=True)
class Filter:
    """Conditions that rows must meet; None: no condition.

    Args:
        coverage: (lowest, highest) share of the frame that the mask covers, 0 to 1, both ends included.
        ranges: (column of numbers, lowest, highest), both ends included. A row without a value (NaN) does not match.
        texts: (column of texts, text), such as ("fg_class", "dog").
    """

    split: str | None = None
    bg: str | None = None
    fg: str | None = None
    flip: bool | None = None
    coverage: tuple[float, float] = _ALL
    ranges: tuple[tuple[str, float, float], ...] = ()
    texts: tuple[tuple[str, str], ...] = ()

    @property
    def looks_at_rows(self) -> bool:
        """Whether rows of one shard can differ. A shard has one split and one background."""
        return bool(self.fg is not None or self.flip is not None or self.coverage != _ALL or self.ranges or self.texts)

    @property
    def all_ranges(self) -> tuple[tuple[str, float, float], ...]:
        """`ranges`, and the condition on coverage if there is one."""
        return self.ranges if self.coverage == _ALL else (("coverage", *self.coverage), *self.ranges)


@dataclass(frozen=True)
class ShardFacts:
    """The columns of a shard that hold no image, as arrays: 25 bytes a row.

    Args:
        columns: (rows,) arrays by column; texts as positions in `texts`.
        texts: the different texts of each text column.
    """

    columns: Mapping[str, NDArray[Any]]
    texts: Mapping[str, tuple[str, ...]]

    @classmethod
    def from_table(cls, table: pa.Table) -> ShardFacts:
        columns: dict[str, NDArray[Any]] = {}
        texts: dict[str, tuple[str, ...]] = {}
        for name in table.column_names:
            column = table[name].combine_chunks()
            if pa.types.is_string(column.type):
                encoded = pc.dictionary_encode(column)
                texts[name] = tuple(encoded.dictionary.to_pylist())
                column = encoded.indices
            columns[name] = column.to_numpy(zero_copy_only=False)
        return cls(columns, texts)

    def row(self, row: int) -> dict[str, Any]:
        """Values of one row by column, as Python's types."""
        return {
            name: self.texts[name][column[row]] if name in self.texts else column[row].tolist()
            for name, column in self.columns.items()
        }

    def matches(self, row_filter: Filter, values: Callable[[str], NDArray[Any]]) -> NDArray[np.int32]:
        """Numbers of the rows that match, increasing.

        Args:
            values: (rows,) values of a column of numbers; called only for columns that the filter has a condition on.
        """
        match = np.ones(len(self.columns["fg"]), bool)
        if row_filter.fg is not None:
            match &= self.columns["fg"] == self._position("fg", row_filter.fg)
        if row_filter.flip is not None:
            match &= self.columns["flip"] == row_filter.flip
        for column, text in row_filter.texts:
            match &= self.columns[column] == self._position(column, text)
        for column, lowest, highest in row_filter.all_ranges:
            found = values(column)
            match &= (found >= lowest) & (found <= highest)
        return np.flatnonzero(match).astype(np.int32)

    def _position(self, column: str, text: str) -> int:
        texts = self.texts[column]
        return texts.index(text) if text in texts else -1


class Coverage:
    """Computes which share of the frame a placed cut-out covers, from the cut-outs' alpha alone.

    A summed-area table of each cut-out gives the visible alpha of any clipped box with four look-ups, so that
    400,000 rows take a fraction of a second and no mask is decoded.

    Args:
        masks: (name, 8-bit grey PNG of the alpha) of each cut-out.
        frame: (height, width) of composites in pixels.
    Source: Crow 1984, "Summed-area tables for texture mapping".
    """

    def __init__(self, masks: Iterable[tuple[str, bytes]], frame: tuple[int, int]) -> None:
        self._frame = frame
        self._sums: dict[str, NDArray[np.int64]] = {}
        for name, data in masks:
            alpha = np.asarray(Image.open(io.BytesIO(data)).convert("L"), np.int64)
            self._sums[name] = np.pad(alpha.cumsum(0).cumsum(1), ((1, 0), (1, 0)))

    def shares(self, facts: ShardFacts) -> NDArray[np.float32]:
        """(rows,) float32, 0 to 1: the mean of each row's mask / 255; 0 for cut-outs that have no mask."""
        height, width = self._frame
        share = np.zeros(len(facts.columns["fg"]), np.float32)
        for position, name in enumerate(facts.texts["fg"]):
            if name not in self._sums:
                continue
            sums = self._sums[name]
            rows = np.flatnonzero(facts.columns["fg"] == position)
            x, y, w, h = (facts.columns[key][rows].astype(np.int64) for key in ("x", "y", "width", "height"))
            left, right = np.clip(-x, 0, w), np.clip(width - x, 0, w)
            top, bottom = np.clip(-y, 0, h), np.clip(height - y, 0, h)
            mirrored = facts.columns["flip"][rows]
            left, right = np.where(mirrored, w - right, left), np.where(mirrored, w - left, right)
            last = sums.shape[1] - 1
            left, right = left.clip(0, last), right.clip(0, last)
            last = sums.shape[0] - 1
            top, bottom = top.clip(0, last), bottom.clip(0, last)
            area = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
            share[rows] = area / (255.0 * height * width)
        return share
