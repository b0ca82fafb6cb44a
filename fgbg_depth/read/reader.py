"""A built dataset to look around in: rows by number, filters, sources. Reads parquet, loads no dataset.

browser = Browser.open("fgbg-dataset")             # or "user/name" on the Hub
row = browser.row("train", 12)                     # facts and stored bytes
browser.sample(Filter(fg="cow", flip=True), num=24, seed=0)
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.errors import OutputError, UsageError
from fgbg_depth.manifest import Manifest
from fgbg_depth.read.files import Files, HubFiles, LocalFiles
from fgbg_depth.read.filters import SMALL_COLUMNS, Coverage, Filter, SmallColumns
from fgbg_depth.read.rows import FACTS, IMAGE_COLUMNS, Row, RowReader
from fgbg_depth.read.sampling import page_of_all, page_of_some
from fgbg_depth.schema import SPLITS, STATISTICS, ShardName, slug

__all__ = ["Browser", "Filter", "Row", "Shard", "Source"]


@dataclass(frozen=True)
class Shard:
    """One parquet under data/."""

    name: str
    split: str
    first: int  # the number in its split of its first row
    num_rows: int


@dataclass(frozen=True)
class Source:
    """A background or cut-out as the dataset holds it."""

    name: str
    held_out: bool
    image: bytes  # PNG: RGB, or RGBA with straight alpha


class Browser:
    """One dataset, opened for reading. Safe to share between threads."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.stamp = files.stamp()
        self.manifest = _read_manifest(files)
        self.shards = _list_shards(self.manifest)
        self.splits = dict.fromkeys(SPLITS, 0) | {shard.split: 0 for shard in self.shards}
        for shard in self.shards:
            self.splits[shard.split] += shard.num_rows
        self.splits = {split: rows for split, rows in self.splits.items() if rows}
        self.num_rows = sum(self.splits.values())
        self._by_split = {s: [shard for shard in self.shards if shard.split == s] for s in self.splits}
        self._reader = RowReader(files)
        self._small: dict[str, SmallColumns] = {}
        self._shares: dict[str, NDArray[np.float32]] = {}
        self._backgrounds: dict[str, str] = {}
        self._sources: dict[str, dict[str, Source]] = {}
        self._coverage: Coverage | None = None
        self._lock = threading.RLock()

    @classmethod
    def open(cls, source: str | Path, revision: str | None = None) -> Browser:
        """Open a folder if there is one of that name, else the dataset `user/name` on the Hub.

        Raises:
            OutputError, HubError: it is missing, half-built or no dataset of ours; the text says what to do.
        """
        if str(source).startswith("hf://datasets/"):
            source, _, at = str(source).removeprefix("hf://datasets/").partition("@")
            return cls(HubFiles(source, revision or at or None))
        folder = Path(source)
        if folder.is_dir():
            return cls(LocalFiles(folder))
        if folder.exists():
            raise OutputError(f"{source} is a file, not a dataset.\n  Give the folder that the build wrote.")
        if isinstance(source, Path) or folder.is_absolute() or str(source).count("/") != 1:
            raise OutputError(f"There is no folder {source}.\n  Build one: python builder.py build --output {source}")
        return cls(HubFiles(str(source), revision))

    @cached_property
    def statistics(self) -> dict[str, Any]:
        """The content of statistics.json as plain values."""
        return self.manifest.to_dict()

    @property
    def name(self) -> str:
        """What people call the dataset."""
        return self.manifest.name or Path(self.files.name).name

    @property
    def frame(self) -> tuple[int, int]:
        """(height, width) of the composites, in pixels."""
        kind = self.manifest.kinds["fg_bg"]
        return kind.height[1], kind.width[1]

    def names(self, kind: str) -> list[str]:
        """Names of all "bg" or "fg", sorted."""
        return sorted(self.manifest.sources[kind])

    def row(self, split: str, index: int, columns: Sequence[str] = IMAGE_COLUMNS) -> Row:
        """Row `index` of a split, with the stored bytes of these picture columns.

        Raises:
            UsageError: no such split or row.
        """
        rows = self.splits.get(split)
        if rows is None:
            raise UsageError(f"There is no split {split!r}; there are {', '.join(self.splits)}.")
        if not 0 <= index < rows:
            raise UsageError(f"{split} has rows 0 to {rows - 1}; {index} was asked for.")
        shards = self._by_split[split]
        shard = shards[bisect_right(shards, index, key=lambda s: s.first) - 1]
        return self._row(shard, index - shard.first, columns)

    def _row(self, shard: Shard, at: int, columns: Sequence[str]) -> Row:
        small = self._small.get(shard.name)
        values = self._reader.read(shard.name, at, [*columns] if small else [*FACTS, *columns])
        facts = {"bg": self._background(shard)} | small.facts(at) if small else {key: values[key] for key in FACTS}
        images = {key: values[key] for key in columns if key in values}
        return Row(shard.split, shard.first + at, shard.name, at, facts, images)

    def sample(
        self, wanted: Filter, num: int, seed: int = 0, page: int = 0, columns: Sequence[str] = ("fg_bg",)
    ) -> list[Row]:
        """Page number `page` of a seeded shuffle of the matching rows; the same arguments give the same rows."""
        shards = self._candidates(wanted)
        pick = page_of_all if self.files.is_local else page_of_some
        pairs = pick(lambda i: self._matches(shards[i], wanted), len(shards), seed, page * num, num)
        if self.files.is_local:
            return [self._row(shards[s], at, columns) for s, at in pairs]
        with ThreadPoolExecutor(8, thread_name_prefix="hub-rows") as pool:
            return list(pool.map(lambda pair: self._row(shards[pair[0]], pair[1], columns), pairs))

    def count(self, wanted: Filter) -> int | None:
        """How many rows match; None where finding out would read every shard from the Hub."""
        shards = self._candidates(wanted)
        if wanted.looks_at_rows and not self.files.is_local and any(s.name not in self._small for s in shards):
            return None
        return sum(len(self._matches(shard, wanted)) for shard in shards)

    def sources(self, kind: str) -> dict[str, Source]:
        """All "bg" or "fg", by name, with their pictures. Read once."""
        with self._lock:
            if kind not in self._sources:
                self._sources[kind] = {
                    row["name"]: Source(row["name"], row["held_out"], row["image"]["bytes"])
                    for row in self._source_rows(kind, ["name", "held_out", "image"])
                }
            return self._sources[kind]

    def warm(self) -> None:
        """Read every shard's small columns ahead, so that the first filter does not wait. Only from a disk."""
        if self.files.is_local:
            self.count(Filter(flip=True))
            self.count(Filter(coverage=(0.5, 1.0)))

    def _source_rows(self, kind: str, columns: list[str]) -> list[dict[str, Any]]:
        names = sorted(self.manifest.files_of(kind))
        return [row for name in names for row in self._reader.small_columns(name, columns).to_pylist()]

    def _candidates(self, wanted: Filter) -> list[Shard]:
        shards = self.shards if wanted.split is None else self._by_split.get(wanted.split, [])
        if wanted.bg is None:
            return shards
        named = [shard for shard in shards if f"-{slug(wanted.bg)}-" in shard.name]  # so that few footers are read
        return [shard for shard in named if self._background(shard) == wanted.bg]

    def _background(self, shard: Shard) -> str:
        if shard.name not in self._backgrounds:
            self._backgrounds[shard.name] = self._reader.read(shard.name, 0, ["bg"])["bg"]
        return self._backgrounds[shard.name]

    def _matches(self, shard: Shard, wanted: Filter) -> NDArray[np.int32]:
        if not wanted.looks_at_rows:
            return np.arange(shard.num_rows, dtype=np.int32)
        with self._lock:
            if shard.name not in self._small:
                table = self._reader.small_columns(shard.name, SMALL_COLUMNS)
                self._small[shard.name] = SmallColumns.from_table(table)
            return self._small[shard.name].matches(wanted, lambda: self._share(shard))

    def _share(self, shard: Shard) -> NDArray[np.float32]:
        if self._coverage is None:
            masks = self._source_rows("fg", ["name", "mask"])
            self._coverage = Coverage(((row["name"], row["mask"]["bytes"]) for row in masks), self.frame)
        if shard.name not in self._shares:
            self._shares[shard.name] = self._coverage.of(self._small[shard.name])
        return self._shares[shard.name]


