"""What rows are composed from: a prepared background and a prepared cut-out, decoded."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fgbg_depth.recipe import Recipe
from fgbg_depth.render.jpeg_strips import JpegStrips


def depth_digest(stored: NDArray[np.unsignedinteger[Any]]) -> str:
    """16 hex digits of (H, W) stored depth values."""
    return hashlib.sha256(stored.tobytes()).hexdigest()[:16]


@dataclass(frozen=True)
class Background:
    """A prepared background: (size, size, 3) uint8 sRGB as a Pillow image.

    `digest` is the SHA-256 of the original file. It keys the randomness of the rows. `depth` is the depth predicted
    from `image`, (size, size) stored values, uint16 or uint8; None in a dataset without depth.
    """

    name: str
    digest: str
    image: Image.Image
    depth: NDArray[np.unsignedinteger[Any]] | None = None
    _strips: dict[tuple[int, str], JpegStrips] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def depth_digest(self) -> str:
        """Digest of the stored values of `depth`; "" without."""
        return "" if self.depth is None else depth_digest(self.depth)

    def strips(self, recipe: Recipe) -> JpegStrips:
        """This background's JPEG in strips, for the recipe's JPEG options; computed once."""
        key = recipe.jpeg_quality, recipe.jpeg_subsampling
        if key not in self._strips:
            self._strips[key] = JpegStrips(self.image, *key)
        return self._strips[key]


@dataclass(frozen=True)
class Cutout:
    """A prepared cut-out: (height, width, 4) uint8 sRGB with straight alpha, at the size at which it is placed.

    `digest` is the SHA-256 of the original file. It keys the randomness of the rows.
    """

    name: str
    digest: str
    image: Image.Image

    @cached_property
    def rgb(self) -> Image.Image:
        """The colour, also of transparent pixels."""
        return self.image.convert("RGB")

    @cached_property
    def alpha(self) -> Image.Image:
        """The matte, mode L."""
        return self.image.getchannel("A")

    def flipped(self) -> Cutout:
        """The same cut-out mirrored left to right."""
        return Cutout(self.name, self.digest, self.image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
