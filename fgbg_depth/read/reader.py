"""`DatasetReader`: rows of a built dataset by number, filters, samples and sources. Reads parquet files directly.

dataset = DatasetReader.open("fgbg-dataset")       # or "user/name" on the Hub
row = dataset.row("train", 12)                     # columns and encoded images
dataset.sample(Filter(fg="cow", flip=True), num=24, seed=0)
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgbg_depth import schema
from fgbg_depth.errors import UsageError
from fgbg_depth.read.files import DatasetFiles, read_columns
from fgbg_depth.read.filters import FILTER_COLUMNS, Coverage, Filter, ShardFacts
from fgbg_depth.read.opening import open_files, read_manifest
from fgbg_depth.read.order import SHUFFLED, GrowingOrder, RowOrder, Sort, by_value, shuffled, stored
from fgbg_depth.read.pages import page_of_all, page_of_some, shuffled_rows
from fgbg_depth.read.rows import Cache, RowReader, StoredRow
from fgbg_depth.read.shard_files import ShardFile, ShardList
from fgbg_depth.read.stored_sources import StoredSource, read_sources

__all__ = ["DatasetReader", "Filter", "ShardFile", "StoredRow", "StoredSource"]

_PARALLEL_ROWS = 8  # rows, or files of cut-outs, that are downloaded at once
_NUM_ORDERS = 12  # of 4 bytes a row: 19 MB for 400,000 rows
_IMAGES = schema.image_columns(extras=schema.EXTRAS)


class DatasetReader:
    """One dataset, opened for reading. Safe to share between threads.

    Attributes:
        files: where the dataset is.
        stamp: value of `files.stamp()` when the dataset was opened.
        manifest: content of its statistics.json.
        splits: number of rows by split, in the order of `schema.SPLITS`; empty splits are left out.
        num_rows: number of rows of all splits.
    Raises:
        OutputError, HubError: the dataset is missing, not complete, or not one of this project.
    """

    def __init__(self, files: DatasetFiles) -> None:
        self.files = files
        self.stamp = files.stamp()
        self.manifest = read_manifest(files)
        self._shards = ShardList(self.manifest)
        self.splits = self._shards.num_rows
        self.num_rows = sum(self.splits.values())
        self._rows = RowReader(files)
        self._facts: dict[str, ShardFacts] = {}  # by path of the shard; 25 bytes a row
        self._shares: dict[str, NDArray[np.float32]] = {}  # by path of the shard: coverage
        self._backgrounds: dict[str, str] = {}  # by path of the shard
        self._sources: dict[str, dict[str, StoredSource]] = {}
        self._orders: Cache[RowOrder] = Cache(_NUM_ORDERS)
        self._lock = threading.RLock()

    @classmethod
    def open(cls, source: str | Path, revision: str | None = None) -> DatasetReader:
        """Open a folder, an fsspec URL or a dataset on the Hub; see `open_files`."""
        return cls(open_files(source, revision))

    @property
    def shards(self) -> list[ShardFile]:
        """All shards, sorted by path."""
        return self._shards.shards

    @property
    def name(self) -> str:
        """The dataset's name in its recipe, or the name of its folder."""
        return self.manifest.name or Path(self.files.name).name

    @property
    def frame(self) -> tuple[int, int]:
        """(height, width) of composites in pixels."""
        return self.manifest.recipe.size, self.manifest.recipe.size

    @cached_property
    def digest(self) -> str:
        """16 hex digits that stand for this version of the dataset: of its statistics.json."""
        return hashlib.sha256(self.files.read(schema.STATISTICS)).hexdigest()[:16]

    def check_row(self, split: str, index: int) -> None:
        """Check that a row exists; nothing is read.

        Raises:
            UsageError: no such split or row.
        """
        self._shards.find(split, index)

    def names(self, kind: str) -> list[str]:
        """Names of all backgrounds ("bg") or cut-outs ("fg"), sorted."""
        return sorted(self.manifest.sources[kind])

    def row(self, split: str, index: int, columns: Sequence[str] = _IMAGES) -> StoredRow:
        """Row `index` of a split, with the encoded images of these columns.

        Raises:
            UsageError: no such split or row.
        """
        shard = self._shards.find(split, index)
        return self._row(shard, index - shard.first_index, columns)

    def sample(
        self, row_filter: Filter, num: int, seed: int = 0, page: int = 0, columns: Sequence[str] = ("fg_bg",)
    ) -> list[StoredRow]:
        """One page of `num` rows of a shuffle of the matching rows. Equal arguments give equal rows.

        Args:
            page: counted from 0; no row is on two pages.
            columns: image columns to read.
        """
        shards = self._candidates(row_filter)
        choose = page_of_all if self.files.is_local else page_of_some
        chosen = choose(lambda i: self._matches(shards[i], row_filter), len(shards), seed, page * num, num)
        if self.files.is_local:
            return [self._row(shards[position], row, columns) for position, row in chosen]
        with ThreadPoolExecutor(_PARALLEL_ROWS, thread_name_prefix="read-rows") as pool:
            return list(pool.map(lambda pair: self._row(shards[pair[0]], pair[1], columns), chosen))

    def count(self, row_filter: Filter) -> int | None:
        """Number of matching rows; None if every shard would have to be read over the network to know it."""
        shards = self._candidates(row_filter)
        if row_filter.looks_at_rows and not self.files.is_local and any(s.path not in self._facts for s in shards):
            return None
        return sum(len(self._matches(shard, row_filter)) for shard in shards)

    @cached_property
    def number_columns(self) -> tuple[str, ...]:
        """Columns of numbers, by which rows can be filtered and sorted."""
        columns = schema.columns(labels=self.manifest.labels, extras=self.manifest.extras)
        stored = tuple(column.name for column in columns if column.type in ("int32", "float32"))
        return stored if "coverage" in stored else ("coverage", *stored)

    @cached_property
    def text_columns(self) -> tuple[str, ...]:
        """Columns of texts by which rows can be filtered, besides the names of sources."""
        columns = schema.columns(labels=self.manifest.labels, extras=self.manifest.extras)
        return tuple(c.name for c in columns if c.type == "string" and c.name not in (schema.BG, schema.FG))

    def order(self, row_filter: Filter, sort: Sort | None = None) -> RowOrder:
        """The matching rows in an order; by default shuffled. Orders that were used last are kept.

        Raises:
            UsageError: the dataset lacks a column that the filter or the order names.
        """
        sort = sort or Sort()
        self._check_columns(row_filter, sort)
        return self._orders.get((row_filter, sort), lambda: self._make_order(row_filter, sort))

    def rows_of(self, order: RowOrder, first: int, num: int, columns: Sequence[str] = ("fg_bg",)) -> list[StoredRow]:
        """Rows `first` to `first + num - 1` of an order, with the encoded images of these columns."""
        chosen = order.rows(first, num)
        if self.files.is_local:
            return [self._row(self._in_splits[position], row, columns) for position, row in chosen]
        with ThreadPoolExecutor(_PARALLEL_ROWS, thread_name_prefix="read-rows") as pool:
            return list(pool.map(lambda pair: self._row(self._in_splits[pair[0]], pair[1], columns), chosen))

    def position(self, order: RowOrder, split: str, index: int) -> int | None:
        """Where in an order a row is; None: it is not among the rows.

        Raises:
            UsageError: no such split or row.
        """
        shard = self._shards.find(split, index)
        return order.position((self._in_splits.index(shard), index - shard.first_index))

    def shards_of(self, background: str) -> list[ShardFile]:
        """The shards whose rows have this background."""
        return self._candidates(Filter(bg=background))

    def facts_of(self, shard: ShardFile) -> ShardFacts:
        """The columns of a shard that hold no image; they are read once and kept."""
        if shard.path not in self._facts:
            self._facts[shard.path] = ShardFacts.from_table(read_columns(self.files, shard.path, FILTER_COLUMNS))
        return self._facts[shard.path]

    def sources(self, kind: str) -> dict[str, StoredSource]:
        """All backgrounds ("bg") or cut-outs ("fg") by name. They are read once and kept."""
        with self._lock:
            if kind not in self._sources:
                self._sources[kind] = read_sources(self.files, self.manifest.files_of(kind))
            return self._sources[kind]

    def warm(self) -> None:
        """Read what filters need from every shard now, so that the first filter is quick. Only for local datasets."""
        if self.files.is_local:
            self.count(Filter(flip=True))
            self.count(Filter(coverage=(0.5, 1.0)))

    @cached_property
    def _in_splits(self) -> list[ShardFile]:
        """All shards, split after split in the order of `schema.SPLITS`."""
        return sorted(self.shards, key=lambda shard: (list(self.splits).index(shard.split), shard.path))

    def _make_order(self, row_filter: Filter, sort: Sort) -> RowOrder:
        candidates = {shard.path for shard in self._candidates(row_filter)}
        shards = [(i, shard) for i, shard in enumerate(self._in_splits) if shard.path in candidates]
        if not self.files.is_local and not sort.needs_values:
            return self._growing_order(shards, row_filter, sort)
        if row_filter.looks_at_rows or sort.needs_values:
            self._read_all_facts([shard for _, shard in shards])
        starts = np.cumsum([0, *(shard.num_rows for shard in self._in_splits[:-1])])
        nothing = np.zeros(0, np.int32)
        matches = [nothing] * len(self._in_splits)
        for i, shard in shards:
            matches[i] = self._matches(shard, row_filter)
        if not sort.needs_values:
            return shuffled(starts, matches, sort.seed) if sort.column == SHUFFLED else stored(starts, matches)
        values = [self._values(shard, sort.column)[matches[i]].astype(np.float64) for i, shard in shards]
        return by_value(starts, matches, values, sort.descending)

    def _growing_order(self, shards: list[tuple[int, ShardFile]], row_filter: Filter, sort: Sort) -> RowOrder:
        def matches(position: int) -> NDArray[np.int32]:
            return self._matches(shards[position][1], row_filter)

        if sort.column == SHUFFLED:
            pairs = shuffled_rows(matches, len(shards), sort.seed)
        else:
            pairs = ((position, int(row)) for position in range(len(shards)) for row in matches(position))
        return GrowingOrder(((shards[position][0], row) for position, row in pairs), self.count(row_filter))

    def _row(self, shard: ShardFile, row: int, columns: Sequence[str]) -> StoredRow:
        known = self._facts.get(shard.path)
        fact_columns = schema.fact_columns(extras=schema.EXTRAS)
        if known:
            fact_columns = tuple(name for name in fact_columns if name not in (*FILTER_COLUMNS, "bg"))
        values = self._rows.read(shard.path, row, [*fact_columns, *columns])
        facts = {"bg": self._background(shard)} | known.row(row) if known else {}
        facts |= {name: values[name] for name in fact_columns if name in values}
        images = {name: values[name] for name in columns if name in values}
        return StoredRow(shard.split, shard.first_index + row, shard.path, row, facts, images)

    def _candidates(self, row_filter: Filter) -> list[ShardFile]:
        """Shards of the split and background that the filter names."""
        shards = self._shards.matching(row_filter.split, row_filter.bg)
        return shards if row_filter.bg is None else [s for s in shards if self._background(s) == row_filter.bg]

    def _background(self, shard: ShardFile) -> str:
        if shard.path not in self._backgrounds:
            self._backgrounds[shard.path] = self._rows.read(shard.path, 0, ["bg"])["bg"]
        return self._backgrounds[shard.path]

    def _matches(self, shard: ShardFile, row_filter: Filter) -> NDArray[np.int32]:
        """Numbers of the shard's rows that match."""
        if not row_filter.looks_at_rows:
            return np.arange(shard.num_rows, dtype=np.int32)
        facts = self.facts_of(shard)
        return facts.matches(row_filter, lambda column: self._values(shard, column))

    def _values(self, shard: ShardFile, column: str) -> NDArray[Any]:
        """(rows,) values of a column of numbers. The coverage of plain rows follows from their place."""
        facts = self.facts_of(shard)
        if column != "coverage" or "coverage" in facts.columns:
            return facts.columns[column]
        with self._lock:
            if shard.path not in self._shares:
                self._shares[shard.path] = self._coverage.shares(facts)
            return self._shares[shard.path]

    def _read_all_facts(self, shards: Sequence[ShardFile]) -> None:
        """Read what filters and sorting need, several files at once."""
        missing = [shard for shard in shards if shard.path not in self._facts]
        with ThreadPoolExecutor(1 if self.files.is_local else _PARALLEL_ROWS) as pool:
            list(pool.map(self.facts_of, missing))

    def _check_columns(self, row_filter: Filter, sort: Sort) -> None:
        numbers = {name for name, _, _ in row_filter.ranges} | ({sort.column} if sort.needs_values else set())
        for what, named, known in (
            ("numbers", numbers, self.number_columns),
            ("texts", {name for name, _ in row_filter.texts}, self.text_columns),
        ):
            if unknown := sorted(named - set(known)):
                raise UsageError(
                    f"This dataset has no column of {what} {unknown[0]!r} by which rows can be filtered or sorted.\n"
                    f"  Its columns of {what} are: {', '.join(known) or 'none'}."
                )

    @cached_property
    def _coverage(self) -> Coverage:
        with ThreadPoolExecutor(_PARALLEL_ROWS, thread_name_prefix="read-mattes") as pool:
            paths = self.manifest.files_of(schema.FG)
            tables = list(pool.map(lambda path: read_columns(self.files, path, ["name", "mask"]), paths))
        rows = (row for table in tables for row in table.to_pylist())
        return Coverage(((row["name"], row["mask"]["bytes"]) for row in rows), self.frame)
