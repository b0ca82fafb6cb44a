"""Rows with scenes: layers pasted far to near, the matte of all of them, and which one is in front at each pixel."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fgbg_depth.recipe import Recipe
from fgbg_depth.render.light import around_box, match_light
from fgbg_depth.render.poisson import clone_colors
from fgbg_depth.render.variants import Variant, Variants
from fgbg_depth.scene.layers import Layer
from fgbg_depth.scene.scenes import Scene
from fgbg_depth.scene.stage import Stage, overlap, shown_part
from fgbg_depth.schema import FOREGROUND_ALPHA


@dataclass(frozen=True)
class LayerMatte:
    """The matte of one layer as it is pasted.

    Args:
        alpha: (h, w) uint8, 0 where the background hides the layer.
        x, y: of its upper left corner, in pixels of the frame; may be negative.
        variant: the cut-out, with the alpha that it has when nothing hides it.
    """

    alpha: NDArray[np.uint8]
    x: int
    y: int
    variant: Variant


@dataclass(frozen=True)
class ComposedScene:
    """The pixels of one row.

    Args:
        image: (H, W, 3) uint8 sRGB.
        mask: (H, W) uint8, the alpha of all layers together.
        instances: (H, W) uint8, 0 where `mask` < 128, else 1 + position of the layer in front; None for plain rows.
        box: rows and columns of the frame outside of which the row is its background.
    """

    image: Image.Image
    mask: NDArray[np.uint8]
    instances: NDArray[np.uint8] | None = None
    box: tuple[slice, slice] = (slice(None), slice(None))

    @property
    def coverage(self) -> float:
        """Share of the frame that `mask` covers, sum of alpha, 0 to 1; a float32 value."""
        return float(np.float32(int(self.mask[self.box].sum(dtype=np.int64)) / (255 * self.mask.size)))


def layer_mattes(scene: Scene, variants: Variants, stage: Stage | None, recipe: Recipe) -> list[LayerMatte]:
    """The mattes of a scene's layers, farthest first. Depends on nothing but the scene and the prepared sources."""
    mattes = []
    for layer in scene.layers:
        variant = variants.of(layer, scene.blend)
        shown = shown_part(variant.foreground, layer, variant.margin, stage, recipe)
        alpha = variant.alpha if shown is None else np.where(shown, variant.alpha, np.uint8(0))
        mattes.append(LayerMatte(alpha, layer.x - variant.margin, layer.y - variant.margin, variant))
    return mattes


def compose_scene(
    scene: Scene, background: Image.Image, variants: Variants, stage: Stage | None, recipe: Recipe
) -> ComposedScene:
    """Compose one row: I = a*F + (1-a)*I for each layer, farthest first.

    Args:
        background: (H, W, 3) uint8 sRGB; not changed.
        stage: what may hide layers; None: nothing.
    Source: Porter & Duff 1984, "over"; blended in encoded sRGB without gamma, as in most training sets.
    """
    image = background.copy()
    union = UnionMatte(recipe.size)
    for layer, matte in zip(scene.layers, layer_mattes(scene, variants, stage, recipe), strict=True):
        colors = _colors(layer, matte, background, image, scene.blend, recipe)
        image.paste(colors.convert("RGB"), (matte.x, matte.y), Image.fromarray(matte.alpha))
        union.add(matte)
    return ComposedScene(image, union.mask, union.instances(), union.box)


def _colors(
    layer: Layer, matte: LayerMatte, background: Image.Image, image: Image.Image, blend: str, recipe: Recipe
) -> Image.Image:
    """The colours with which a layer is pasted."""
    colors = matte.variant.image
    if recipe.match_light:
        box = around_box(layer.x, layer.y, layer.width, layer.height, recipe.size)
        colors = match_light(colors, background.crop(box), recipe.match_light)
    return clone_colors(image, colors, matte.x, matte.y) if blend == "poisson" else colors


@dataclass
class UnionMatte:
    """The matte of several layers, one over the other, and which is in front."""

    size: int
    mask: NDArray[np.uint8] = field(init=False)
    _front: NDArray[np.uint8] = field(init=False)  # number of the nearest layer with alpha >= 128, from 1
    _strongest: NDArray[np.uint8] = field(init=False)  # largest alpha of a layer, where none reaches 128
    _number: int = 0

    def __post_init__(self) -> None:
        self.mask, self._front, self._strongest = (np.zeros((self.size, self.size), np.uint8) for _ in range(3))
        self._top, self._bottom, self._left, self._right = self.size, 0, self.size, 0

    def add(self, matte: LayerMatte) -> None:
        """Lay one more layer over the others."""
        self._number += 1
        rows, columns, alpha = overlap(matte.alpha, matte.x, matte.y, self.size)
        if not alpha.size:
            return
        self._top, self._bottom = min(self._top, rows.start), max(self._bottom, rows.stop)
        self._left, self._right = min(self._left, columns.start), max(self._right, columns.stop)
        below = self.mask[rows, columns]
        # 255 - (255 - m) * (255 - a) / 255, rounded
        product = (255 - below.astype(np.uint16)) * (255 - alpha.astype(np.uint16))
        below[:] = 255 - (product + 127) // 255
        strongest = self._strongest[rows, columns]
        leads = (alpha >= FOREGROUND_ALPHA) | ((alpha > 0) & (alpha >= strongest) & (strongest < FOREGROUND_ALPHA))
        self._front[rows, columns][leads] = self._number
        strongest[leads] = alpha[leads]

    def instances(self) -> NDArray[np.uint8]:
        """(H, W) uint8: number of the layer in front, from 1; 0 where the matte is less than 128.

        Where only several layers together reach 128, it is that with the largest alpha. To be called once, at the end.
        """
        inside = self._front[self.box]
        inside[self.mask[self.box] < FOREGROUND_ALPHA] = 0
        return self._front

    @property
    def box(self) -> tuple[slice, slice]:
        """Rows and columns of the frame that the layers touch; empty slices if none does."""
        return slice(min(self._top, self._bottom), self._bottom), slice(min(self._left, self._right), self._right)
