"""Composites and mattes: I = a*F + (1-a)*B, and the mask is a."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image

from fgbg_depth.codecs import encode_image, encode_mask
from fgbg_depth.errors import PlacementError
from fgbg_depth.placement import Placement, sample_placements
from fgbg_depth.recipe import Recipe
from fgbg_depth.statistics import Sums


@dataclass(frozen=True)
class Background:
    """A prepared background: (size, size, 3) uint8 sRGB as a Pillow image."""

    name: str
    digest: str
    image: Image.Image


@dataclass(frozen=True)
class Cutout:
    """A prepared cut-out: RGBA uint8, straight alpha, at its placed size."""

    name: str
    digest: str
    image: Image.Image

    @cached_property
    def rgb(self) -> Image.Image:
        return self.image.convert("RGB")

    @cached_property
    def alpha(self) -> Image.Image:
        return self.image.getchannel("A")

    def flipped(self) -> Cutout:
        return Cutout(self.name, self.digest, self.image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))


def composite(cutout: Cutout, background: Image.Image, placement: Placement) -> Image.Image:
    """Place `cutout` over `background`: I = a*F + (1-a)*B, rounded to the nearest integer.

    Args:
        cutout: already mirrored if `placement.flip`, already at its placed size.
        background: (H, W, 3) uint8 sRGB; left as it is.
        placement: where; what lies outside the frame is clipped.
    Returns:
        fg_bg: (H, W, 3) uint8 sRGB.
    Source: Porter & Duff 1984, "over"; blended in encoded sRGB without gamma, as most training sets are.
    """
    image = background.copy()
    image.paste(cutout.rgb, (placement.x, placement.y), cutout.alpha)
    return image


def place_alpha(alpha: np.ndarray, placement: Placement, size: int) -> np.ndarray:
    """The matte of a composite: `alpha` in its place, 0 elsewhere.

    Args:
        alpha: (height, width) uint8 of the cut-out, already mirrored if `placement.flip`.
    Returns:
        mask: (size, size) uint8.
    Raises:
        PlacementError: nothing of the cut-out would be visible.
    """
    mask = np.zeros((size, size), np.uint8)
    rows, columns, part = visible_part(alpha, placement, size)
    mask[rows, columns] = part
    return mask


def visible_part(alpha: np.ndarray, placement: Placement, size: int) -> tuple[slice, slice, np.ndarray]:
    """Rows and columns of the frame that the cut-out's box covers, and the part of `alpha` that shows there."""
    height, width = alpha.shape
    top, bottom = max(0, placement.y), min(size, placement.y + height)
    left, right = max(0, placement.x), min(size, placement.x + width)
    if top >= bottom or left >= right:
        raise PlacementError(f"{placement} lies outside a frame of {size}x{size} pixels")
    part = alpha[top - placement.y : bottom - placement.y, left - placement.x : right - placement.x]
    return slice(top, bottom), slice(left, right), part


def compose_rows(recipe: Recipe, background: Background, cutout: Cutout, sums: Sums) -> Iterator[dict]:
    """All rows of one cut-out on one background, encoded, in order: flip, then placement.

    Args:
        sums: masks and coverage are added to it; they need no decoding, since a matte is stored losslessly.
    Yields:
        a row of the default config without depth; images as {"bytes", "path"}.
    """
    for flip in recipe.flips:
        placed = cutout.flipped() if flip else cutout
        alpha = np.asarray(placed.alpha)
        height, width = alpha.shape
        for p in sample_placements(recipe, background.digest, cutout.digest, flip, width, height):
            image = composite(placed, background.image, p)
            data = encode_image(image, recipe.image_format, recipe.jpeg_quality, recipe.jpeg_subsampling)
            mask = encode_mask(place_alpha(alpha, p, recipe.size))
            sums.add_mask(*visible_part(alpha, p, recipe.size), num_bytes=len(mask))
            yield {
                "fg_bg": {"bytes": data, "path": None},
                "fg_bg_mask": {"bytes": mask, "path": None},
                "bg": background.name,
                "fg": cutout.name,
                "flip": flip,
                "placement": p.index,
                "x": p.x,
                "y": p.y,
                "width": width,
                "height": height,
            }
