"""Datasets for the tests of the 3-D tab: those of `app_outputs`, with depths of backgrounds and placed labels."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from app_outputs import IMAGE, depth_spec, encode, make_output
from PIL import Image

from fgbg_depth.depth.placed import place_depth
from fgbg_depth.depth.spec import DepthSpec

PLACED = "fg_bg_depth_placed"
SIZE = 96


def make_layered_output(output: Path, kind: str = "metric", placed: bool = True) -> Path:
    """A dataset with the depth of its backgrounds: a wall from 6 m away, with a box in front, above a floor.

    Args:
        kind: "metric" or "relative_disparity".
        placed: rows have placed labels too.
    """
    make_output(output, 2, 3, 2, size=SIZE, depth=kind)
    spec = DepthSpec.from_dict(depth_spec(kind))
    background = background_depth(kind)
    for path in sorted((output / "bg").glob("*.parquet")):
        table = pq.read_table(path)
        _add(path, table, "depth", [encode(background)] * table.num_rows)
    statistics = json.loads((output / "statistics.json").read_text())
    if placed:
        for path in sorted((output / "data").glob("*.parquet")):
            table = pq.read_table(path)
            masks = [decode(row["bytes"]) >= 128 for row in table["fg_bg_mask"].to_pylist()]
            _add(path, table, PLACED, [encode(place_depth(background, mask, spec)) for mask in masks])
        statistics["recipe"]["depth_label"] = "both"
        statistics["kinds"][PLACED] = statistics["kinds"]["fg_bg_depth"]
    (output / "statistics.json").write_text(json.dumps(statistics))
    return output


def background_depth(kind: str) -> np.ndarray:
    """(SIZE, SIZE) uint16 stored values; the corner has no depth."""
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    metres = np.where(y < 0.45, 6.0 + 3 * x, 3.4 / np.maximum(y, 0.1)).clip(0.1, 10)
    metres = np.where((np.abs(x - 0.4) < 0.08) & (y > 0.15) & (y < 0.4), 4.0, metres)
    scaled = metres * 1000 if kind == "metric" else 1 + (1 / metres - 0.1).clip(0, 1) * 65534
    stored = np.round(scaled).astype(np.uint16)
    stored[:2, :2] = 0
    return stored


def decode(data: bytes) -> np.ndarray:
    """The pixels of an image file."""
    return np.asarray(Image.open(io.BytesIO(data)))


def stored_row(output: Path, split: str, index: int) -> dict[str, Any]:
    """A row of the first shard of a split: images as arrays, and its other columns."""
    table = pq.read_table(min((output / "data").glob(f"{split}-*.parquet")))
    row = table.slice(index, 1).to_pylist()[0]
    return {name: decode(value["bytes"]) if isinstance(value, dict) else value for name, value in row.items()}


def _add(path: Path, table: pa.Table, name: str, images: list[bytes]) -> None:
    column = pa.array([{"bytes": data, "path": None} for data in images], IMAGE)
    pq.write_table(table.append_column(pa.field(name, IMAGE), column), path, row_group_size=100, compression="none")
