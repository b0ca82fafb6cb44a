"""Rows with scenes, without depth: composites, masks and instance maps, encoded, with statistics of stored pixels."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from PIL import Image

from fgbg_depth.recipe import Recipe
from fgbg_depth.render.codecs import encode_image
from fgbg_depth.render.inputs import Background
from fgbg_depth.render.png import encode_mask
from fgbg_depth.render.scenes import ComposedScene, compose_scene
from fgbg_depth.render.variants import Variants
from fgbg_depth.scene.draw import SceneDrawing
from fgbg_depth.schema import INSTANCES
from fgbg_depth.statistics import CountedMatte, Sums


def compose_scene_rows(
    drawing: SceneDrawing, background: Background, fg: str, variants: Variants, sums: Sums, count_images: bool = False
) -> Iterator[dict[str, Any]]:
    """Compose all rows of one cut-out on one background, in order: flip, then placement.

    Args:
        drawing: of the background and the cut-outs that can be in its rows.
        fg: name of the cut-out.
        sums: masks and coverage are added to it.
        count_images: also add the stored pixels of fg_bg, as in `compose.compose_rows`.
    Yields:
        a row of the default config without depth; images as {"bytes", "path"}.
    """
    for flip in drawing.recipe.flips:
        for scene in drawing.scenes(fg, flip):
            composed = compose_scene(scene, background.image, variants, drawing.stage, drawing.recipe)
            images = encode_scene(composed, drawing.recipe)
            if count_images:
                stored = Image.open(io.BytesIO(images["fg_bg"])).convert("RGB")
                sums.add_image(stored, len(images["fg_bg"]))
            frame = slice(0, drawing.recipe.size)
            sums.add_mask(frame, frame, CountedMatte.of(composed.mask), len(images["fg_bg_mask"]))
            yield {
                **{name: {"bytes": data, "path": None} for name, data in images.items()},
                **scene.facts(background.name),
                "coverage": composed.coverage,
            }


def encode_scene(composed: ComposedScene, recipe: Recipe) -> dict[str, bytes]:
    """The stored images of one row, by column."""
    images = {
        "fg_bg": encode_image(composed.image, recipe.image_format, recipe.jpeg_quality, recipe.jpeg_subsampling),
        "fg_bg_mask": encode_mask(composed.mask),
    }
    if INSTANCES in recipe.extras and composed.instances is not None:
        images["fg_bg_instances"] = encode_mask(composed.instances)
    return images
