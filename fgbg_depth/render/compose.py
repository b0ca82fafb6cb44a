"""Composites and mattes: I = a*F + (1-a)*B, and the mask is a."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image

from fgbg_depth.errors import PlacementError
from fgbg_depth.recipe import Recipe
from fgbg_depth.render.codecs import PackedMatte, encode_image, encode_mask_part
from fgbg_depth.render.jpeg_strips import MAX_HEIGHT, STACK, JpegStrips, StripCounts
from fgbg_depth.scene.layers import Placement, row_facts, sample_placements
from fgbg_depth.statistics import Matte, Sums


@dataclass(frozen=True)
class Background:
    """A prepared background: (size, size, 3) uint8 sRGB as a Pillow image."""

    name: str
    digest: str
    image: Image.Image
    _strips: dict[tuple[int, str], JpegStrips] = field(default_factory=dict, repr=False, compare=False)

    def strips(self, recipe: Recipe) -> JpegStrips:
        """This background's JPEG, taken apart for reuse; made once."""
        key = recipe.jpeg_quality, recipe.jpeg_subsampling
        if key not in self._strips:
            self._strips[key] = JpegStrips(self.image, *key)
        return self._strips[key]


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


def compose_rows(
    recipe: Recipe, background: Background, cutout: Cutout, sums: Sums, count_images: bool = False
) -> Iterator[dict[str, Any]]:
    """All rows of one cut-out on one background, encoded, in order: flip, then placement.

    Args:
        sums: masks and coverage are added to it; they need no decoding, since a matte is stored losslessly.
        count_images: add the stored pixels of fg_bg too, for which JPEG must be decoded. Without it, whoever
            decodes the rows next should count them.
    Yields:
        a row of the default config without depth; images as {"bytes", "path"}.
    """
    jpeg = recipe.image_format == "jpeg"
    counts = StripCounts(background.strips(recipe)) if count_images and jpeg else None
    num_bytes = 0
    for flip in recipe.flips:
        placed = cutout.flipped() if flip else cutout
        alpha = np.asarray(placed.alpha)
        height, width = alpha.shape
        placements = sample_placements(recipe, background.digest, cutout.digest, flip, width, height)
        if jpeg:
            encoded = _encoded_jpeg(background.strips(recipe), placed, placements, counts)
        else:
            encoded = _encoded_png(recipe, background, placed, placements, sums if count_images else None)
        whole = Matte.of(alpha), PackedMatte.of(alpha, recipe.size)
        for p, data in zip(placements, encoded, strict=True):
            num_bytes += len(data)
            rows, columns, part = visible_part(alpha, p, recipe.size)
            matte, packed = whole if part.shape == alpha.shape else (Matte.of(part), PackedMatte.of(part, recipe.size))
            mask = encode_mask_part(packed, rows.start, columns.start, recipe.size, recipe.size)
            sums.add_mask(rows, columns, matte, num_bytes=len(mask))
            yield {
                "fg_bg": {"bytes": data, "path": None},
                "fg_bg_mask": {"bytes": mask, "path": None},
                **row_facts(background.name, cutout.name, p),
            }
    if counts is not None:
        sums.add_histogram(counts.histogram(), num_bytes)


def _encoded_png(
    recipe: Recipe, background: Background, cutout: Cutout, placements: list[Placement], sums: Sums | None
) -> Iterator[bytes]:
    """Composites as PNG files; what is stored is what was composed."""
    for p in placements:
        image = composite(cutout, background.image, p)
        data = encode_image(image, recipe.image_format, recipe.jpeg_quality, recipe.jpeg_subsampling)
        if sums is not None:
            sums.add_image(image, len(data))
        yield data


def _encoded_jpeg(
    strips: JpegStrips, cutout: Cutout, placements: list[Placement], counts: StripCounts | None
) -> Iterator[bytes]:
    """Composites as JPEG files, the bytes that `encode_image(composite(...))` gives, made of strips."""
    for group in _stacks(strips, placements, cutout.image.height):
        boxes = [strips.strip_box(span) for _, span in group]
        stack = Image.new("RGB", (strips.background.width, sum(bottom - top for _, top, _, bottom in boxes)))
        end = 0
        for p, span in group:
            _, top, _, bottom = strips.strip_box(span)
            strip = strips.strip(span)
            if p.y >= 0 and p.y + p.height <= strips.background.height:
                stack.paste(strip, (0, end))
                stack.paste(cutout.rgb, (p.x, p.y - top + end), cutout.alpha)
            else:  # pasted onto the stack it would reach into the next strip
                strip = strip.copy()
                strip.paste(cutout.rgb, (p.x, p.y - top), cutout.alpha)
                stack.paste(strip, (0, end))
            end += bottom - top
        for (_, span), rows in zip(group, strips.encode(stack, [span for _, span in group]), strict=True):
            if counts is not None:
                counts.add(rows, span)
            yield strips.whole(rows, span)


def _stacks(
    strips: JpegStrips, placements: list[Placement], height: int
) -> Iterator[list[tuple[Placement, tuple[int, int]]]]:
    """Placements in groups whose strips are encoded together, each with its rows of blocks."""
    frame = strips.background.height
    group: list[tuple[Placement, tuple[int, int]]] = []
    for p in placements:
        span = strips.span(max(0, p.y), min(frame, p.y + height))
        group.append((p, span))
        cut_short = strips.strip_box(span)[3] % strips.block > 0
        if len(group) == STACK or cut_short or len(group) * (frame + strips.block) > MAX_HEIGHT:
            yield group
            group = []
    if group:
        yield group
