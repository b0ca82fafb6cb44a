"""One source file to the pixels that are placed: a square background, a cut-out cropped to what is visible."""

from __future__ import annotations

import hashlib

import numpy as np
from PIL import Image

from fgbg_depth.errors import SourceError
from fgbg_depth.recipe import Recipe
from fgbg_depth.render.resample import resize_cutout
from fgbg_depth.rng import sample_rng
from fgbg_depth.schema import FOREGROUND_ALPHA
from fgbg_depth.sources.decode import load_rgb, load_rgba

VISIBLE_ALPHA = 8  # of 255; fainter pixels (3 %) cannot be seen and do not count as part of a cut-out
MIN_SIDE = 4  # pixels; a smaller source shows nothing


def prepare_background(data: bytes, recipe: Recipe) -> tuple[Image.Image, str]:
    """Crop the middle square of a background and resize it to the composite's size.

    Returns:
        the image, (size, size, 3) uint8 sRGB; a warning for people, or "".
    Raises:
        SourceError: why the file cannot be used.
    """
    image = load_rgb(data, at_least=2 * recipe.size)
    side = min(image.size)
    if side < MIN_SIDE:
        raise SourceError(f"is smaller than {MIN_SIDE} pixels ({image.width}x{image.height})")
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.resize((recipe.size, recipe.size), Image.Resampling.LANCZOS, (left, top, left + side, top + side))
    return square, f"smaller than {recipe.size} pixels, enlarged" if side < recipe.size else ""


def prepare_cutout(data: bytes, recipe: Recipe) -> tuple[Image.Image, str]:
    """Crop a cut-out to its visible part and resize it as the recipe says.

    `resize_cutout` says how it is resized, and why no halo shows.

    Returns:
        the image, (height, width, 4) uint8 sRGB with straight alpha; a warning for people, or "".
    Raises:
        SourceError: why the file cannot be used.
    """
    image = load_rgba(data)
    canvas = max(image.size)
    box = image.getchannel("A").point(lambda a: 255 * (a >= VISIBLE_ALPHA)).getbbox()
    if box is None:
        raise SourceError(f"is fully transparent (alpha below {VISIBLE_ALPHA} everywhere)")
    width, height = box[2] - box[0], box[3] - box[1]
    if min(width, height) < MIN_SIDE:
        raise SourceError(f"has a visible part of {width}x{height} pixels; each side needs at least {MIN_SIDE}")
    low, high = recipe.foreground_range_px()
    u = 1.0  # a size for each row: rows shrink the largest one
    if recipe.scale_per == "cutout":
        u = sample_rng(recipe.seed, "size", hashlib.sha256(data).hexdigest()).random()
    measured = {"height": height, "longest": max(width, height), "canvas": canvas}[recipe.foreground_measure]
    scale = (low + (high - low) * u) / measured
    warning = ""
    if max(width, height) * scale > recipe.size + 0.5:
        scale = recipe.size / max(width, height)
        warning = f"scaled down to fit into the frame ({recipe.size} pixels)"
    size = [min(recipe.size, max(1, round(side * scale))) for side in (width, height)]
    cutout = resize_cutout(image.crop(box), (size[0], size[1]))
    if np.asarray(cutout)[..., 3].max() < FOREGROUND_ALPHA:
        raise SourceError(f"is too faint to be foreground (alpha below {FOREGROUND_ALPHA} everywhere)")
    return cutout, warning
