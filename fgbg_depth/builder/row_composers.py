"""The rows of a shard, plain or with scenes: their facts, their pixels, and the shapes that labels need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Protocol

import numpy as np

from fgbg_depth.builder.row_shapes import RowShapes, SceneShapes, Shapes
from fgbg_depth.depth.background_ground import find_stage
from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.recipe import Recipe
from fgbg_depth.render.blend import blended, composite, place_alpha
from fgbg_depth.render.compose import compose_rows
from fgbg_depth.render.inputs import Background
from fgbg_depth.render.scene_rows import compose_scene_rows
from fgbg_depth.render.scenes import ComposedScene, compose_scene
from fgbg_depth.render.variants import Variants
from fgbg_depth.scene.draw import SceneDrawing
from fgbg_depth.scene.layers import BLOCK, Layer, cutout_blocks, row_facts, row_order, sample_layers
from fgbg_depth.scene.scenes import Scene
from fgbg_depth.schema import GROUND, SCENE
from fgbg_depth.sources.prepared import Prepared
from fgbg_depth.statistics import Sums

Facts = Mapping[str, Any]  # the columns of a row that composing fills and that hold no image


class RowComposer(Protocol):
    """Rows of one background with the cut-outs of one shard."""

    @property
    def shapes(self) -> RowShapes:
        """What the labels of the rows need."""

    def facts(self, names: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
        """The facts of rows, in stored order (`scene.layers.row_order`).

        Args:
            names: of the cut-outs whose rows are drawn; default: all.
        """

    def rows(self, sums: Sums, count_images: bool, names: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
        """Rows, composed and encoded, in stored order; see `render.compose.compose_rows`.

        Args:
            names: of the cut-outs whose rows are composed; default: all.
        """

    def pixels(self, facts: Facts) -> ComposedScene:
        """The pixels of one row, from its facts."""


class RowComposers:
    """Composers of the rows of any background. Variants and shapes of cut-outs are kept between backgrounds.

    Args:
        spec: of the depth of the backgrounds; None without depth.
    """

    def __init__(self, recipe: Recipe, prepared: Prepared, spec: DepthSpec | None) -> None:
        self._recipe, self._prepared, self._spec = recipe, prepared, spec
        self._shapes = Shapes(recipe, prepared)
        self._variants = Variants(recipe, prepared.cutout)

    def of(self, background: Background, names: Sequence[str]) -> RowComposer:
        """The composer of the rows of one background.

        Args:
            names: the cut-outs of a shard, in its order.
        """
        if SCENE not in self._recipe.extras:
            return PlainRows(self._recipe, self._prepared, self._shapes, background, names)
        stage = None
        if GROUND in self._recipe.extras and background.depth is not None and self._spec is not None:
            stage = find_stage(background.depth, self._spec)
        digests = [self._prepared.cutout_digest(name) for name in names]
        drawing = SceneDrawing(self._recipe, background.digest, names, digests, self._variants, stage)
        return SceneRows(drawing, background, self._variants)


@dataclass(frozen=True)
class PlainRows:
    """Rows with one cut-out each, as it was prepared."""

    recipe: Recipe
    prepared: Prepared
    shapes: Shapes
    background: Background
    names: Sequence[str]

    def facts(self, names: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
        """See `RowComposer`."""
        layers = lru_cache(2 * BLOCK)(self._layers)
        for name, flip, placement in row_order(names or self.names, self.recipe):
            yield row_facts(self.background.name, name, layers(name, flip)[placement])

    def _layers(self, name: str, flip: bool) -> list[Layer]:
        cutout = self.prepared.cutout(name)
        return sample_layers(self.recipe, self.background.digest, cutout.digest, flip, *cutout.image.size)

    def rows(self, sums: Sums, count_images: bool, names: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
        """See `RowComposer`."""
        for block in cutout_blocks(names or self.names):
            cutouts = [self.prepared.cutout(name) for name in block]
            yield from compose_rows(self.recipe, self.background, cutouts, sums, count_images)

    def pixels(self, facts: Facts) -> ComposedScene:
        """See `RowComposer`."""
        layer = Layer(facts["x"], facts["y"], facts["width"], facts["height"], facts["flip"])
        cutout = blended(self.prepared.cutout(facts["fg"]), layer.flip, self.recipe)
        mask = place_alpha(np.asarray(cutout.alpha), layer, self.recipe.size)
        return ComposedScene(composite(cutout, self.background.image, layer), mask)


@dataclass(frozen=True)
class SceneRows:
    """Rows with scenes."""

    drawing: SceneDrawing
    background: Background
    variants: Variants

    @cached_property
    def shapes(self) -> SceneShapes:
        """See `RowComposer`."""
        return SceneShapes(self.drawing.recipe, self.variants, self.drawing.stage)

    def facts(self, names: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
        """See `RowComposer`."""
        for row in row_order(names or self.drawing.names, self.drawing.recipe):
            yield self.drawing.scene(*row).facts(self.background.name)

    def rows(self, sums: Sums, count_images: bool, names: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
        """See `RowComposer`."""
        drawing = self.drawing
        yield from compose_scene_rows(
            drawing, self.background, names or drawing.names, self.variants, sums, count_images
        )

    def pixels(self, facts: Facts) -> ComposedScene:
        """See `RowComposer`."""
        scene, drawing = Scene.from_facts(facts), self.drawing
        return compose_scene(scene, self.background.image, self.variants, drawing.stage, drawing.recipe)
