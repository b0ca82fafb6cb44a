"""The outlines of a row's cut-outs, which its labels are made and checked with: from its facts and prepared sources."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from fgbg_depth.depth.checks import Outline
from fgbg_depth.depth.placed import Silhouette
from fgbg_depth.recipe import Recipe
from fgbg_depth.render.blend import blended
from fgbg_depth.render.scenes import LayerMatte, layer_mattes
from fgbg_depth.render.variants import Variants
from fgbg_depth.scene.scenes import Scene
from fgbg_depth.scene.stage import Stage
from fgbg_depth.schema import FOREGROUND_ALPHA
from fgbg_depth.sources.prepared import Prepared


@dataclass(frozen=True)
class RowShape:
    """What labels need to know about the cut-outs of one row.

    Args:
        cutouts: farthest first: silhouette, and left and upper edge of its box, in pixels of the frame.
        outline: of the foreground of all of them together.
        x, y: left and upper edge of the outline's box.
    """

    cutouts: Sequence[tuple[Silhouette, int, int]]
    outline: Outline
    x: int
    y: int


class RowShapes(Protocol):
    """Shapes of rows."""

    @property
    def columns(self) -> Sequence[str]:
        """The facts that `of_row` needs."""

    def of_row(self, facts: Mapping[str, Any]) -> RowShape:
        """The shape of the row with these values of `columns`."""


@dataclass(frozen=True)
class Shape:
    """What labels need to know about a cut-out with one flip."""

    silhouette: Silhouette
    outline: Outline


class Shapes:
    """Shapes of plain rows, which have one cut-out each. Those of a cut-out and flip are computed once."""

    columns = ("fg", "flip", "x", "y")

    def __init__(self, recipe: Recipe, prepared: Prepared) -> None:
        self._recipe, self._prepared = recipe, prepared
        self._of = lru_cache(maxsize=800)(self._make)

    def of_row(self, facts: Mapping[str, Any]) -> RowShape:
        """The shape of a row."""
        shape, x, y = self._of(facts["fg"], facts["flip"]), facts["x"], facts["y"]
        return RowShape([(shape.silhouette, x, y)], shape.outline, x, y)

    def _make(self, fg: str, flip: bool) -> Shape:
        alpha = np.asarray(blended(self._prepared.cutout(fg), flip, self._recipe).alpha)
        return Shape(Silhouette.of(alpha), Outline.of(alpha))


class SceneShapes:
    """Shapes of rows with scenes on one background.

    Args:
        stage: of the background; None: nothing hides cut-outs.
    """

    columns = ("fg", "placement", "blend", "objects")

    def __init__(self, recipe: Recipe, variants: Variants, stage: Stage | None) -> None:
        self._recipe, self._variants, self._stage = recipe, variants, stage

    def of_row(self, facts: Mapping[str, Any]) -> RowShape:
        """The shape of a row."""
        mattes = layer_mattes(Scene.from_facts(facts), self._variants, self._stage, self._recipe)
        left, top = min(m.x for m in mattes), min(m.y for m in mattes)
        right, bottom = (max(m.x + m.alpha.shape[1] for m in mattes), max(m.y + m.alpha.shape[0] for m in mattes))
        union = np.zeros((bottom - top, right - left), np.uint8)
        for matte in mattes:
            box = union[matte.y - top :, matte.x - left :][: matte.alpha.shape[0], : matte.alpha.shape[1]]
            np.maximum(box, matte.alpha, out=box)
        return RowShape([(_silhouette(m), m.x, m.y) for m in mattes], Outline.of(union), left, top)


def _silhouette(matte: LayerMatte) -> Silhouette:
    """The visible foreground of a layer, with the foot that it has when nothing hides it."""
    whole = Silhouette.of_mask(matte.variant.foreground)
    return dataclasses.replace(whole, inside=matte.alpha >= FOREGROUND_ALPHA)
