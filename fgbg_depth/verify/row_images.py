"""The images of one stored row: are they what composing the row again gives?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image

from fgbg_depth.builder.row_composers import Facts
from fgbg_depth.errors import ShardError
from fgbg_depth.plan import Plan
from fgbg_depth.render.codecs import decode_grey, decode_rgb
from fgbg_depth.render.scene_rows import encode_scene
from fgbg_depth.render.scenes import ComposedScene
from fgbg_depth.statistics import CountedMatte, Sums

# Other builds of libjpeg round differently; the same picture stays within 8 of 255 levels.
_JPEG_TOLERANCE = 8

Images = Mapping[str, bytes]  # encoded images of a row, by column


def check_images(images: Images, facts: Facts, composed: ComposedScene, plan: Plan) -> bool:
    """Compare the images of a row with its pixels, composed again.

    Args:
        facts: the row's columns without images.
        composed: the pixels that the facts and the prepared sources give.
    Returns:
        Whether the stored images have the very bytes that composing again gives. False: only their pixels.
    Raises:
        ShardError: an image is not what recipe and sources give.
        OSError: an image cannot be decoded.
    """
    recipe = plan.recipe
    encoded = encode_scene(composed, recipe)
    if all(images[column] == data for column, data in encoded.items()):
        return True
    if not np.array_equal(decode_grey(images["fg_bg_mask"]), composed.mask):
        raise ShardError(f"fg_bg_mask is not the alpha of {_named(facts)} at its place")
    instances = images.get("fg_bg_instances")  # rows with one cut-out have none
    if instances and composed.instances is not None and not np.array_equal(decode_grey(instances), composed.instances):
        raise ShardError(f"fg_bg_instances is not that of {_named(facts)}")
    stored = decode_rgb(images["fg_bg"])
    if stored.shape != (recipe.size, recipe.size, 3):
        raise ShardError(f"fg_bg is {stored.shape[1]}x{stored.shape[0]}, not {recipe.size}x{recipe.size}")
    levels = np.abs(stored.astype(np.int16) - decode_rgb(encoded["fg_bg"])).max(initial=0)
    if levels > (0 if recipe.image_format == "png" else _JPEG_TOLERANCE):
        raise ShardError(
            f"fg_bg is not {_named(facts)} on {facts['bg']!r} (it differs by up to {levels} of 255 levels)"
        )
    return False


def check_coverage(stored: float, composed: ComposedScene) -> None:
    """Compare the column `coverage` of a row with scenes with its pixels.

    Raises:
        ShardError: they differ.
    """
    if stored != composed.coverage:
        raise ShardError(f"coverage is {stored}; its mask covers {composed.coverage}")


def _named(facts: Facts) -> str:
    """The cut-outs of a row, for messages."""
    if "objects" not in facts:
        return repr(facts["fg"])
    return " and ".join(repr(item["fg"]) for item in facts["objects"])


def count_images(sums: Sums, images: Images, plan: Plan) -> None:
    """Add the stored pixels of a row to `sums`."""
    frame = slice(0, plan.recipe.size)
    sums.add_image(Image.fromarray(decode_rgb(images["fg_bg"])), len(images["fg_bg"]))
    sums.add_mask(frame, frame, CountedMatte.of(decode_grey(images["fg_bg_mask"])), len(images["fg_bg_mask"]))
    for column, depth in sums.depths.items():
        depth.add(decode_grey(images[column]), len(images[column]))
