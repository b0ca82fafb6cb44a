"""The images of one stored row: are they what composing the row again gives?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image

from fgbg_depth.errors import ShardError
from fgbg_depth.plan import Plan
from fgbg_depth.render.blend import blended, composite, place_alpha
from fgbg_depth.render.codecs import decode_grey, decode_rgb, encode_image
from fgbg_depth.render.inputs import Background, Cutout
from fgbg_depth.render.png import encode_mask
from fgbg_depth.statistics import CountedMatte, Sums
from fgbg_depth.verify.expected import ExpectedRow

# Other builds of libjpeg round differently; the same picture stays within 8 of 255 levels.
_JPEG_TOLERANCE = 8

Images = Mapping[str, bytes]  # encoded images of a row, by column


def check_images(images: Images, expected: ExpectedRow, plan: Plan, background: Background, cutout: Cutout) -> bool:
    """Compose a row again and compare it with what is stored.

    Args:
        cutout: as prepared, not mirrored.
    Returns:
        Whether fg_bg and fg_bg_mask have the very bytes that composing again gives. False: only their pixels.
    Raises:
        ShardError: an image is not what recipe and sources give.
        OSError: an image cannot be decoded.
    """
    recipe, layer = plan.recipe, expected.layer
    cutout = blended(cutout, layer.flip, recipe)
    image = composite(cutout, background.image, layer)
    matte = place_alpha(np.asarray(cutout.alpha), layer, recipe.size)
    encoded = encode_image(image, recipe.image_format, recipe.jpeg_quality, recipe.jpeg_subsampling)
    same_bytes = images["fg_bg"] == encoded and images["fg_bg_mask"] == encode_mask(matte)
    if not same_bytes:
        if not np.array_equal(decode_grey(images["fg_bg_mask"]), matte):
            raise ShardError(f"fg_bg_mask is not the alpha of {cutout.name!r} at its place")
        stored = decode_rgb(images["fg_bg"])
        if stored.shape != (recipe.size, recipe.size, 3):
            raise ShardError(f"fg_bg is {stored.shape[1]}x{stored.shape[0]}, not {recipe.size}x{recipe.size}")
        levels = np.abs(stored.astype(np.int16) - decode_rgb(encoded)).max(initial=0)
        if levels > (0 if recipe.image_format == "png" else _JPEG_TOLERANCE):
            raise ShardError(
                f"fg_bg is not {cutout.name!r} on {background.name!r} (it differs by up to {levels} of 255 levels)"
            )
    return same_bytes


def count_images(sums: Sums, images: Images, plan: Plan) -> None:
    """Add the stored pixels of a row to `sums`."""
    frame = slice(0, plan.recipe.size)
    sums.add_image(Image.fromarray(decode_rgb(images["fg_bg"])), len(images["fg_bg"]))
    sums.add_mask(frame, frame, CountedMatte.of(decode_grey(images["fg_bg_mask"])), len(images["fg_bg_mask"]))
    for column, depth in sums.depths.items():
        depth.add(decode_grey(images[column]), len(images[column]))
