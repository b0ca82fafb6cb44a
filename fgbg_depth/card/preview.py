"""The `preview` config: some rows with depth in colours, because dataset viewers show 16-bit images black."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from fgbg_depth import schema
from fgbg_depth.depth.colors import colorize
from fgbg_depth.manifest import FileEntry, Manifest
from fgbg_depth.read.samples import RowValues, decoded_depth, read_rows
from fgbg_depth.read.spread import choose_rows
from fgbg_depth.render.png import encode_rgb_png
from fgbg_depth.storage.files import FileInfo, Storage
from fgbg_depth.storage.parquet import write_parquet

if TYPE_CHECKING:
    import pyarrow as pa

NUM_ROWS = 200


def preview_table(rows: Iterable[RowValues], manifest: Manifest) -> pa.Table:
    """The `preview` config's table of rows that `read_rows` returned, with depth as 8-bit colours."""
    import pyarrow as pa

    features = schema.features("preview", manifest.labels, manifest.extras)
    columns: dict[str, list[Any]] = {name: [] for name in features}
    for row in rows:
        row = dict(row)
        for column in manifest.depth_columns:
            assert manifest.depth is not None
            depth = decoded_depth(row, column, manifest.depth)
            row[f"{column}_color"] = encode_rgb_png(colorize(depth, *manifest.depth_range, manifest.depth.meaning))
        for name, values in columns.items():
            value = row[name]
            values.append({"bytes": value, "path": None} if isinstance(value, bytes) else value)
    return pa.table(columns, schema=features.arrow_schema)


def write_preview(storage: Storage, manifest: Manifest, num_rows: int = NUM_ROWS) -> dict[str, FileEntry]:
    """Write the `preview` config, and remove the file of an earlier build.

    Returns:
        The file's entry for `Manifest.files`, by its path.
    """
    shards = {path: entry.rows for path, entry in manifest.shards.items()}
    rows = read_rows(storage, choose_rows(shards, num_rows))
    table = preview_table(rows, manifest)
    content = hashlib.sha256()
    for row in table.to_pylist():
        content.update(repr(row).encode())
    path = schema.config_path(schema.PREVIEW, content.hexdigest())
    present = storage.list(schema.PREVIEW)
    if path in present:
        info = FileInfo(present[path], storage.sha256(path))
    else:
        info = write_parquet(storage, path, schema.features("preview", manifest.labels, manifest.extras), [table])
    for other in storage.list(schema.PREVIEW):
        if other != path:
            storage.remove(other)
    return {path: FileEntry(rows=table.num_rows, bytes=info.bytes, sha256=info.sha256)}
