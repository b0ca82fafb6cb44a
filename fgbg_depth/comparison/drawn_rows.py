"""The rows on which models are compared: drawn from a finished dataset, or composed from a recipe and its sources."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgbg_depth import schema
from fgbg_depth.builder.messages import Log
from fgbg_depth.builder.planning import plan_build
from fgbg_depth.builder.row_composers import RowComposers
from fgbg_depth.builder.row_shapes import RowShape
from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.errors import UsageError
from fgbg_depth.plan import Plan, Shard
from fgbg_depth.read.files import DatasetFiles
from fgbg_depth.read.opening import open_files, read_manifest
from fgbg_depth.read.rows import RowReader
from fgbg_depth.read.spread import choose_rows
from fgbg_depth.read.stored_sources import read_sources
from fgbg_depth.recipe import NO_DEPTH, Recipe
from fgbg_depth.render.codecs import decode_rgb
from fgbg_depth.render.scene_rows import encode_scene
from fgbg_depth.scene.layers import row_order
from fgbg_depth.schema import ShardName
from fgbg_depth.sources.prepared import Prepared

_PARALLEL_ROWS = 8  # rows that are downloaded at once


@dataclass(frozen=True)
class DrawnRow:
    """One row.

    Args:
        facts: the columns that composing fills and that hold no image.
        fg_bg: encoded bytes.
    """

    split: str
    facts: Mapping[str, Any]
    fg_bg: bytes = field(repr=False)

    @property
    def bg(self) -> str:
        """Name of the background."""
        return str(self.facts["bg"])

    @property
    def fg(self) -> str:
        """Name of the cut-out."""
        return str(self.facts["fg"])

    @property
    def cutouts(self) -> set[str]:
        """Names of all cut-outs in the row."""
        return {self.fg, *(item["fg"] for item in self.facts.get("objects", ()))}


class DrawnRows:
    """Some rows, with their backgrounds and cut-outs.

    Args:
        recipe: how they were composed.
        prepared: the sources that the rows name, as prepared.
        spec: of the depth of the backgrounds; None: they have none.
    """

    def __init__(self, recipe: Recipe, rows: list[DrawnRow], prepared: Prepared, spec: DepthSpec | None) -> None:
        self.recipe, self.rows, self._prepared = recipe, rows, prepared
        self.backgrounds = sorted({row.bg for row in rows})
        self.num_cutouts = len(set[str]().union(*(row.cutouts for row in rows)))
        composers = RowComposers(recipe, prepared, spec)
        self._composer = lru_cache(maxsize=100)(lambda bg: composers.of(prepared.background(bg), ()))

    @property
    def splits(self) -> dict[str, int]:
        """Number of rows by split, in the order of `schema.SPLITS`; splits without rows are left out."""
        counts = Counter(row.split for row in self.rows)
        return {split: counts[split] for split in schema.SPLITS if counts[split]}

    def background(self, name: str) -> NDArray[np.uint8]:
        """(H, W, 3) uint8: a background without cut-outs."""
        return np.asarray(self._prepared.background(name).image)

    def image(self, index: int) -> NDArray[np.uint8]:
        """(H, W, 3) uint8: the composite of a row."""
        return decode_rgb(self.rows[index].fg_bg)

    def shape(self, index: int) -> RowShape:
        """What checks and placed labels need to know about a row's cut-outs."""
        row = self.rows[index]
        return self._composer(row.bg).shapes.of_row(row.facts)


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
        chosen = choose_rows(shards, num_rows, self.recipe.rows_per_pair)
        reader = RowReader(self.files)

        columns = schema.fact_columns(labels=(), extras=self.manifest.extras)

        def read(place: tuple[str, int]) -> DrawnRow:
            values = reader.read(*place, (*columns, "fg_bg"))
            return DrawnRow(ShardName.parse(place[0]).split, {name: values[name] for name in columns}, values["fg_bg"])

        in_order = sorted(chosen)  # each row group is read once
        with ThreadPoolExecutor(1 if self.files.is_local else _PARALLEL_ROWS, thread_name_prefix="read-rows") as pool:
            found = dict(zip(in_order, pool.map(read, in_order), strict=True))
        rows = [found[place] for place in chosen]
        names = {
            schema.BG: {row.bg for row in rows},
            schema.FG: set[str]().union(*(row.cutouts for row in rows)),
        }
        backgrounds, cutouts = (
            {
                source.name: (source.digest, source.image, source.depth)
                for source in read_sources(self.files, self.manifest.files_of(kind), names[kind]).values()
            }
            for kind in (schema.BG, schema.FG)
        )
        return DrawnRows(self.recipe, rows, Prepared.of_pictures(backgrounds, cutouts), self.manifest.depth)


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
        if schema.GROUND in self.recipe.extras:
            raise UsageError(
                "placement_mode is scene: where cut-outs stand depends on a depth model, so the rows of this recipe "
                "are not known before it is built.\n  Build it and compare models on the output, or choose "
                "--placement-mode ground."
            )
        plan = plan_build(
            self.recipe.replace(depth_model=NO_DEPTH, depth_range=None), os.cpu_count() or 1, log=self._log
        )
        prepared = Prepared.of(plan.sources)
        composers = RowComposers(plan.recipe, prepared, None)
        shards = {shard.path: shard for shard in plan.shards}
        rows_of = {path: shard.rows for path, shard in shards.items()}
        chosen = choose_rows(rows_of, num_rows, plan.recipe.rows_per_pair)
        rows = [compose_row(plan, composers, prepared, shards[path], index) for path, index in chosen]
        return DrawnRows(plan.recipe, rows, prepared, None)


def compose_row(plan: Plan, composers: RowComposers, prepared: Prepared, shard: Shard, index: int) -> DrawnRow:
    """Compose one row of a shard, with the bytes that a build writes.

    Args:
        index: number of the row in the shard.
    """
    composer = composers.of(prepared.background(shard.bg), shard.fgs)
    name, flip, placement = next(islice(row_order(shard.fgs, plan.recipe), index, None))
    rows_of_cutout = composer.facts([name])
    facts = next(row for row in rows_of_cutout if (row["flip"], row["placement"]) == (flip, placement))
    return DrawnRow(shard.split, facts, encode_scene(composer.pixels(facts), plan.recipe)["fg_bg"])
