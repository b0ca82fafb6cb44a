"""The `preview` config: some rows with their depth in colours, since dataset viewers show 16-bit depth black."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from fgbg_depth import schema
from fgbg_depth.depth.colors import colorize
from fgbg_depth.depth.kinds import depth_kind
from fgbg_depth.read.samples import Row, choose_rows, decoded_depth, depth_spec, read_rows
from fgbg_depth.render.png import encode_rgb_png
from fgbg_depth.storage.files import Storage
from fgbg_depth.storage.parquet import write_parquet

if TYPE_CHECKING:
    import pyarrow as pa

    from fgbg_depth.depth.spec import DepthSpec

NUM_ROWS = 200


def depth_range(statistics: Mapping[str, Any]) -> tuple[float, float]:
    """The range of depth that the whole dataset's pictures are coloured over."""
    histogram = statistics["depth_histogram"]
    if histogram is None:  # no pixel has a depth
        return statistics["depth"]["low"], statistics["depth"]["high"]
    return depth_kind(statistics["depth"]["kind"]).histogram_range(histogram["edges"], histogram["counts"])


def preview_table(rows: Iterable[Row], spec: DepthSpec | None, value_range: tuple[float, float] | None) -> pa.Table:
    """Rows, as `read_rows` gives them, as the `preview` config's table: the depth in colours, 8 bits."""
    import pyarrow as pa

    features = schema.preview_features(depth=spec is not None)
    columns: dict[str, list[Any]] = {name: [] for name in features}
    for row in rows:
        row = dict(row)
        if spec is not None:
            depth = decoded_depth(row, spec)
            assert depth is not None and value_range is not None
            row["fg_bg_depth_color"] = encode_rgb_png(colorize(depth, *value_range, spec.meaning))
        for name, values in columns.items():
            value = row[name]
            values.append({"bytes": value, "path": None} if isinstance(value, bytes) else value)
    return pa.table(columns, schema=features.arrow_schema)


def write_preview(
    storage: Storage, statistics: Mapping[str, Any], num_rows: int = NUM_ROWS
) -> tuple[str, dict[str, Any]]:
    """Write the `preview` config, and remove what an earlier build left there.

    Args:
        statistics: with at least "shards" (rows by shard), "depth" and "depth_histogram".
    Returns:
        Its file name and its entry for `statistics["files"]`: rows, bytes, sha256.
    """
    spec = depth_spec(statistics)
    shards = {name: entry["rows"] for name, entry in statistics["shards"].items()}
    rows = read_rows(storage, choose_rows(shards, num_rows))
    table = preview_table(rows, spec, depth_range(statistics) if spec else None)
    content = hashlib.sha256()
    for row in table.to_pylist():
        content.update(repr(row).encode())
    name = f"{schema.PREVIEW}/train-{content.hexdigest()[:16]}.parquet"
    if name in storage.list(schema.PREVIEW):
        num_bytes, digest = storage.list(schema.PREVIEW)[name], storage.sha256(name)
    else:
        written = write_parquet(storage, name, schema.preview_features(depth=spec is not None), [table])
        num_bytes, digest = written.bytes, written.sha256
    for other in storage.list(schema.PREVIEW):
        if other != name:
            storage.remove(other)
    return name, {"rows": table.num_rows, "bytes": num_bytes, "sha256": digest}
