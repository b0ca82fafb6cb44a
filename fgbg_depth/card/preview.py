"""The `preview` config: some rows with depth in colours, because dataset viewers show 16-bit images black."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from PIL import Image

from fgbg_depth import schema
from fgbg_depth.card.scene_pictures import color_instances
from fgbg_depth.depth.colors import colorize
from fgbg_depth.manifest import FileEntry, Manifest
from fgbg_depth.read.samples import RowValues, decoded_depth, read_rows
from fgbg_depth.read.spread import choose_steady_rows
from fgbg_depth.render.codecs import decode_grey
from fgbg_depth.render.png import encode_png, encode_rgb_png
from fgbg_depth.rng import json_digest
from fgbg_depth.storage.files import FileInfo, Storage
from fgbg_depth.storage.parquet import write_parquet

if TYPE_CHECKING:
    import pyarrow as pa

NUM_ROWS = 200
_VERSION = 1  # part of the names of the files; increase it when equal rows get other bytes


def preview_table(rows: Iterable[RowValues], manifest: Manifest) -> pa.Table:
    """The `preview` config's table of rows that `read_rows` returned, with depth and instances as 8-bit colours."""
    import pyarrow as pa

    features = schema.features("preview", manifest.labels, manifest.extras)
    columns: dict[str, list[Any]] = {name: [] for name in features}
    for row in rows:
        row = dict(row)
        for column in manifest.depth_columns:
            assert manifest.depth is not None
            depth = decoded_depth(row, column, manifest.depth)
            colors = colorize(depth, *manifest.depth_range, manifest.depth.meaning)
            row[f"{column}_color"] = encode_png(Image.fromarray(colors))  # a quarter smaller than `encode_rgb_png`'s
        if "fg_bg_instances" in row:
            row["fg_bg_instances_color"] = encode_rgb_png(color_instances(decode_grey(row["fg_bg_instances"])))
        for name, values in columns.items():
            value = row[name]
            values.append({"bytes": value, "path": None} if isinstance(value, bytes) else value)
    return pa.table(columns, schema=features.arrow_schema)


def write_preview(storage: Storage, manifest: Manifest, num_rows: int = NUM_ROWS) -> dict[str, FileEntry]:
    """Write the `preview` config, and remove the files of an earlier build that do not belong to it any more.

    There is a file for each group of backgrounds (`schema.file_group`). Its name has a digest of the rows and of the
    colours that it shows, so an unchanged file is neither read nor written again, and none of its shards is read.

    Args:
        num_rows: at most; see `choose_steady_rows`.
    Returns:
        The files' entries for `Manifest.files`, by path.
    """
    shards = {path: entry.rows for path, entry in manifest.shards.items()}
    files = _files(manifest, choose_steady_rows(shards, num_rows, rows_per_cutout=manifest.recipe.rows_per_pair))
    present = storage.list(schema.PREVIEW)
    entries: dict[str, FileEntry] = {}
    for path, chosen in files.items():
        if path in present:
            info = FileInfo(present[path], storage.sha256(path))
        else:
            table = preview_table(read_rows(storage, chosen), manifest)
            info = write_parquet(storage, path, schema.features("preview", manifest.labels, manifest.extras), [table])
        entries[path] = FileEntry(rows=len(chosen), bytes=info.bytes, sha256=info.sha256)
    for other in present.keys() - files.keys():
        storage.remove(other)
    return entries


def _files(manifest: Manifest, chosen: Iterable[tuple[str, int]]) -> dict[str, list[tuple[str, int]]]:
    """The chosen rows by the path of the file that shows them."""
    digests: dict[str, str] = {}  # of the backgrounds, by their part of the shards' names
    for name, source in sorted(manifest.sources[schema.BG].items()):
        digests.setdefault(schema.slug(name), source.digest)
    groups: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for path, row in chosen:
        groups[schema.file_group(digests[schema.ShardName.parse(path).background])].append((path, row))
    colors = [manifest.depth_range, manifest.labels, manifest.depth.to_dict()] if manifest.depth else []
    return {
        schema.config_path(schema.PREVIEW, group, json_digest([_VERSION, colors, *rows])): rows
        for group, rows in sorted(groups.items())
    }
