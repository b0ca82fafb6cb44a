"""Parquet files in the layout that the Hub recommends, and the record in the footer of each shard."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
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
_MAGIC = b"PAR1"  # the first and the last four bytes of a parquet file


class DamagedFileError(ShardError):
    """A parquet file is damaged, or was not written by this project.

    Args:
        reason: what is wrong with it, without the file's name.
    """

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)  # the only argument that pickling passes; workers send errors to the build
        self.reason = reason


def damaged(storage: Storage, name: str, reason: str) -> DamagedFileError:
    """The error to raise for a parquet file that cannot be used."""
    reason = " ".join(reason.split()).rstrip(".")
    return DamagedFileError(
        f"{storage}/{name}: {reason}.\n  Delete this file and build again; only this file is built again.", reason
    )


def image_array(images: Sequence[bytes], column_type: pa.StructType) -> pa.StructArray:
    """Encoded images as a column of `datasets.Image`: {"bytes", "path"}, without the detour over dictionaries."""
    data = pa.array(images, pa.binary())
    return pa.StructArray.from_arrays([data, pa.nulls(len(images), pa.string())], fields=list(column_type))


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
    """The record in the footer of an open shard; see `footer_record`."""
    return footer_record(file.metadata)


def footer_record(footer: pq.FileMetaData) -> dict[str, Any]:
    """The record in the footer of a shard.

    Raises:
        ShardError: the file was not written by this project, or the record is damaged.
    """
    metadata = footer.metadata or {}
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
        DamagedFileError: the file is damaged, or was not written by this project.
    """
    try:
        with storage.open(name) as f:
            return read_footer(pq.ParquetFile(f))
    except (pa.ArrowException, OSError, ShardError) as e:
        raise damaged(storage, name, str(e)) from e


def measure(storage: Storage, name: str) -> FileInfo:
    """Size and hash of a finished shard, for which the file is read once, front to back.

    Raises:
        DamagedFileError: the file is damaged, or was not written by this project.
    """
    try:
        body = read_record(storage, name)["body"]
        left = int(body["bytes"])  # until the end of the body, whose own hash is in the record
        sha256, size = hashlib.sha256(), 0
        with storage.open(name) as f:
            while block := f.read(min(left, _BLOCK) if left > 0 else _BLOCK):
                sha256.update(block)
                size += len(block)
                left -= len(block)
                if left == 0 and sha256.hexdigest() != body["sha256"]:
                    raise damaged(storage, name, "its content has changed since it was written")
    except (OSError, KeyError, TypeError, ValueError) as e:
        raise damaged(storage, name, str(e) or type(e).__name__) from e
    return FileInfo(size, sha256.hexdigest())


def has_magic(storage: Storage, name: str) -> bool:
    """Whether a file starts and ends as a parquet file does. Files that a crash left empty or full of zeros do not."""
    try:
        with storage.open(name) as f:
            start = f.read(len(_MAGIC))
            f.seek(-len(_MAGIC), os.SEEK_END)
            return start == _MAGIC == f.read()
    except OSError:
        return False


def is_written_as(storage: Storage, name: str, columns: Features) -> bool | None:
    """Whether a shard has the very bytes that writing its rows and its record again gives.

    This finds damage in parquet's own footer and index, which no hash in the record covers.

    Returns:
        None: another version of pyarrow or `datasets` wrote the file, so the bytes cannot be compared.
    """
    with storage.open(name) as f, pq.ParquetFile(f) as file:
        size, written_by = f.seek(0, os.SEEK_END), file.metadata.created_by
        record = {k: v for k, v in read_footer(file).items() if k != "body"}
        tables = (file.read_row_group(i).cast(columns.arrow_schema) for i in range(file.num_row_groups))
        with open(os.devnull, "wb") as nothing:
            hashing = HashingFile(nothing)
            parquet_writer(columns, tables, lambda: record)(hashing)
    if hashing.bytes != size or written_by != f"parquet-cpp-arrow version {pa.cpp_version}":
        return None
    return hashing.sha256.hexdigest() == storage.sha256(name)
