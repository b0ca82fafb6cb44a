"""The rows on which models are compared: drawn from a finished dataset, or composed from a recipe and its sources."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fgbg_depth import schema
from fgbg_depth.builder.messages import Log
from fgbg_depth.builder.planning import plan_build
from fgbg_depth.builder.shard_labels import Shape
from fgbg_depth.depth.checks import Outline
from fgbg_depth.depth.placed import Silhouette
from fgbg_depth.plan import Plan, Shard
from fgbg_depth.read.files import DatasetFiles
from fgbg_depth.read.opening import open_files, read_manifest
from fgbg_depth.read.rows import RowReader
from fgbg_depth.read.spread import choose_rows
from fgbg_depth.read.stored_sources import read_sources
from fgbg_depth.recipe import NO_DEPTH, Recipe
from fgbg_depth.render.blend import blended, composite
from fgbg_depth.render.codecs import decode_rgb, encode_image
from fgbg_depth.render.inputs import Cutout
from fgbg_depth.scene.layers import sample_layers
from fgbg_depth.schema import ShardName
from fgbg_depth.sources.prepared import Prepared

_COLUMNS = ("fg_bg", "bg", "fg", "flip", "x", "y")
_PARALLEL_ROWS = 8  # rows that are downloaded at once


@dataclass(frozen=True)
class DrawnRow:
    """One row: the values of its columns, and `fg_bg` as encoded bytes."""

    split: str
    bg: str
    fg: str
    flip: bool
    x: int
    y: int
    fg_bg: bytes = field(repr=False)


class DrawnRows:
    """Some rows, with their backgrounds and cut-outs.

    Args:
        recipe: how they were composed.
        backgrounds, cutouts: PNG of each source that the rows name, as prepared.
    """

    def __init__(
        self, recipe: Recipe, rows: list[DrawnRow], backgrounds: Mapping[str, bytes], cutouts: Mapping[str, bytes]
    ) -> None:
        self.recipe, self.rows = recipe, rows
        self._backgrounds, self._cutouts = backgrounds, cutouts
        self.backgrounds = sorted(backgrounds)
        self.shape = lru_cache(maxsize=100)(self._shape)

    @property
    def splits(self) -> dict[str, int]:
        """Number of rows by split, in the order of `schema.SPLITS`; splits without rows are left out."""
        counts = Counter(row.split for row in self.rows)
        return {split: counts[split] for split in schema.SPLITS if counts[split]}

    @property
    def num_cutouts(self) -> int:
        """Number of different cut-outs."""
        return len(self._cutouts)

    def background(self, name: str) -> NDArray[np.uint8]:
        """(H, W, 3) uint8: a background without cut-outs."""
        return decode_rgb(self._backgrounds[name])

    def image(self, index: int) -> NDArray[np.uint8]:
        """(H, W, 3) uint8: the composite of a row."""
        return decode_rgb(self.rows[index].fg_bg)

    def _shape(self, fg: str, flip: bool) -> Shape:
        """What checks and placed labels need to know about a cut-out with one flip."""
        cutout = Cutout(fg, "", Image.open(io.BytesIO(self._cutouts[fg])).convert("RGBA"))
        alpha = np.asarray(blended(cutout, flip, self.recipe).alpha)
        return Shape(Silhouette.of(alpha), Outline.of(alpha))


class DatasetRows:
    """Rows of a finished dataset.

    Args:
        source: a folder, an fsspec URL, or a dataset on the Hub; see `read.opening.open_files`.
    Raises:
        OutputError, HubError: the dataset is missing, not complete, or not one of this project.
    """

    def __init__(self, source: str | Path) -> None:
        self.files: DatasetFiles = open_files(source)
        self.manifest = read_manifest(self.files)
        self.recipe = self.manifest.recipe
        self.name = str(source)

    def draw(self, num_rows: int) -> DrawnRows:
        """Some rows, spread over splits, backgrounds and cut-outs; see `read.spread.choose_rows`."""
        shards = {path: entry.rows for path, entry in self.manifest.shards.items()}
        chosen = choose_rows(shards, num_rows)
        reader = RowReader(self.files)

        def read(place: tuple[str, int]) -> DrawnRow:
            return DrawnRow(ShardName.parse(place[0]).split, **reader.read(*place, _COLUMNS))

        in_order = sorted(chosen)  # each row group is read once
        with ThreadPoolExecutor(1 if self.files.is_local else _PARALLEL_ROWS, thread_name_prefix="read-rows") as pool:
            found = dict(zip(in_order, pool.map(read, in_order), strict=True))
        rows = [found[place] for place in chosen]
        backgrounds, cutouts = (
            {
                source.name: source.image
                for source in read_sources(
                    self.files, self.manifest.files_of(kind), {getattr(row, kind) for row in rows}
                ).values()
            }
            for kind in (schema.BG, schema.FG)
        )
        return DrawnRows(self.recipe, rows, backgrounds, cutouts)


class RecipeRows:
    """Rows that a build of a recipe would have.

    Args:
        log: called with warnings about the sources.
    """

    def __init__(self, recipe: Recipe, log: Log) -> None:
        self.recipe, self._log = recipe, log
        self.name = f"the recipe {recipe.name}"

    def draw(self, num_rows: int) -> DrawnRows:
        """The rows that `DatasetRows.draw` would return after a build, composed now. Writes nothing."""
        plan = plan_build(
            self.recipe.replace(depth_model=NO_DEPTH, depth_range=None), os.cpu_count() or 1, log=self._log
        )
        prepared = Prepared.of(plan.sources)
        shards = {shard.path: shard for shard in plan.shards}
        chosen = choose_rows({path: shard.rows for path, shard in shards.items()}, num_rows)
        rows = [compose_row(plan, prepared, shards[path], index) for path, index in chosen]
        used_bgs, used_fgs = {row.bg for row in rows}, {row.fg for row in rows}
        return DrawnRows(
            self.recipe,
            rows,
            {source.name: source.png for source in plan.sources.backgrounds if source.name in used_bgs},
            {source.name: source.png for source in plan.sources.cutouts if source.name in used_fgs},
        )


def compose_row(plan: Plan, prepared: Prepared, shard: Shard, index: int) -> DrawnRow:
    """Compose one row of a shard, with the bytes that a build writes.

    Args:
        index: number of the row in the shard; rows are ordered by cut-out, flip and placement.
    """
    recipe = plan.recipe
    fg_index, in_pair = divmod(index, recipe.rows_per_pair)
    flip_index, placement = divmod(in_pair, recipe.placements)
    flip = recipe.flips[flip_index]
    background, cutout = prepared.background(shard.bg), prepared.cutout(shard.fgs[fg_index])
    width, height = cutout.image.size
    layer = sample_layers(recipe, background.digest, cutout.digest, flip, width, height)[placement]
    image = composite(blended(cutout, flip, recipe), background.image, layer)
    data = encode_image(image, recipe.image_format, recipe.jpeg_quality, recipe.jpeg_subsampling)
    return DrawnRow(shard.split, shard.bg, cutout.name, flip, layer.x, layer.y, data)
