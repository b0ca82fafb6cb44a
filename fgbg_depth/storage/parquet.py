"""Parquet files as the Hub likes them, and the record that each shard keeps in its footer."""

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

ROW_GROUP = 100  # rows; a random row of the Hub's viewer or of the app costs one group
_BLOCK = 2**20


def write_parquet(
    storage: Storage,
    name: str,
    columns: Features,
    tables: Iterable[pa.Table],
    footer: Callable[[], dict[str, Any]] | None = None,
) -> FileInfo:
    """Write tables to one parquet file, as the Hub likes it: images uncompressed, small row groups,
    content-defined chunks (an upload sends only what changed) and a page index (a viewer reads one page).

    Args:
        footer: called after the last table; its JSON goes into the file's metadata, with a hash of itself and of
            all that was written before it, so that damage is seen before anything is built on it.
    """
    return storage.write(name, parquet_writer(columns, tables, footer))


def parquet_writer(
    columns: Features, tables: Iterable[pa.Table], footer: Callable[[], dict[str, Any]] | None = None
) -> Callable[[Any], None]:
    """What `write_parquet` writes, as a function of the `HashingFile` to write into."""
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
    """A shard's own record.

    Raises:
        ShardError: the file was not written by this project, or the record is damaged.
    """
    metadata = file.metadata.metadata or {}
    try:
        record = cast(dict[str, Any], json.loads(metadata[schema.FOOTER_KEY]))
        check = record.pop("check")
    except (KeyError, ValueError, AttributeError, TypeError) as e:
        raise ShardError("has no record of fgbg-depth in its footer") from e
    if check != _check(record):
        raise ShardError("the record in its footer is damaged")
    return record


def read_record(storage: Storage, name: str) -> dict[str, Any]:
    """The record in the footer of the shard `name`; reads no pixel.

    Raises:
        ShardError: the file is damaged, or not one of ours.
    """
    try:
        with storage.open(name) as f:
            return read_footer(pq.ParquetFile(f))
    except (pa.ArrowException, OSError, ShardError) as e:
        raise damaged(storage, name, str(e)) from e


def measure(storage: Storage, name: str) -> FileInfo:
    """Size and hash of a finished shard of which no one noted them; reads it once, front to back.

    Raises:
        ShardError: it is damaged, or not one of ours.
    """
    body = read_record(storage, name)["body"]
    whole, left, size = hashlib.sha256(), int(body["bytes"]), 0
    with storage.open(name) as f:
        while block := f.read(min(left, _BLOCK) if left > 0 else _BLOCK):
            whole.update(block)
            size += len(block)
            left -= len(block)
            if left == 0 and whole.hexdigest() != body["sha256"]:
                raise damaged(storage, name, "its content is not what was written")
    return FileInfo(size, whole.hexdigest())


def damaged(storage: Storage, name: str, why: str) -> ShardError:
    return ShardError(f"{storage}/{name}: {why}.\n  Delete this file and build again; only it is remade.")
