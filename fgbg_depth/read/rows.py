"""Rows by number, out of the one row group that holds each; only the columns that were asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from fgbg_depth.errors import ShardError
from fgbg_depth.read.files import Files

IMAGE_COLUMNS = ("fg_bg", "fg_bg_mask", "fg_bg_depth")
FACTS = ("bg", "fg", "flip", "placement", "x", "y", "width", "height")
CACHE_BYTES = 128 * 2**20  # of row groups: a reference row group (100 rows at 224 x 224) is about 9 MB
NUM_FOOTERS = 128  # a parsed footer of 40 row groups takes about half a megabyte

T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """One row: what it says and the stored bytes of the pictures that were asked for."""

    split: str
    index: int  # in its split, counted over the shards in the order of their names
    shard: str
    shard_row: int
    facts: dict[str, Any]  # bg, fg, flip, placement, x, y, width, height
    images: dict[str, bytes] = field(repr=False)

    @property
    def address(self) -> str:
        """What the app's links call this row: "train/12"."""
        return f"{self.split}/{self.index}"


class Cache(Generic[T]):
    """The last used values, up to a total size. Safe to share between threads."""

    def __init__(self, limit: int, size_of: Callable[[T], int] = lambda value: 1) -> None:
        self._limit, self._size_of, self._total = limit, size_of, 0
        self._values: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()  # two threads may both make it; that is cheaper than all waiting for one
        with self._lock:
            if key not in self._values:
                self._values[key] = value
                self._total += self._size_of(value)
            while self._total > self._limit and len(self._values) > 1:
                self._total -= self._size_of(self._values.popitem(last=False)[1])
        return value


class RowReader:
    """Reads rows of shards; keeps the footers and row groups that were used last."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._footers: Cache[pq.FileMetaData] = Cache(NUM_FOOTERS)
        self._tables: Cache[pa.Table] = Cache(CACHE_BYTES, lambda table: table.nbytes)

    def footer(self, shard: str) -> pq.FileMetaData:
        """The shard's footer."""
        return self._footers.get(shard, lambda: self._files.read_footer(shard))

    def row_group(self, shard: str, shard_row: int) -> tuple[int, int]:
        """(row group, row in it) of a shard's row."""
        footer = self.footer(shard)
        left = shard_row
        for index in range(footer.num_row_groups):
            rows = footer.row_group(index).num_rows
            if left < rows:
                return index, left
            left -= rows
        raise ShardError(f"{shard} has {footer.num_rows} rows; row {shard_row} was asked for.")

    def read(self, shard: str, shard_row: int, columns: Sequence[str]) -> dict[str, Any]:
        """The row's values; pictures as their stored bytes. Columns that the shard lacks are left out."""
        if not columns:
            return {}
        group, at = self.row_group(shard, shard_row)
        present = set(self.footer(shard).schema.to_arrow_schema().names)
        small = [key for key in columns if key in present and key not in IMAGE_COLUMNS]
        values: dict[str, Any] = {}
        if small:
            values |= self._table(shard, group, small).slice(at, 1).to_pylist()[0]
        for key in columns:
            if key in present and key in IMAGE_COLUMNS:
                values[key] = self._table(shard, group, [key])[key][at].as_py()["bytes"]
        return values

    def small_columns(self, shard: str, columns: list[str]) -> pa.Table:
        """These columns of the whole shard. Neither it nor its footer is kept: all shards are read once."""
        footer = self._files.read_footer(shard)
        return self._files.read_table(shard, footer, list(range(footer.num_row_groups)), columns)

    def _table(self, shard: str, group: int, columns: list[str]) -> pa.Table:
        def make() -> pa.Table:
            return self._files.read_table(shard, self.footer(shard), [group], columns)

        return self._tables.get((shard, group, *columns), make)
