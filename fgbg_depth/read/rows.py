"""Rows of shards by number: only the row group and the columns that are needed are read, and kept for a while."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from fgbg_depth import schema
from fgbg_depth.read.files import DatasetFiles
from fgbg_depth.read.parquet import find_row

CACHE_BYTES = 128 * 2**20  # of row groups; a row group of 100 rows at 224 x 224 with depth takes about 9 MB
_NUM_FOOTERS = 128  # a parsed footer of 40 row groups takes about 0.5 MB
_IMAGES = frozenset(schema.image_columns(extras=schema.EXTRAS)) | frozenset(
    schema.image_columns("preview", extras=schema.EXTRAS)
)

T = TypeVar("T")


@dataclass(frozen=True)
class StoredRow:
    """One row of the default config as it is stored.

    Args:
        index: number of the row in its split, counted from 0 over the split's shards in the order of their names.
        shard, shard_row: path of the file that contains the row, and the row's number in it.
        facts: values of the columns that hold no image, by column (`schema.fact_columns`).
        images: encoded bytes of the requested image columns, by column; columns that the dataset lacks are left out.
    """

    split: str
    index: int
    shard: str
    shard_row: int
    facts: dict[str, Any]
    images: dict[str, bytes] = field(repr=False)

    @property
    def address(self) -> str:
        """Split and index, as links of the app have it: "train/12"."""
        return f"{self.split}/{self.index}"


class Cache(Generic[T]):
    """The values that were used last, up to a total size. Safe to share between threads.

    Args:
        limit: total size; the value used last is kept even if it is larger.
        size_of: size of a value; default: 1, so that `limit` is a number of values.
    """

    def __init__(self, limit: int, size_of: Callable[[T], int] = lambda value: 1) -> None:
        self._limit, self._size_of, self._total = limit, size_of, 0
        self._values: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of `key`; `make` computes it if it is not in the cache."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()  # without the lock: two threads may compute the same value, but none waits for another's
        with self._lock:
            if key not in self._values:
                self._values[key] = value
                self._total += self._size_of(value)
            while self._total > self._limit and len(self._values) > 1:
                self._total -= self._size_of(self._values.popitem(last=False)[1])
        return value


class RowReader:
    """Reads rows of shards by number. Keeps the footers and row groups that were used last.

    Args:
        cache_bytes: memory for row groups.
    """

    def __init__(self, files: DatasetFiles, cache_bytes: int = CACHE_BYTES) -> None:
        self._files = files
        self._footers: Cache[pq.FileMetaData] = Cache(_NUM_FOOTERS)
        self._tables: Cache[pa.Table] = Cache(cache_bytes, lambda table: table.nbytes)

    def read(self, shard: str, row: int, columns: Sequence[str] | None = None) -> dict[str, Any]:
        """Values of one row by column, images as their encoded bytes.

        Args:
            shard: path inside the dataset.
            row: number of the row in the shard.
            columns: default: all; columns that the shard lacks are left out.
        Raises:
            ShardError: the shard has no such row.
            OutputError, HubError: the shard is missing or cannot be read.
        """
        footer = self._footers.get(shard, lambda: self._files.read_footer(shard))
        present = footer.schema.to_arrow_schema().names
        chosen = present if columns is None else [name for name in columns if name in present]
        if not chosen:
            return {}
        group, row_in_group = find_row(footer, row, shard)
        facts = tuple(name for name in chosen if name not in _IMAGES)
        values: dict[str, Any] = {}
        if facts:
            values |= self._table(shard, footer, group, facts).slice(row_in_group, 1).to_pylist()[0]
        for name in chosen:
            if name in _IMAGES:  # each alone, so that a page of small images does not read the large ones
                values[name] = self._table(shard, footer, group, (name,))[name][row_in_group].as_py()["bytes"]
        return values

    def _table(self, shard: str, footer: pq.FileMetaData, group: int, columns: tuple[str, ...]) -> pa.Table:
        return self._tables.get(
            (shard, group, *columns), lambda: self._files.read_row_groups(shard, footer, [group], columns)
        )
