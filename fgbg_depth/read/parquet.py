"""Read row groups and columns of a parquet file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from fgbg_depth.errors import ShardError
from fgbg_depth.storage.files import Storage


@contextmanager
def open_parquet(storage: Storage, name: str, footer: pq.FileMetaData | None = None) -> Iterator[pq.ParquetFile]:
    """Open a parquet file of a folder or fsspec URL.

    Args:
        name: path inside `storage`; it is not checked.
        footer: the file's footer, if it was read before; it is not read again.
    Raises:
        FileNotFoundError, OSError, pa.ArrowException: as pyarrow and the file system raise them.
    """
    if storage.is_local:  # by its path, so that pyarrow reads it without Python's lock
        with pq.ParquetFile(storage.path(name), metadata=footer) as parquet:
            yield parquet
    else:
        with storage.open(name) as file, pq.ParquetFile(file, metadata=footer) as parquet:
            yield parquet


def read_row_groups(
    parquet: pq.ParquetFile, row_groups: Iterable[int] | None = None, columns: Sequence[str] | None = None
) -> pa.Table:
    """Rows of an open parquet file. Only the bytes of these row groups and columns are read.

    Args:
        row_groups: positions in the file; None: all.
        columns: names; names that the file lacks are ignored; None: all columns.
    """
    positions = list(range(parquet.num_row_groups) if row_groups is None else row_groups)
    return parquet.read_row_groups(positions, columns=columns, use_threads=False)


def find_row(footer: pq.FileMetaData, row: int, name: str) -> tuple[int, int]:
    """(position of the row group, row inside it) of a row of a parquet file.

    Args:
        row: counted from 0 over the whole file.
        name: the file's name, for the message.
    Raises:
        ShardError: the file has no such row.
    """
    rows_before = 0
    for position in range(footer.num_row_groups):
        num_rows = footer.row_group(position).num_rows
        if rows_before <= row < rows_before + num_rows:
            return position, row - rows_before
        rows_before += num_rows
    raise ShardError(
        f"{name} has rows 0 to {rows_before - 1}, but row {row} was requested.\n"
        "  The file and statistics.json do not match; verify the dataset."
    )


def column_spans(
    footer: pq.FileMetaData, row_groups: Iterable[int], columns: Iterable[str], gap: int = 65_536
) -> list[tuple[int, int]]:
    """Byte ranges [start, end) of columns in row groups, in increasing order.

    Args:
        gap: ranges that are at most this many bytes apart are merged, because a request costs more than their gap.
    """
    names = set(columns)
    found: list[tuple[int, int]] = []
    for position in row_groups:
        group = footer.row_group(position)
        for index in range(group.num_columns):
            column = group.column(index)
            if column.path_in_schema.split(".")[0] in names:
                start = column.data_page_offset
                if column.has_dictionary_page:
                    start = min(start, column.dictionary_page_offset)
                found.append((start, start + column.total_compressed_size))
    merged: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if merged and start - merged[-1][1] <= gap:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
