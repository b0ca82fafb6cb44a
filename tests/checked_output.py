"""Checks of labels as columns of an output that was built without them, as a build would have written them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from fgbg_depth.depth.checks import Outline, check_label
from fgbg_depth.manifest import ColumnStatistics, Manifest
from fgbg_depth.statistics import ColumnSums
from fgbg_depth.storage.files import Storage

ENDS = {"boundary_recall": (0.0, 1.0), "nearer": (-2.0, 3.0), "background_drift": (0.0, 1.0)}


def grey(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data))).astype(np.uint16)


def add_checks(output: Path) -> Manifest:
    """Add the columns to every shard and to `statistics.json`; the median label of a background stands for its own."""
    storage = Storage(output)
    manifest = Manifest.read(storage)
    assert manifest is not None and manifest.depth is not None
    if manifest.columns:  # the build has written them
        return manifest
    sums = {name: ColumnSums(*ends) for name, ends in ENDS.items()}
    for path in manifest.shards:
        table = pq.read_table(output / path)
        rows = table.to_pylist()
        labels = [grey(row["fg_bg_depth"]["bytes"]) for row in rows]
        bare = np.median(labels, axis=0).astype(np.uint16)
        found = []
        for row, label in zip(rows, labels, strict=True):
            mask = grey(row["fg_bg_mask"]["bytes"]).astype(np.uint8)  # the whole frame as one box at 0, 0
            found.append(check_label(label, bare, Outline.of(mask), 0, 0, manifest.depth))
        for name, values in zip(ENDS, np.array(found, np.float32).T, strict=True):
            table = table.append_column(name, pa.array(values, pa.float32()))
            sums[name].add_values(values)
        pq.write_table(table, output / path, row_group_size=100)
    manifest = manifest.replace(columns={name: ColumnStatistics.of(column) for name, column in sums.items()})
    manifest.write(storage)
    return manifest
