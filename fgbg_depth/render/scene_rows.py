"""Rows with scenes, without depth: composites, masks and instance maps, encoded, with statistics of stored pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from PIL import Image

from fgbg_depth.recipe import Recipe
from fgbg_depth.render.codecs import encode_image
from fgbg_depth.render.compose import strip_groups
from fgbg_depth.render.inputs import Background
from fgbg_depth.render.jpeg_strips import JpegStrips, StripCounts
from fgbg_depth.render.png import PackedMatte, encode_mask, encode_placed_mask
from fgbg_depth.render.scenes import ComposedScene, compose_scene
from fgbg_depth.render.variants import Variants
from fgbg_depth.scene.draw import SceneDrawing
from fgbg_depth.scene.layers import row_order
from fgbg_depth.scene.scenes import Scene
from fgbg_depth.schema import INSTANCES
from fgbg_depth.statistics import CountedMatte, Sums

_Row = tuple[Scene, ComposedScene]


def compose_scene_rows(
    drawing: SceneDrawing,
    background: Background,
    names: Sequence[str],
    variants: Variants,
    sums: Sums,
    count_images: bool = False,
) -> Iterator[dict[str, Any]]:
    """Compose all rows of some cut-outs on one background, in the order of `scene.layers.row_order`.

    Args:
        drawing: of the background and the cut-outs that can be in its rows.
        names: of the cut-outs.
        sums: masks and coverage are added to it.
        count_images: also add the stored pixels of fg_bg, as in `compose.compose_rows`.
    Yields:
        a row of the default config without depth; images as {"bytes", "path"}.
    """
    recipe = drawing.recipe
    scenes = (drawing.scene(*row) for row in row_order(names, recipe))
    rows = ((scene, compose_scene(scene, background.image, variants, drawing.stage, recipe)) for scene in scenes)
    jpeg = recipe.image_format == "jpeg"
    counts = StripCounts(background.strips(recipe)) if count_images and jpeg else None
    encoded = _encoded_jpeg(background.strips(recipe), rows, counts) if jpeg else _encoded_png(recipe, rows)
    num_bytes = 0
    for (scene, composed), data in encoded:
        num_bytes += len(data)
        if count_images and not jpeg:
            sums.add_image(composed.image, len(data))
        matte = composed.mask[composed.box]
        top, left = (part.start for part in composed.box)
        mask = encode_placed_mask(PackedMatte.of(matte, recipe.size), top, left, recipe.size, recipe.size)
        sums.add_mask(*composed.box, CountedMatte.of(matte), len(mask))
        images = {"fg_bg": data, "fg_bg_mask": mask, **_instances(composed, recipe)}
        yield {
            **{name: {"bytes": image, "path": None} for name, image in images.items()},
            **scene.facts(background.name),
            "coverage": composed.coverage,
        }
    if counts is not None:
        sums.add_histogram(counts.histogram(), num_bytes)


def encode_scene(composed: ComposedScene, recipe: Recipe) -> dict[str, bytes]:
    """The stored images of one row, by column; the same bytes as in `compose_scene_rows`."""
    return {
        "fg_bg": encode_image(composed.image, recipe.image_format, recipe.jpeg_quality, recipe.jpeg_subsampling),
        "fg_bg_mask": encode_mask(composed.mask),
        **_instances(composed, recipe),
    }


def _instances(composed: ComposedScene, recipe: Recipe) -> dict[str, bytes]:
    if INSTANCES not in recipe.extras or composed.instances is None:
        return {}
    return {"fg_bg_instances": encode_mask(composed.instances)}


def _encoded_png(recipe: Recipe, rows: Iterable[_Row]) -> Iterator[tuple[_Row, bytes]]:
    for row in rows:
        yield row, encode_image(row[1].image, recipe.image_format, recipe.jpeg_quality, recipe.jpeg_subsampling)


def _encoded_jpeg(strips: JpegStrips, rows: Iterable[_Row], counts: StripCounts | None) -> Iterator[tuple[_Row, bytes]]:
    """Composites as JPEG files, with the same bytes as `encode_image`. Only the strip that layers touch is encoded."""
    touched = ((row, row[1].box[0].start, row[1].box[0].stop) for row in rows)
    for group in strip_groups(strips, touched):
        spans = [span for _, span in group]
        boxes = [strips.strip_box(span) for span in spans]
        stack = Image.new("RGB", (strips.background.width, sum(bottom - top for _, top, _, bottom in boxes)))
        stack_y = 0
        for (row, _), box in zip(group, boxes, strict=True):
            stack.paste(row[1].image.crop(box), (0, stack_y))
            stack_y += box[3] - box[1]
        for (row, span), coded in zip(group, strips.encode(stack, spans), strict=True):
            if counts is not None:
                counts.add(coded, span)
            yield row, strips.join(coded, span)
