"""Parquet files in the layout that the Hub recommends, and the record in the footer of each shard."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from fgbg_depth import schema
from fgbg_depth.errors import ShardError
from fgbg_depth.storage.files import FileInfo, HashingFile, Storage

if TYPE_CHECKING:
    from datasets import Features

ROW_GROUP = 100  # rows; the Hub's viewer and the app read a whole group to show one row
_BLOCK = 2**20  # bytes read at once


def write_parquet(
    storage: Storage,
    name: str,
    columns: Features,
    tables: Iterable[pa.Table],
    footer: Callable[[], dict[str, Any]] | None = None,
) -> FileInfo:
    """Write tables to one parquet file.

    Images are not compressed, row groups are small, pages are cut by content (an upload sends only those that changed)
    and indexed (a viewer reads one page).

    Args:
        footer: called after the last table. What it returns is stored as JSON in the file's metadata, with a hash of
            itself and a hash of all bytes written before it, by which damage is found.
    """
    return storage.write(name, parquet_writer(columns, tables, footer))


def parquet_writer(
    columns: Features, tables: Iterable[pa.Table], footer: Callable[[], dict[str, Any]] | None = None
) -> Callable[[Any], None]:
    """The content of the file that `write_parquet` writes: a function that writes it into a `HashingFile`."""
    from datasets.arrow_writer import get_parquet_column_options

    arrow_schema = columns.arrow_schema

    def write(f: HashingFile) -> None:
        with pq.ParquetWriter(
            pa.PythonFile(f, mode="w"),
            arrow_schema,
            use_content_defined_chunking=True,
            write_page_index=True,
            **get_parquet_column_options(columns, arrow_schema),
        ) as writer:
            for table in tables:
                writer.write_table(table, row_group_size=ROW_GROUP)
            if footer is not None:
                record = {**footer(), "body": {"bytes": f.bytes, "sha256": f.sha256.hexdigest()}}
                text = json.dumps({**record, "check": _check(record)}, sort_keys=True)
                writer.add_key_value_metadata({schema.FOOTER_KEY.decode(): text})

    return write


def _check(record: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:16]


def read_footer(file: pq.ParquetFile) -> dict[str, Any]:
    """The record in the footer of an open shard.

    Raises:
        ShardError: the file was not written by this project, or the record is damaged.
    """
    metadata = file.metadata.metadata or {}
    try:
        record = cast(dict[str, Any], json.loads(metadata[schema.FOOTER_KEY]))
        check = record.pop("check")
    except (KeyError, ValueError, AttributeError, TypeError) as e:
        raise ShardError("there is no record of fgbg-depth in its footer") from e
    if check != _check(record):
        raise ShardError("the record in its footer is damaged")
    return record


def read_record(storage: Storage, name: str) -> dict[str, Any]:
    """The record in the footer of the shard `name`; reads no pixel.

    Raises:
        ShardError: the file is damaged, or was not written by this project.
    """
    try:
        with storage.open(name) as f:
            return read_footer(pq.ParquetFile(f))
    except (pa.ArrowException, OSError, ShardError) as e:
        raise damaged(storage, name, str(e)) from e


def measure(storage: Storage, name: str) -> FileInfo:
    """Size and hash of a finished shard, for which the file is read once, front to back.

    Raises:
        ShardError: the file is damaged, or was not written by this project.
    """
    body = read_record(storage, name)["body"]
    sha256, size = hashlib.sha256(), 0
    left = int(body["bytes"])  # until the end of the body, whose own hash is in the record
    with storage.open(name) as f:
        while block := f.read(min(left, _BLOCK) if left > 0 else _BLOCK):
            sha256.update(block)
            size += len(block)
            left -= len(block)
            if left == 0 and sha256.hexdigest() != body["sha256"]:
                raise damaged(storage, name, "its content has changed since it was written")
    return FileInfo(size, sha256.hexdigest())


def damaged(storage: Storage, name: str, reason: str) -> ShardError:
    """The error to raise for a shard that cannot be used."""
    return ShardError(f"{storage}/{name}: {reason}.\n  Delete this file and build again; only this file is rebuilt.")
