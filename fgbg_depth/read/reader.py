"""`DatasetReader`: rows of a built dataset by number, filters, samples and sources. Reads parquet files directly.

dataset = DatasetReader.open("fgbg-dataset")       # or "user/name" on the Hub
row = dataset.row("train", 12)                     # columns and encoded images
dataset.sample(Filter(fg="cow", flip=True), num=24, seed=0)
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fgbg_depth import schema
from fgbg_depth.read.files import DatasetFiles, read_columns
from fgbg_depth.read.filters import FILTER_COLUMNS, Coverage, Filter, ShardFacts
from fgbg_depth.read.opening import open_files, read_manifest
from fgbg_depth.read.pages import page_of_all, page_of_some
from fgbg_depth.read.rows import RowReader, StoredRow
from fgbg_depth.read.shard_files import ShardFile, ShardList
from fgbg_depth.read.stored_sources import StoredSource, read_sources

__all__ = ["DatasetReader", "Filter", "ShardFile", "StoredRow", "StoredSource"]

_PARALLEL_ROWS = 8  # rows, or files of cut-outs, that are downloaded at once
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
        with self._lock:
            if shard.path not in self._facts:
                table = read_columns(self.files, shard.path, FILTER_COLUMNS)
                self._facts[shard.path] = ShardFacts.from_table(table)
            return self._facts[shard.path].matches(row_filter, lambda: self._share(shard))

    def _share(self, shard: ShardFile) -> NDArray[np.float32]:
        if shard.path not in self._shares:
            facts = self._facts[shard.path]
            stored = facts.columns.get("coverage")  # of rows with scenes; of plain rows it follows from the place
            self._shares[shard.path] = self._coverage.shares(facts) if stored is None else stored
        return self._shares[shard.path]

    @cached_property
    def _coverage(self) -> Coverage:
        with ThreadPoolExecutor(_PARALLEL_ROWS, thread_name_prefix="read-mattes") as pool:
            paths = self.manifest.files_of(schema.FG)
            tables = list(pool.map(lambda path: read_columns(self.files, path, ["name", "mask"]), paths))
        rows = (row for table in tables for row in table.to_pylist())
        return Coverage(((row["name"], row["mask"]["bytes"]) for row in rows), self.frame)
