"""Helpers for tests of exports: run one, and read the rows of an output without the project's reader."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from tiny import pixels_of

from fgbg_depth.export.formats import FORMATS
from fgbg_depth.export.run import ExportReport, export
from fgbg_depth.export.selection import Selection

Rows = dict[tuple[str, int], dict[str, Any]]


def run_export(
    source: Path | str, dest: Path, name: str, splits: Sequence[str] | None = None, where: str | None = None
) -> ExportReport:
    selection = Selection(source, splits=splits, where=where)
    return export(selection, dest, FORMATS[name](selection))


def stored_rows(output: Path) -> Rows:
    """All rows by split and number in the split: shards in the order of their names."""
    found: Rows = {}
    counts: dict[str, int] = {}
    for path in sorted((output / "data").glob("*.parquet")):
        split = path.name.split("-")[0]
        for row in pq.read_table(path).to_pylist():
            found[split, counts.get(split, 0)] = row
            counts[split] = counts.get(split, 0) + 1
    return found


def counts_of(rows: Rows) -> dict[str, int]:
    splits = [split for split, _ in rows]
    return {split: splits.count(split) for split in dict.fromkeys(splits)}


def mask_of(row: dict[str, Any]) -> np.ndarray:
    """(H, W) bool: the foreground of a stored row."""
    return pixels_of(row["fg_bg_mask"]) >= 128
