"""Rows of a finished dataset in memory, at the size of a small network."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from fgbg_depth.manifest import Manifest
from fgbg_depth.read.decode_batch import decode_batch
from fgbg_depth.read.files import DatasetFiles
from fgbg_depth.read.rows import RowReader
from fgbg_depth.read.spread import choose_rows
from fgbg_depth.training.examples import Examples, joined
from fgbg_depth.training.targets import log_distance

_FACTS = ("bg", "fg", "flip", "placement")  # they name a damaged row
_AT_ONCE = 32  # rows
_PARALLEL_ROWS = 8  # that are downloaded at once


def read_examples(
    files: DatasetFiles,
    manifest: Manifest,
    split: str,
    num_rows: int,
    size: int,
    on_rows: Callable[[int], None] = lambda rows: None,
) -> Examples:
    """Rows of one split, spread over its backgrounds and cut-outs (`read.spread.choose_rows`).

    Args:
        num_rows: at most; all rows of a split that has fewer.
        size: side of the pictures in pixels; pictures and mattes are resized smoothly, depth takes the nearest pixel.
        on_rows: called with the number of rows that were read since the last call.
    Returns:
        them, with the depth of `manifest.main_depth_column` if the dataset has depth.
    Raises:
        OutputError, HubError: a shard is missing or damaged.
    """
    depth = manifest.main_depth_column
    columns = (*_FACTS, "fg_bg", "fg_bg_mask", *([depth] if depth else []))
    chosen = sorted(choose_rows({path: entry.rows for path, entry in manifest.shards_of(split).items()}, num_rows))
    reader, parts = RowReader(files), []

    def read(place: tuple[str, int]) -> dict[str, Any]:
        return reader.read(*place, columns)

    with ThreadPoolExecutor(1 if files.is_local else _PARALLEL_ROWS, thread_name_prefix="read-rows") as pool:
        for start in range(0, len(chosen), _AT_ONCE):
            places = chosen[start : start + _AT_ONCE]
            rows = list(pool.map(read, places))
            parts.append(_examples({name: [row[name] for row in rows] for name in columns}, manifest, depth, size))
            on_rows(len(rows))
    return joined(parts)


def _examples(rows: dict[str, list[Any]], manifest: Manifest, depth: str | None, size: int) -> Examples:
    batch = decode_batch(rows, manifest.depth)
    pictures = to_size(torch.from_numpy(np.asarray(batch["fg_bg"])).movedim(3, 1), size)
    mattes = to_size(torch.from_numpy(np.asarray(batch["fg_bg_mask"]))[:, None], size)
    if depth is None or manifest.depth is None:
        return Examples(pictures, mattes)
    logarithms, valid = log_distance(np.asarray(batch[depth]), manifest.depth)
    maps = torch.from_numpy(np.stack([logarithms, valid.astype(np.float32)], 1))
    maps = functional.interpolate(maps, (size, size), mode="nearest-exact")
    return Examples(pictures, mattes, maps[:, :1], maps[:, 1:] > 0.5, manifest.depth.meaning.is_metric)


def to_size(images: Tensor, size: int) -> Tensor:
    """Resize (N, C, H, W) uint8 to `size` squared, averaging over the pixels that become one."""
    if images.shape[-2:] == (size, size):
        return images
    resized = functional.interpolate(images.float(), (size, size), mode="bilinear", antialias=True)
    return resized.round().clamp(0, 255).byte()
