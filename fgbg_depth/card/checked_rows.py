"""The rows whose labels agree least and best with the matte, as a picture: outline, predicted and placed depth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from fgbg_depth.card.charts import INK, MUTED, PAPER, font, shorten
from fgbg_depth.depth.colors import colorize
from fgbg_depth.depth.spec import DepthSpec, decode_depth
from fgbg_depth.manifest import Manifest
from fgbg_depth.read.files import StorageFiles, read_columns
from fgbg_depth.read.samples import RowValues, read_rows
from fgbg_depth.read.spread import GOLDEN_RATIO
from fgbg_depth.render.codecs import decode_grey, decode_rgb
from fgbg_depth.schema import CHECKS, FOREGROUND_ALPHA, ShardName, picture_path
from fgbg_depth.storage.files import Storage

NUM_ROWS = 4  # of each kind
_SHEET = "checked_rows"  # name of the picture
_PARALLEL_SHARDS = 16  # read at once over a network, where each costs some requests
_CHECKS = tuple(columns["boundary_recall"] for columns in CHECKS.values())  # the first that exists decides
_DEPTHS = {"fg_bg_depth": "predicted depth", "fg_bg_depth_placed": "placed depth"}
_OUTLINE = (255, 64, 160)
_MARGIN, _GAP, _BREAK, _HEAD, _CAPTION, _NAMES_PX = 36, 8, 36, 64, 46, 176


def sheet_or_previous(
    storage: Storage, manifest: Manifest, previous: Manifest | None = None, cell_px: int = 208
) -> Image.Image | bytes | None:
    """A sheet of the rows with the lowest and the highest boundary recall; None if the dataset has no checks.

    Over a network, drawing the sheet reads a row group of each of its rows, which may be 100 MB in all. So there, and
    only there, the file of the previous build is kept if it shows the same rows in the same colours.

    Args:
        previous: manifest of the previous build.
    Returns:
        RGB image, or the content of the previous file: one column for each row, four with the lowest recall at the left
        and four with the highest at the right; one line for the composite with the cut-out's outline, one for each
        depth map.
    """
    check = next((name for name in _CHECKS if manifest.columns.get(name) and manifest.columns[name].count), None)
    if check is None or manifest.depth is None:
        return None
    values = read_values(storage, manifest, check)
    lowest, highest = choose_checked_rows(values)
    path = picture_path(_SHEET)
    if (
        previous is not None
        and not StorageFiles(storage).is_local
        and path in previous.pictures
        and (previous.depth, previous.labels, previous.depth_range)
        == (manifest.depth, manifest.labels, manifest.depth_range)
        and storage.exists(path)
        and storage.sha256(path) == previous.pictures[path].sha256
    ):
        before = {ShardName.parse(path).digest for path in previous.shards}
        old_values = {path: column for path, column in values.items() if ShardName.parse(path).digest in before}
        if old_values and len(old_values) == len(before) and choose_checked_rows(old_values) == (lowest, highest):
            return storage.read(path)
    rows = read_rows(storage, [*lowest, *highest])
    return draw_checked_rows(rows[: len(lowest)], rows[len(lowest) :], check, manifest, cell_px)


def read_values(storage: Storage, manifest: Manifest, check: str) -> dict[str, NDArray[np.float32]]:
    """A column of each shard, by its path."""
    files, paths = StorageFiles(storage), sorted(manifest.shards)
    with ThreadPoolExecutor(1 if files.is_local else _PARALLEL_SHARDS) as pool:
        tables = pool.map(lambda path: read_columns(files, path, [check]), paths)
        return {path: table[check].to_numpy() for path, table in zip(paths, tables, strict=True)}


def choose_checked_rows(
    values: Mapping[str, NDArray[np.float32]], num_rows: int = NUM_ROWS
) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """The rows with the lowest and those with the highest value of a check.

    Rows with NaN are left out. Of rows with equal values those are taken that come first in a shuffle by the digests
    of their shards, so that they do not all come from one background, and stay when others are added. No row is in both
    lists.

    Args:
        values: of each shard, by its path.
    Returns:
        (path, row in the shard) pairs: the lowest in increasing order, the highest in decreasing order.
    """
    rows = [(path, row) for path, column in values.items() for row in range(len(column))]
    value = np.concatenate(list(values.values()))
    starts = [int(ShardName.parse(path).digest[:8], 16) / 2**32 for path in values]
    spread = np.concatenate(
        [
            np.mod(start + np.arange(len(column)) * GOLDEN_RATIO, 1.0)
            for start, column in zip(starts, values.values(), strict=True)
        ]
    )
    valid = np.flatnonzero(~np.isnan(value))
    rising = valid[np.lexsort((spread[valid], value[valid]))]
    falling = valid[np.lexsort((spread[valid], -value[valid]))]
    lowest = rising[: min(num_rows, math.ceil(len(valid) / 2))]
    highest = [i for i in falling if i not in lowest][:num_rows]
    return [rows[i] for i in lowest], [rows[i] for i in highest]


def draw_checked_rows(
    lowest: Sequence[RowValues], highest: Sequence[RowValues], check: str, manifest: Manifest, cell_px: int = 208
) -> Image.Image:
    """The sheet of rows that `read_rows` returned; see `sheet_or_previous`."""
    assert manifest.depth is not None
    depths = [name for name in _DEPTHS if name in lowest[0]]
    lines = {"fg_bg": "outline of fg_bg_mask"} | {name: _DEPTHS[name] for name in depths}
    step = cell_px + _GAP
    groups = {f"lowest {check}": list(lowest), f"highest {check}": list(highest)}
    width = 2 * _MARGIN + _NAMES_PX + step * (len(lowest) + len(highest)) + _BREAK
    height = _HEAD + len(lines) * step + _CAPTION + _MARGIN // 2
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    for i, (name, words) in enumerate(lines.items()):
        y = _HEAD + i * step + cell_px // 2
        draw.text((_MARGIN, y - 12), shorten(name, _NAMES_PX - 8, 16), font=font(16), fill=INK, anchor="lm")
        draw.text((_MARGIN, y + 12), shorten(words, _NAMES_PX - 8, 14), font=font(14), fill=MUTED, anchor="lm")
    x = _MARGIN + _NAMES_PX
    for heading, rows in groups.items():
        if rows:
            draw.text((x, 28), heading, font=font(21), fill=INK)
        for row in rows:
            pictures = [with_outline(row, cell_px)]
            pictures += [_in_colours(row[name], manifest.depth, manifest.depth_range, cell_px) for name in depths]
            for i, picture in enumerate(pictures):
                sheet.paste(picture, (x, _HEAD + i * step))
            y = _HEAD + len(lines) * step
            draw.text((x, y), f"{row[check]:.3f}", font=font(16), fill=INK)
            draw.text((x, y + 22), shorten(f"{row['fg']} on {row['bg']}", cell_px, 14), font=font(14), fill=MUTED)
            x += step
        x += _BREAK
    return sheet


def with_outline(row: RowValues, side: int) -> Image.Image:
    """The composite with a line of two pixels around the foreground."""
    image = Image.fromarray(decode_rgb(row["fg_bg"])).resize((side, side), Image.Resampling.LANCZOS)
    mask = Image.fromarray(decode_grey(row["fg_bg_mask"])).resize((side, side), Image.Resampling.BILINEAR)
    inside = np.pad(np.asarray(mask) >= FOREGROUND_ALPHA, 1, mode="edge")
    middle = inside[1:-1, 1:-1]
    same = inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
    none = ~(inside[:-2, 1:-1] | inside[2:, 1:-1] | inside[1:-1, :-2] | inside[1:-1, 2:])
    pixels = np.array(image)
    pixels[(middle & ~same) | (~middle & ~none)] = _OUTLINE
    return Image.fromarray(pixels)


def _in_colours(data: bytes, spec: DepthSpec, shown: tuple[float, float], side: int) -> Image.Image:
    colours = colorize(decode_depth(decode_grey(data), spec), *shown, spec.meaning)
    return Image.fromarray(colours).resize((side, side), Image.Resampling.NEAREST)
