"""Parquet files as the Hub likes them, and the record that each shard keeps in its footer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from fgbg_depth import schema
from fgbg_depth.errors import ShardError
from fgbg_depth.storage import Storage, Written

if TYPE_CHECKING:
    from datasets import Features

ROW_GROUP = 100  # rows; a random row of the Hub's viewer or of the app costs one group


def write_parquet(
    storage: Storage,
    name: str,
    columns: Features,
    tables: Iterable[pa.Table],
    footer: Callable[[], dict[str, Any]] | None = None,
) -> Written:
    """Write tables to one parquet file, as the Hub likes it: images uncompressed, small row groups,
    content-defined chunks (an upload sends only what changed) and a page index (a viewer reads one page).

    Args:
        footer: called after the last table; its JSON goes into the file's metadata.
    """
    from datasets.arrow_writer import get_parquet_column_options

    arrow_schema = columns.arrow_schema

    def write(f: Any) -> None:
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
                writer.add_key_value_metadata({schema.FOOTER_KEY.decode(): json.dumps(footer(), sort_keys=True)})

    return storage.write(name, write)


def read_footer(file: pq.ParquetFile) -> dict[str, Any]:
    """A shard's own record.

    Raises:
        ShardError: the file was not written by this project.
    """
    metadata = file.metadata.metadata or {}
    try:
        return cast(dict[str, Any], json.loads(metadata[schema.FOOTER_KEY]))
    except (KeyError, ValueError) as e:
        raise ShardError("has no record of fgbg-depth in its footer") from e


def read_record(storage: Storage, name: str) -> dict[str, Any]:
    """The record in the footer of the shard `name`; reads no pixel.

    Raises:
        ShardError: the file is damaged, or not one of ours.
    """
    try:
        with storage.open(name) as f:
            return read_footer(pq.ParquetFile(f))
    except (pa.ArrowInvalid, OSError, ShardError) as e:
        raise ShardError(f"{storage}/{name}: {e}.\n  Delete this file and build again; only it is remade.") from e
