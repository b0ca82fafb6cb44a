"""Cut-outs as a scene shows them: mirrored, turned, resized, with softened outlines. Kept, because rows share them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fgbg_depth.recipe import Recipe
from fgbg_depth.render.inputs import Cutout
from fgbg_depth.render.resample import resize_cutout
from fgbg_depth.render.soften import soften
from fgbg_depth.scene.layers import Layer
from fgbg_depth.schema import FOREGROUND_ALPHA, VISIBLE_ALPHA

_KEPT = 600  # variants; one of 110x80 pixels takes 50 kB


@dataclass(frozen=True)
class Variant:
    """A cut-out as it is pasted.

    Args:
        image: (h, w, 4) uint8 sRGB, straight alpha; larger than the layer's box by `margin` pixels on each side.
        foreground: (h, w) bool, alpha >= 128.
    """

    image: Image.Image
    margin: int
    foreground: NDArray[np.bool_]

    @property
    def alpha(self) -> NDArray[np.uint8]:
        """(h, w) uint8."""
        return np.asarray(self.image.getchannel("A"))


class Variants:
    """Variants of cut-outs, computed when they are first needed.

    Args:
        cutout: a prepared cut-out by name.
    """

    def __init__(self, recipe: Recipe, cutout: Callable[[str], Cutout]) -> None:
        self._recipe, self._cutout = recipe, cutout
        self._turned = lru_cache(maxsize=_KEPT)(self._turn)
        self._made = lru_cache(maxsize=_KEPT)(self._make)

    def size(self, fg: str, flip: bool, angle: int) -> tuple[int, int]:
        """(width, height) of a turned cut-out at its prepared size, in pixels."""
        size: tuple[int, int] = self._turned(fg, flip, angle).size
        return size

    def foreground(self, layer: Layer, blend: str) -> tuple[NDArray[np.bool_], int]:
        """(h, w) bool, the foreground as it is pasted, and how many pixels it reaches beyond the box on each side."""
        variant = self.of(layer, blend)
        return variant.foreground, variant.margin

    def of(self, layer: Layer, blend: str) -> Variant:
        """The variant of a layer.

        Args:
            blend: of `render.soften.BLENDS`.
        """
        return self._made(layer.fg, layer.flip, layer.angle, layer.width, layer.height, blend)

    def _turn(self, fg: str, flip: bool, angle: int) -> Image.Image:
        image = self._cutout(fg).image
        if flip:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if not angle:
            return image
        # Pillow turns RGBA with premultiplied alpha, so that no colour of transparent pixels shows
        image = image.rotate(angle, Image.Resampling.BICUBIC, expand=True)
        return image.crop(image.getchannel("A").point(lambda a: 255 * (a >= VISIBLE_ALPHA)).getbbox())

    def _make(self, fg: str, flip: bool, angle: int, width: int, height: int, blend: str) -> Variant:
        image = self._turned(fg, flip, angle)
        if image.size != (width, height):
            image = resize_cutout(image, (width, height))
        sigma = self._recipe.feather_sigma if blend == "feather" else None
        image, margin = soften(image, blend, self._recipe.size, sigma)
        return Variant(image, margin, np.asarray(image.getchannel("A")) >= FOREGROUND_ALPHA)
