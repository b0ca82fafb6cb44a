"""The rows of an export: a dataset, opened by its address, with the splits and the condition that choose rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fgbg_depth import schema
from fgbg_depth.errors import OutputError, UsageError
from fgbg_depth.export.blocks import Block, Piece, filled, mixed, pieces_of, rows_of_mixed_blocks
from fgbg_depth.read.files import read_columns
from fgbg_depth.read.opening import open_files, read_manifest
from fgbg_depth.read.rows import Cache, StoredRow
from fgbg_depth.read.shard_files import ShardFile, ShardList
from fgbg_depth.read.where import parse_where
from fgbg_depth.storage.parquet import ROW_GROUP

DEFAULT_CLASS = "foreground"  # of cut-outs without a class
_BLOCK_ROWS = 1000
_BLOCK_BYTES = 128 * 2**20  # a block is held in memory, and is one file of the format webdataset
_CACHE_BYTES = 512 * 2**20  # of row groups, which blocks share
_NUM_FOOTERS = 256  # kept, since a mixed block reads from several shards
_ROW = "__row__"


class Selection:
    """The rows of a dataset that are exported.

    Args:
        source: a folder, an fsspec URL, or USER/NAME on the Hub; see `open_files`.
        revision: tag, branch or commit on the Hub.
        splits: only these; None: all.
        where: only rows for which this condition on the columns is true; see `parse_where`.
    Attributes:
        num_rows: number of chosen rows by split, in the order of `schema.SPLITS`; splits without any are left out.
    Raises:
        OutputError, HubError: the dataset is missing, not complete, or cannot be read; or no row is chosen.
        UsageError: there is no such split, or `where` is not a condition on the columns.
    """

    def __init__(
        self,
        source: str | Path,
        revision: str | None = None,
        splits: Sequence[str] | None = None,
        where: str | None = None,
    ) -> None:
        self.files = open_files(source, revision)
        self.manifest = read_manifest(self.files)
        self.where = where
        shards = ShardList(self.manifest)
        unknown = [split for split in splits or () if split not in shards.num_rows]
        if unknown:
            raise UsageError(
                f"{self.files.name} has no split {unknown[0]!r}; its splits are {', '.join(shards.num_rows)}."
            )
        self.splits = tuple(split for split in shards.num_rows if not splits or split in splits)
        self._expression = parse_where(where, self.columns) if where is not None else None
        self._chosen: dict[str, list[tuple[ShardFile, NDArray[np.int32]]]] = {split: [] for split in self.splits}
        for shard in shards.shards:
            if shard.split in self._chosen and len(rows := self._matching(shard)):
                self._chosen[shard.split].append((shard, rows))
        counts = {split: sum(len(rows) for _, rows in found) for split, found in self._chosen.items()}
        self.num_rows = {split: count for split, count in counts.items() if count}
        if not self.num_rows:
            raise OutputError(
                f"No row of {self.files.name} matches {where!r}, so there is nothing to export.\n"
                "  Change --where, or leave it out."
            )
        self._digits = max(6, len(str(max(shards.num_rows.values()) - 1)))
        self._footers: Cache[pq.FileMetaData] = Cache(_NUM_FOOTERS)
        self._tables: Cache[pa.Table] = Cache(_CACHE_BYTES, lambda table: table.nbytes)

    @property
    def columns(self) -> tuple[schema.Column, ...]:
        """The columns that every row has."""
        return schema.columns("default", self.manifest.labels, self.manifest.extras)

    @property
    def image_columns(self) -> tuple[str, ...]:
        """Names of the columns that hold encoded images."""
        return tuple(column.name for column in self.columns if column.type == "image")

    @property
    def fact_columns(self) -> tuple[str, ...]:
        """Names of the columns that hold no image."""
        return tuple(column.name for column in self.columns if column.type != "image")

    @cached_property
    def _float_columns(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.type == "float32")

    @property
    def frame(self) -> tuple[int, int]:
        """(height, width) of composites in pixels."""
        return self.manifest.recipe.size, self.manifest.recipe.size

    @property
    def total_rows(self) -> int:
        return sum(self.num_rows.values())

    def key(self, row: StoredRow) -> str:
        """The row's number in its split, with leading zeros, so that names of files sort as rows do: "000012".

        A filter does not change it, and `load(..., split=...)[12]` is the same row.
        """
        return f"{row.index:0{self._digits}d}"

    def blocks(self, is_mixed: bool = False) -> list[Block]:
        """All chosen rows in blocks, split by split. Equal arguments give equal blocks.

        Args:
            is_mixed: a block has rows of up to ten row groups, drawn from the whole split and so mostly of different
                backgrounds, and they alternate; else the order is that of the dataset.
        """
        blocks = []
        for split in self.num_rows:
            found = self._chosen[split]
            pieces = [piece for shard, rows in found for piece in pieces_of(shard, rows)]
            if is_mixed:
                size = min(self._block_rows, rows_of_mixed_blocks(self.num_rows[split]))
                groups = mixed(pieces, size, self._groups_at_once)
            else:
                groups = filled(pieces, self._block_rows)
            blocks += [Block(split, number, tuple(group), is_mixed) for number, group in enumerate(groups)]
        return blocks

    @cached_property
    def _row_bytes(self) -> float:
        shards = self.manifest.shards.values()
        return max(1, sum(shard.bytes for shard in shards) / max(1, sum(shard.rows for shard in shards)))

    @property
    def _block_rows(self) -> int:
        return int(max(1, min(_BLOCK_ROWS, _BLOCK_BYTES / self._row_bytes)))

    @property
    def _groups_at_once(self) -> int:
        """How many row groups are mixed: as many as are kept in memory."""
        return int(max(1, min(10, _CACHE_BYTES / (ROW_GROUP * self._row_bytes))))

    def read(self, block: Block, image_columns: Sequence[str]) -> list[StoredRow]:
        """The rows of a block, with the encoded images of these columns."""
        pieces = [list(self._read_piece(piece, image_columns)) for piece in block.pieces]
        rows = [row for piece in pieces for row in piece]
        if not block.is_mixed:
            return rows
        ranks = [(position + 0.5) / len(piece) for piece in pieces for position in range(len(piece))]
        return [rows[i] for i in np.argsort(ranks, kind="stable").tolist()]

    def _read_piece(self, piece: Piece, image_columns: Sequence[str]) -> Iterator[StoredRow]:
        shard = piece.shard
        footer = self._footers.get(shard.path, lambda: self.files.read_footer(shard.path))
        groups, first_row = _groups(footer, int(piece.rows[0]), int(piece.rows[-1]))
        columns = [*self.fact_columns, *image_columns]
        table: pa.Table = self._tables.get(
            (shard.path, *groups, *columns), lambda: self.files.read_row_groups(shard.path, footer, groups, columns)
        )
        table = table.take(pa.array(piece.rows - first_row))
        facts = table.select([name for name in self.fact_columns if name in table.column_names]).to_pylist()
        for name in self._float_columns:
            for values in facts:
                values[name] = _shortest(values[name])
        for entry in (entry for values in facts for entry in values.get("objects", ())):
            entry["visible"] = _shortest(entry["visible"])
        images = {name: pc.struct_field(table[name], "bytes").to_pylist() for name in image_columns}
        for position, row in enumerate(piece.rows.tolist()):
            encoded = {name: values[position] for name, values in images.items()}
            yield StoredRow(shard.split, shard.first_index + row, shard.path, row, facts[position], encoded)

    def _matching(self, shard: ShardFile) -> NDArray[np.int32]:
        """Numbers of the shard's rows that match the condition."""
        rows = np.arange(shard.num_rows, dtype=np.int32)
        if self._expression is None:
            return rows
        table = read_columns(self.files, shard.path, self.fact_columns)
        matching: pa.Table = table.append_column(_ROW, pa.array(rows)).filter(self._expression)
        return np.asarray(matching[_ROW].to_numpy(), np.int32)

    @cached_property
    def class_of(self) -> dict[str, str]:
        """The class of each cut-out by its name; `DEFAULT_CLASS` for cut-outs without one."""
        names = list(self.manifest.sources[schema.FG])
        found = dict.fromkeys(names, DEFAULT_CLASS)
        if schema.FG in self.manifest.classes:
            for path in self.manifest.files_of(schema.FG):
                table = read_columns(self.files, path, ["name", "class_name"])
                found |= {row["name"]: row["class_name"] or DEFAULT_CLASS for row in table.to_pylist()}
        return found

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of all classes of the dataset, sorted; they do not depend on which rows are chosen."""
        return tuple(sorted(set(self.class_of.values())))


def _shortest(value: float) -> float:
    """The shortest decimal number that gives the same float32: 0.1 instead of 0.10000000149011612."""
    return float(str(np.float32(value)))


def _groups(footer: pq.FileMetaData, first: int, last: int) -> tuple[list[int], int]:
    """(positions of the row groups that contain the rows `first` to `last`, number of the first row in them)."""
    groups: list[int] = []
    start = first_row = 0
    for position in range(footer.num_row_groups):
        end = start + footer.row_group(position).num_rows
        if start <= last and first < end:
            first_row = first_row if groups else start
            groups.append(position)
        start = end
    return groups, first_row
