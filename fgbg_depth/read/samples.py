"""Some rows of finished shards, for previews, contact sheets and checks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fgbg_depth import schema
from fgbg_depth.errors import OutputError
from fgbg_depth.manifest import Manifest
from fgbg_depth.read.files import StorageFiles, read_columns
from fgbg_depth.read.rows import RowReader
from fgbg_depth.read.spread import most_varied
from fgbg_depth.read.stored_sources import StoredSource, read_sources
from fgbg_depth.render.codecs import decode_grey, decode_rgb, decode_rgba
from fgbg_depth.schema import ShardName
from fgbg_depth.storage.files import Storage

if TYPE_CHECKING:
    from fgbg_depth.depth.spec import DepthSpec

RowValues = dict[str, Any]  # values of one row, by column or by name in a picture
_CACHE_BYTES = 32 * 2**20  # rows are read in stored order, so each row group is needed once


def read_rows(
    storage: Storage, chosen: Iterable[tuple[str, int]], columns: Sequence[str] | None = None
) -> list[RowValues]:
    """Rows of finished shards, in the order of `chosen`. Only the row groups that contain them are read.

    Args:
        chosen: (path of the shard, row in the shard) pairs; see `choose_rows`.
        columns: default: all.
    Returns:
        For each row, values by column, images as encoded bytes, and "split".
    """
    chosen = list(chosen)
    reader = RowReader(StorageFiles(storage), _CACHE_BYTES)
    rows: dict[tuple[str, int], RowValues] = {}
    for path, row in sorted(set(chosen)):
        rows[path, row] = reader.read(path, row, columns) | {"split": ShardName.parse(path).split}
    return [dict(rows[key]) for key in chosen]


def sample_rows(storage: Storage, manifest: Manifest, num_rows: int = 6) -> list[RowValues]:
    """Decoded rows of the preview for a contact sheet, with their backgrounds and cut-outs. No shard is read.

    Few of them change when a background is added, since the order of the preview depends on each background alone.

    Returns:
        For each row: fg_bg and bg (H, W, 3) uint8, fg (h, w, 4) uint8, mask (H, W) uint8, each of
        `manifest.depth_columns` (H, W, 3) uint8 in the colours of `manifest.depth_range`, and the texts bg_name,
        fg_name and note (the split). Rows with scenes also have objects, blend and horizon (see `StoredSource`), and
        instances (H, W, 3) uint8 in colours if the dataset has them.
    """
    files = StorageFiles(storage)
    candidates = [
        (path, row, names["bg"], names["fg"])
        for path in sorted(manifest.files_of(schema.PREVIEW))
        for row, names in enumerate(read_columns(files, path, ["bg", "fg"]).to_pylist())
    ]
    varied = most_varied([(bg, fg) for _, _, bg, fg in candidates], num_rows)
    reader = RowReader(files, _CACHE_BYTES)
    rows = [reader.read(candidates[i][0], candidates[i][1]) for i in varied]
    sources = {
        kind: read_sources(files, manifest.files_of(kind), {row[kind] for row in rows})
        for kind in (schema.BG, schema.FG)
    }
    return [
        {
            "fg_bg": decode_rgb(row["fg_bg"]),
            "mask": decode_grey(row["fg_bg_mask"]),
            **{column: decode_rgb(row[f"{column}_color"]) for column in manifest.depth_columns},
            **_scene(row, _source(sources, schema.BG, row)),
            "bg_name": row["bg"],
            "fg_name": row["fg"] + (", mirrored" if row["flip"] else ""),
            "note": row["split"],
            schema.BG: decode_rgb(_source(sources, schema.BG, row).image),
            schema.FG: decode_rgba(_source(sources, schema.FG, row).image),
        }
        for row in rows
    ]


def _source(sources: dict[str, dict[str, StoredSource]], kind: str, row: RowValues) -> StoredSource:
    try:
        return sources[kind][row[kind]]
    except KeyError as e:
        raise OutputError(
            f"A row names the {kind} {row[kind]!r}, which the files under {kind}/ do not contain.\n"
            f"  Delete the files under {kind}/ and build again; no finished shard is built again."
        ) from e


def _scene(row: RowValues, background: StoredSource) -> RowValues:
    """What only rows with scenes have."""
    if "objects" not in row:
        return {}
    found = {"objects": row["objects"], "blend": row["blend"], "horizon": background.horizon}
    if "fg_bg_instances_color" in row:
        found["instances"] = decode_rgb(row["fg_bg_instances_color"])
    return found


def decoded_depth(row: RowValues, column: str, spec: DepthSpec) -> np.ndarray:
    """A depth map of a row that `read_rows` returned.

    Args:
        column: which one, of the values of `schema.LABELS`.
    Returns:
        (H, W) float32 in the unit of the spec, NaN where invalid.
    """
    from fgbg_depth.depth.spec import decode_depth

    return decode_depth(decode_grey(row[column]), spec)
