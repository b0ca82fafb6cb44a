"""One source file to the pixels that are placed: a square background, a cut-out cropped to what is visible."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
from PIL import Image

from fgbg_depth.errors import SourceError
from fgbg_depth.recipe import Recipe
from fgbg_depth.render.resample import resize_cutout
from fgbg_depth.rng import sample_rng
from fgbg_depth.schema import FOREGROUND_ALPHA, VISIBLE_ALPHA
from fgbg_depth.sources.decode import load_rgb, load_rgba
from fgbg_depth.sources.defringe import MAX_SIDE, defringe
from fgbg_depth.sources.frames import find_frame, trim_frame

MIN_SIDE = 4  # pixels; a smaller source shows nothing


class PreparedImage(NamedTuple):
    """A source at its final size.

    Args:
        image: uint8 sRGB: (size, size, 3) of a background, (height, width, 4) with straight alpha of a cut-out.
        warning: for people, or "".
        is_corrected: whether a frame was cut away (`trim_frames`), or the colours of the soft edge were estimated
            (`defringe`).
    """

    image: Image.Image
    warning: str = ""
    is_corrected: bool = False


def prepare_background(data: bytes, recipe: Recipe) -> PreparedImage:
    """Crop the middle square of a background and resize it to the composite's size.

    With `trim_frames`, a frame or letterbox of one colour is cut away first.

    Raises:
        SourceError: why the file cannot be used.
    """
    image, margins = load_rgb(data, at_least=2 * recipe.size), None
    if recipe.trim_frames and find_frame(image) is not None:
        image, margins = trim_frame(load_rgb(data))  # decoded at full size: what remains may be much smaller
    side = min(image.size)
    if side < MIN_SIDE:
        raise SourceError(f"is smaller than {MIN_SIDE} pixels ({image.width}x{image.height})")
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.resize((recipe.size, recipe.size), Image.Resampling.LANCZOS, (left, top, left + side, top + side))
    warning = f"smaller than {recipe.size} pixels, enlarged" if side < recipe.size else ""
    return PreparedImage(square, warning, margins is not None)


def prepare_cutout(data: bytes, recipe: Recipe) -> PreparedImage:
    """Crop a cut-out to its visible part and resize it as the recipe says.

    `resize_cutout` says how it is resized, and why that causes no halo. A halo that the file itself has is removed
    before, if the recipe's `defringe` says so.

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
    visible = image.crop(box)
    clean = defringe(visible, recipe.defringe, max(MAX_SIDE, recipe.size))
    cutout = resize_cutout(clean or visible, (size[0], size[1]))
    if np.asarray(cutout)[..., 3].max() < FOREGROUND_ALPHA:
        raise SourceError(f"is too faint to be foreground (alpha below {FOREGROUND_ALPHA} everywhere)")
    return PreparedImage(cutout, warning, clean is not None)
