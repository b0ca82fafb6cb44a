"""One shard, checked against its hash, its footer, its recipe and its sources."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from fgbg_depth import schema
from fgbg_depth.errors import FgBgError, ShardError
from fgbg_depth.plan import Plan, Shard
from fgbg_depth.render.blend import composite, place_alpha
from fgbg_depth.render.codecs import decode_grey, decode_rgb, encode_image
from fgbg_depth.render.inputs import Background, Cutout
from fgbg_depth.render.png import encode_mask
from fgbg_depth.scene.layers import Layer, sample_layers
from fgbg_depth.sources.prepared import Prepared
from fgbg_depth.statistics import CountedMatte, Sums
from fgbg_depth.storage.files import Storage
from fgbg_depth.storage.parquet import read_footer
from fgbg_depth.verify.replan import REMAKE

SAMPLED_ROWS = 3  # made again in each shard unless all are
_COLUMNS = ("bg", "fg", "flip", "placement", "x", "y", "width", "height")
_GREY = 0  # PNG colour type


@dataclass
class ShardCheck:
    """What one shard showed."""

    problems: list[str] = field(default_factory=list)
    sums: Sums | None = None  # its footer's, or counted anew
    rows: int = 0
    remade: int = 0
    reencoded: int = 0  # same pixels, other bytes


def check_shard(
    storage: Storage,
    path: str,
    entry: Mapping[str, Any],
    shard: Shard | None,
    plan: Plan | None,
    prepared: Prepared | None,
    *,
    full: bool = False,
    turn: int = 0,
) -> ShardCheck:
    """Check one shard that is there; the first thing wrong ends it, since the rest follows from it.

    Args:
        entry: its rows, bytes and sha256 in `statistics.json`.
        shard, plan, prepared: what it should be; None where not known, then only bytes and footer are checked.
        turn: which of the shards this is; spreads the sampled rows over cut-outs.
    """
    check = ShardCheck()
    try:
        digest = storage.sha256(path)
        with storage.open(path) as f:
            if digest != entry["sha256"]:
                raise ShardError(f"not the bytes that were written (its SHA-256 is another){_other_recipe(f, path)}")
            with pq.ParquetFile(f) as parquet:
                footer = read_footer(parquet)
                _check_footer(path, parquet, footer, entry, plan)
                check.sums = Sums.from_dict(footer["statistics"])
                if shard is not None and plan is not None and prepared is not None:
                    expected = expected_columns(shard, plan, prepared)
                    _check_columns(parquet, expected)
                    check.rows = entry["rows"]
                    _check_images(parquet, expected, plan, prepared, check, full, turn)
    except (FgBgError, pa.ArrowException, OSError, LookupError, ValueError, TypeError, AttributeError) as e:
        line = " ".join(str(e).split()) or type(e).__name__
        check.problems.append(f"{path}: {line}. {REMAKE}")
        check.sums = None
    return check


def expected_columns(shard: Shard, plan: Plan, prepared: Prepared) -> dict[str, list[Any]]:
    """The columns of a shard that hold no image, from its recipe and sources."""
    columns: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
    bg_digest = prepared.background(shard.bg).digest
    for name in shard.fgs:
        cutout = prepared.cutout(name)
        width, height = cutout.image.size
        for flip in plan.recipe.flips:
            for layer in sample_layers(plan.recipe, bg_digest, cutout.digest, flip, width, height):
                row = (shard.bg, name, flip, layer.placement, layer.x, layer.y, width, height)
                for column, value in zip(_COLUMNS, row, strict=True):
                    columns[column].append(value)
    return columns


def _other_recipe(file: Any, path: str) -> str:
    """A word more about a file with wrong bytes: whether it is a shard of another recipe under this name."""
    try:
        with pq.ParquetFile(file) as parquet:
            footer = read_footer(parquet)
        if _digests(footer) != _digests_of(path):
            return "; it is a shard of another recipe or of other sources"
    except (ShardError, pa.ArrowException, OSError, KeyError):
        pass
    return ""


def _digests(footer: Mapping[str, Any]) -> str:
    return f"{footer['compose_digest']}{footer['label_digest']}"


def _digests_of(path: str) -> str:
    return path.removesuffix(".parquet").rsplit("-", 1)[-1]


def _check_footer(
    path: str, parquet: pq.ParquetFile, footer: Mapping[str, Any], entry: Mapping[str, Any], plan: Plan | None
) -> None:
    num_rows = parquet.metadata.num_rows
    if not footer["rows"] == num_rows == entry["rows"]:
        raise ShardError(f"has {num_rows} rows, its footer says {footer['rows']}, {schema.STATISTICS} {entry['rows']}")
    if _digests(footer) != _digests_of(path):
        raise ShardError("its footer is that of another recipe or of other sources")
    if plan is None:
        return
    if footer["depth"] != (plan.spec.to_dict() if plan.spec else None):
        raise ShardError(f"its footer describes another depth than {schema.STATISTICS}")
    wanted = schema.features(depth=plan.spec is not None).arrow_schema
    if parquet.schema_arrow.names != wanted.names or parquet.schema_arrow.types != wanted.types:
        raise ShardError(f"has the columns {', '.join(parquet.schema_arrow.names)}, not {', '.join(wanted.names)}")


def _check_columns(parquet: pq.ParquetFile, expected: Mapping[str, list[Any]]) -> None:
    table = parquet.read(columns=list(_COLUMNS))
    for column in _COLUMNS:
        stored = table.column(column).to_pylist()
        if stored != expected[column]:
            row = next(i for i, (a, b) in enumerate(zip(stored, expected[column], strict=True)) if a != b)
            raise ShardError(
                f"row {row}: {column} is {stored[row]!r}, recipe and sources give {expected[column][row]!r}"
            )


def _check_images(
    parquet: pq.ParquetFile,
    expected: Mapping[str, list[Any]],
    plan: Plan,
    prepared: Prepared,
    check: ShardCheck,
    full: bool,
    turn: int,
) -> None:
    """Make rows again and compare; count all pixels anew where `full`."""
    footer_sums = check.sums
    assert footer_sums is not None
    counted = Sums(plan.recipe.size, footer_sums.depth_top) if full else None
    background = prepared.background(expected["bg"][0])  # a shard has one
    for start, group in _groups(parquet, full, turn):
        chosen = range(len(group)) if full else _spread_rows(len(group), turn)
        for i in chosen:
            row = {name: group[name][i].as_py() for name in group.column_names}
            at = {column: expected[column][start + i] for column in _COLUMNS}
            try:
                _check_row(start + i, row, at, plan, background, prepared.cutout(at["fg"]), check)
            except OSError as e:
                raise ShardError(f"row {start + i}: an image does not decode ({e})") from e
            if counted is not None:
                _count(counted, row, plan)
        check.remade += len(chosen)
    if counted is not None:
        if counted.to_dict() != footer_sums.to_dict():
            raise ShardError("the statistics in its footer are not those of its pixels")
        check.sums = counted


def _groups(parquet: pq.ParquetFile, full: bool, turn: int) -> Iterator[tuple[int, pa.Table]]:
    """Row groups with their first row's number: all of them, or one."""
    columns = [n for n in parquet.schema_arrow.names if n.startswith("fg_bg")]
    num = parquet.num_row_groups
    only = int(math.fmod((turn + 0.5) * 0.6180339887, 1.0) * num)
    start = 0
    for index in range(num):
        if full or index == only:
            yield start, parquet.read_row_group(index, columns=columns)
        start += parquet.metadata.row_group(index).num_rows


