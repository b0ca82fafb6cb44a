"""Plain rows of a dataset without depth: composites and masks, encoded, with statistics of the stored pixels.

A plain row has one cut-out as it was prepared. Rows with scenes are composed by `scene_rows`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from fgbg_depth.recipe import Recipe
from fgbg_depth.render.blend import blended, composite, paste, visible_part
from fgbg_depth.render.codecs import encode_image
from fgbg_depth.render.inputs import Background, Cutout
from fgbg_depth.render.jpeg_strips import MAX_STACK_HEIGHT, STRIPS_PER_CALL, JpegStrips, Span, StripCounts
from fgbg_depth.render.png import PackedMatte, encode_placed_mask
from fgbg_depth.scene.layers import Layer, row_facts, row_order, sample_layers
from fgbg_depth.statistics import CountedMatte, Sums

Item = TypeVar("Item")


class _Placed:
    """A cut-out with one flip, and what all its rows share."""

    def __init__(self, recipe: Recipe, background: Background, cutout: Cutout, flip: bool) -> None:
        self.cutout, self._size = blended(cutout, flip, recipe), recipe.size
        self._alpha = np.asarray(self.cutout.alpha)
        height, width = self._alpha.shape
        self.layers = sample_layers(recipe, background.digest, cutout.digest, flip, width, height)
        self._whole = CountedMatte.of(self._alpha), PackedMatte.of(self._alpha, recipe.size)

    def mask(self, layer: Layer, sums: Sums) -> bytes:
        """The mask of one row as a PNG file; it is added to the sums."""
        rows, columns, visible = visible_part(self._alpha, layer, self._size)
        if visible.shape == self._alpha.shape:  # most layers lie wholly inside the frame
            matte, packed = self._whole
        else:
            matte, packed = CountedMatte.of(visible), PackedMatte.of(visible, self._size)
        data = encode_placed_mask(packed, rows.start, columns.start, self._size, self._size)
        sums.add_mask(rows, columns, matte, num_bytes=len(data))
        return data


_Row = tuple[_Placed, Layer]


def compose_rows(
    recipe: Recipe, background: Background, cutouts: Sequence[Cutout], sums: Sums, count_images: bool = False
) -> Iterator[dict[str, Any]]:
    """Compose all rows of some cut-outs on one background, in the order of `scene.layers.row_order`.

    Args:
        cutouts: of one block, since what the rows of a cut-out share is kept for all of them.
        sums: masks and coverage are added to it. Mattes are stored losslessly, so they need no decoding.
        count_images: also add the stored pixels of fg_bg, for which JPEG must be decoded. Pass False where the
            caller decodes the rows anyway, and add them there.
    Yields:
        a row of the default config without depth; images as {"bytes", "path"}.
    """
    jpeg = recipe.image_format == "jpeg"
    counts = StripCounts(background.strips(recipe)) if count_images and jpeg else None
    num_bytes = 0
    by_name = {cutout.name: cutout for cutout in cutouts}
    placed = {
        (name, flip): _Placed(recipe, background, cutout, flip)
        for name, cutout in by_name.items()
        for flip in recipe.flips
    }
    rows = (
        (placed[name, flip], placed[name, flip].layers[placement])
        for name, flip, placement in row_order(list(by_name), recipe)
    )
    if jpeg:
        encoded = _encoded_jpeg(background.strips(recipe), rows, counts)
    else:
        encoded = _encoded_png(recipe, background, rows, sums if count_images else None)
    for (row, layer), data in encoded:
        num_bytes += len(data)
        yield {
            "fg_bg": {"bytes": data, "path": None},
            "fg_bg_mask": {"bytes": row.mask(layer, sums), "path": None},
            **row_facts(background.name, row.cutout.name, layer),
        }
    if counts is not None:
        sums.add_histogram(counts.histogram(), num_bytes)


def _encoded_png(
    recipe: Recipe, background: Background, rows: Iterable[_Row], sums: Sums | None
) -> Iterator[tuple[_Row, bytes]]:
    """Composites as PNG files, whose stored pixels are the composed ones."""
    for placed, layer in rows:
        image = composite(placed.cutout, background.image, layer)
        data = encode_image(image, recipe.image_format, recipe.jpeg_quality, recipe.jpeg_subsampling)
        if sums is not None:
            sums.add_image(image, len(data))
        yield (placed, layer), data


def _encoded_jpeg(strips: JpegStrips, rows: Iterable[_Row], counts: StripCounts | None) -> Iterator[tuple[_Row, bytes]]:
    """Composites as JPEG files, with the same bytes as `encode_image(composite(...))`.

    Only the strip of the picture that the cut-out touches is composed and encoded, many strips a call.
    """
    frame_height = strips.background.height
    touched = ((row, max(0, row[1].y), min(frame_height, row[1].y + row[1].height)) for row in rows)
    for group in strip_groups(strips, touched):
        spans = [span for _, span in group]
        boxes = [strips.strip_box(span) for span in spans]
        stack = Image.new("RGB", (strips.background.width, sum(bottom - top for _, top, _, bottom in boxes)))
        stack_y = 0
        for ((placed, layer), span), (_, top, _, bottom) in zip(group, boxes, strict=True):
            strip = strips.strip(span)
            if layer.y >= 0 and layer.y + layer.height <= frame_height:
                stack.paste(strip, (0, stack_y))
                paste(stack, placed.cutout, layer.x, layer.y - top + stack_y)
            else:  # clipped by the frame: pasted onto the stack, it would reach into a neighbouring strip
                strip = strip.copy()
                paste(strip, placed.cutout, layer.x, layer.y - top)
                stack.paste(strip, (0, stack_y))
            stack_y += bottom - top
        for (row, span), coded in zip(group, strips.encode(stack, spans), strict=True):
            if counts is not None:
                counts.add(coded, span)
            yield row, strips.join(coded, span)


def strip_groups(strips: JpegStrips, items: Iterable[tuple[Item, int, int]]) -> Iterator[list[tuple[Item, Span]]]:
    """Composites with their spans, in groups whose strips are encoded by one call.

    A strip with a last row of blocks that the picture's edge cuts short ends its group.

    Args:
        items: anything, with the first and last (exclusive) pixel row that differ from the background.
    """
    frame_height = strips.background.height
    group: list[tuple[Item, Span]] = []
    for item, top, bottom in items:
        span = strips.span(top, bottom)
        group.append((item, span))
        cut_short = strips.strip_box(span)[3] % strips.block > 0
        is_full = len(group) == STRIPS_PER_CALL or len(group) * (frame_height + strips.block) > MAX_STACK_HEIGHT
        if cut_short or is_full:
            yield group
            group = []
    if group:
        yield group