def _read_manifest(files: Files) -> Manifest:
    try:
        text = files.read(STATISTICS)
    except OutputError as e:
        raise OutputError(_why_missing(files)) from e
    return Manifest.from_json(text, f"{STATISTICS} of {files.name}")


def _why_missing(files: Files) -> str:
    if isinstance(files, LocalFiles):
        if (files.folder / "recipe.yaml").exists():
            done = sum(1 for _ in (files.folder / "data").glob("*.parquet"))
            return (
                f"The build of {files.folder} is not finished ({done} shards are there).\n"
                f"  Finish it: python builder.py build --recipe {files.folder}/recipe.yaml --output {files.folder}"
            )
        return (
            f"{files.folder} has no {STATISTICS}, so it is no dataset built by this project.\n"
            f"  Build one: python builder.py build --output FOLDER"
        )
    return f"{files.name} has no {STATISTICS}, so it is no dataset pushed by this project."


def _list_shards(manifest: Manifest) -> list[Shard]:
    shards: list[Shard] = []
    first: dict[str, int] = {}
    for path, entry in sorted(manifest.shards.items()):
        try:
            split = ShardName.parse(path).split
        except ValueError as e:  # a path could also point outside the dataset
            raise OutputError(f"{STATISTICS}: {e}.\n  The file was not written by this project.") from e
        shards.append(Shard(path, split, first.get(split, 0), entry.rows))
        first[split] = first.get(split, 0) + entry.rows
    return shards