def _spread_rows(count: int, turn: int) -> list[int]:
    return sorted(
        {int(math.fmod((turn + k / SAMPLED_ROWS + 0.1) * 0.6180339887, 1.0) * count) for k in range(SAMPLED_ROWS)}
    )


def _check_row(
    index: int,
    row: Mapping[str, Any],
    at: Mapping[str, Any],
    plan: Plan,
    background: Background,
    cutout: Cutout,
    check: ShardCheck,
) -> None:
    recipe, size = plan.recipe, plan.recipe.size
    for name, cell in row.items():
        if not cell or not cell["bytes"]:
            raise ShardError(f"row {index}: {name} is empty")
    if at["flip"]:
        cutout = cutout.flipped()
    layer = Layer(at["x"], at["y"], at["width"], at["height"], at["flip"], at["placement"])
    image, data = composite(cutout, background.image, layer), row["fg_bg"]["bytes"]
    remade = encode_image(image, recipe.image_format, recipe.jpeg_quality, recipe.jpeg_subsampling)
    matte, mask = place_alpha(np.asarray(cutout.alpha), layer, size), row["fg_bg_mask"]["bytes"]
    if remade != data or encode_mask(matte) != mask:
        if not np.array_equal(decode_grey(mask), matte):
            raise ShardError(f"row {index}: fg_bg_mask is not the alpha of {at['fg']!r} in its place")
        # Other builds of libjpeg round a little differently; the same picture stays within a few levels.
        off = np.abs(decode_rgb(data).astype(np.int16) - decode_rgb(remade)).max(initial=0)
        if off > (0 if recipe.image_format == "png" else 8):
            raise ShardError(f"row {index}: fg_bg is not {at['fg']!r} on {at['bg']!r} (off by up to {off} levels)")
        check.reencoded += 1
    if plan.spec is not None:
        _check_depth(index, row["fg_bg_depth"]["bytes"], size, plan.spec.bits, plan.spec.levels)


def _check_depth(index: int, data: bytes, size: int, bits: int, levels: int) -> None:
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))  # PNG's header
    if (width, height, data[24], data[25]) != (size, size, bits, _GREY):
        raise ShardError(
            f"row {index}: fg_bg_depth is {width}x{height} with {data[24]} bits and colour type {data[25]}, "
            f"not {size}x{size} grey with {bits} bits"
        )
    values = decode_grey(data)
    if values.max(initial=0) > levels:
        raise ShardError(f"row {index}: fg_bg_depth goes up to {values.max()}, above {levels}")


def _count(sums: Sums, row: Mapping[str, Any], plan: Plan) -> None:
    """Add a row's stored pixels, as decoding them shows them."""
    whole = slice(0, plan.recipe.size)
    image, mask = row["fg_bg"]["bytes"], row["fg_bg_mask"]["bytes"]
    sums.add_image(Image.fromarray(decode_rgb(image)), len(image))
    sums.add_mask(whole, whole, CountedMatte.of(decode_grey(mask)), len(mask))
    if plan.spec is not None:
        depth = row["fg_bg_depth"]["bytes"]
        sums.add_depth(decode_grey(depth), len(depth))
