"""Plain rows of a dataset without depth: composites and masks, encoded, with statistics of the stored pixels.

A plain row has one cut-out as it was prepared. Rows with scenes are composed by `scene_rows`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from fgbg_depth.recipe import Recipe
from fgbg_depth.render.blend import blended, composite, paste, visible_part
from fgbg_depth.render.codecs import encode_image
from fgbg_depth.render.inputs import Background, Cutout
from fgbg_depth.render.jpeg_strips import MAX_STACK_HEIGHT, STRIPS_PER_CALL, JpegStrips, Span, StripCounts
from fgbg_depth.render.png import PackedMatte, encode_placed_mask
from fgbg_depth.scene.layers import Layer, row_facts, sample_layers
from fgbg_depth.statistics import CountedMatte, Sums

Item = TypeVar("Item")


def compose_rows(
    recipe: Recipe, background: Background, cutout: Cutout, sums: Sums, count_images: bool = False
) -> Iterator[dict[str, Any]]:
    """Compose all rows of one cut-out on one background, in order: flip, then placement.

    Args:
        sums: masks and coverage are added to it. Mattes are stored losslessly, so they need no decoding.
        count_images: also add the stored pixels of fg_bg, for which JPEG must be decoded. Pass False where the
            caller decodes the rows anyway, and add them there.
    Yields:
        a row of the default config without depth; images as {"bytes", "path"}.
    """
    jpeg = recipe.image_format == "jpeg"
    counts = StripCounts(background.strips(recipe)) if count_images and jpeg else None
    num_bytes = 0
    for flip in recipe.flips:
        placed = blended(cutout, flip, recipe)
        alpha = np.asarray(placed.alpha)
        height, width = alpha.shape
        layers = sample_layers(recipe, background.digest, cutout.digest, flip, width, height)
        if jpeg:
            encoded = _encoded_jpeg(background.strips(recipe), placed, layers, counts)
        else:
            encoded = _encoded_png(recipe, background, placed, layers, sums if count_images else None)
        whole = CountedMatte.of(alpha), PackedMatte.of(alpha, recipe.size)
        for layer, data in zip(layers, encoded, strict=True):
            num_bytes += len(data)
            rows, columns, visible = visible_part(alpha, layer, recipe.size)
            if visible.shape == alpha.shape:  # most layers lie wholly inside the frame
                matte, packed = whole
            else:
                matte, packed = CountedMatte.of(visible), PackedMatte.of(visible, recipe.size)
            mask = encode_placed_mask(packed, rows.start, columns.start, recipe.size, recipe.size)
            sums.add_mask(rows, columns, matte, num_bytes=len(mask))
            yield {
                "fg_bg": {"bytes": data, "path": None},
                "fg_bg_mask": {"bytes": mask, "path": None},
                **row_facts(background.name, cutout.name, layer),
            }
    if counts is not None:
        sums.add_histogram(counts.histogram(), num_bytes)


def _encoded_png(
    recipe: Recipe, background: Background, cutout: Cutout, layers: list[Layer], sums: Sums | None
) -> Iterator[bytes]:
    """Composites as PNG files, whose stored pixels are the composed ones."""
    for layer in layers:
        image = composite(cutout, background.image, layer)
        data = encode_image(image, recipe.image_format, recipe.jpeg_quality, recipe.jpeg_subsampling)
        if sums is not None:
            sums.add_image(image, len(data))
        yield data


def _encoded_jpeg(
    strips: JpegStrips, cutout: Cutout, layers: list[Layer], counts: StripCounts | None
) -> Iterator[bytes]:
    """Composites as JPEG files, with the same bytes as `encode_image(composite(...))`.

    Only the strip of the picture that the cut-out touches is composed and encoded, many strips a call.
    """
    frame_height = strips.background.height
    touched = ((layer, max(0, layer.y), min(frame_height, layer.y + cutout.image.height)) for layer in layers)
    for group in strip_groups(strips, touched):
        spans = [span for _, span in group]
        boxes = [strips.strip_box(span) for span in spans]
        stack = Image.new("RGB", (strips.background.width, sum(bottom - top for _, top, _, bottom in boxes)))
        stack_y = 0
        for (layer, span), (_, top, _, bottom) in zip(group, boxes, strict=True):
            strip = strips.strip(span)
            if layer.y >= 0 and layer.y + layer.height <= frame_height:
                stack.paste(strip, (0, stack_y))
                paste(stack, cutout, layer.x, layer.y - top + stack_y)
            else:  # clipped by the frame: pasted onto the stack, it would reach into a neighbouring strip
                strip = strip.copy()
                paste(strip, cutout, layer.x, layer.y - top)
                stack.paste(strip, (0, stack_y))
            stack_y += bottom - top
        for span, rows in zip(spans, strips.encode(stack, spans), strict=True):
            if counts is not None:
                counts.add(rows, span)
            yield strips.join(rows, span)


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
