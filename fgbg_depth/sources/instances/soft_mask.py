"""From an instance mask, whose edge is hard, to a matte with a soft edge that lies inside the mask.

Annotated outlines follow an object to a pixel or two, and mostly run just outside it. So a hard mask shows a seam of
the old background. Here alpha rises from 0 at the mask's outline to 255 about 2 pixels inside. Polygons are drawn at
four times the resolution first, so that they have no steps.
"""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from fgbg_depth.errors import SourceError, install_command
from fgbg_depth.sources.instances.packed import Instance

_FINER = 4  # polygons are drawn at this multiple of the photograph's resolution
_RADIUS = 1.0  # pixels: deviation of the Gaussian that softens the edge
_VOID_REACH = 2  # pixels: PASCAL's borders of unknown pixels are 5 wide, with the object's edge in their middle
_MARGIN = 4  # pixels around the mask; the colours there help to estimate those of the soft edge (`defringe`)


def cut_out(photo: Image.Image, instance: Instance) -> Image.Image:
    """The instance as a cut-out, cropped to its mask and a margin.

    Transparent pixels keep the photograph's colours, which `defringe` uses.

    Args:
        photo: (height, width, 3) uint8 sRGB.
    Returns:
        (h, w, 4) uint8 with straight alpha.
    Raises:
        SourceError: the mask is empty or cannot be read.
    """
    mask = _mask_of(photo, instance)
    box = mask.getbbox()
    if box is None:
        raise SourceError("has an empty mask")
    left, top = max(0, box[0] - _MARGIN), max(0, box[1] - _MARGIN)
    right, bottom = min(photo.width, box[2] + _MARGIN), min(photo.height, box[3] + _MARGIN)
    cutout = photo.crop((left, top, right, bottom)).convert("RGBA")
    cutout.putalpha(softened(mask).crop((left, top, right, bottom)))
    return cutout


def softened(mask: Image.Image) -> Image.Image:
    """A matte that is 0 outside the mask and rises inside it. At the picture's own edge the mask stays as it is.

    Args:
        mask: mode L, 255 inside.
    """
    pixels = np.pad(np.asarray(mask), 4, mode="edge")  # an object that the picture cuts off has no edge there
    blurred = Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(_RADIUS))
    matte = np.asarray(blurred)[4:-4, 4:-4].astype(np.int16)
    return Image.fromarray(np.clip(2 * matte - 255, 0, 255).astype(np.uint8))


def _mask_of(photo: Image.Image, instance: Instance) -> Image.Image:
    """The mask at the photograph's size, mode L, 255 inside; values between only along the edges of polygons."""
    if "file" in instance.mask:
        return _from_file(photo, instance)
    masks = coco_masks()
    try:
        if "rle" in instance.mask:
            rle = instance.mask["rle"]
            height, width = rle["size"]
            counts = masks.frPyObjects(rle, height, width) if isinstance(rle["counts"], list) else rle
            decoded = 255 * np.asarray(masks.decode(counts), np.uint8)
        else:
            size = (instance.width or photo.width, instance.height or photo.height)
            decoded = _drawn(masks, instance.mask["polygons"], size)
    except Exception as e:  # pycocotools raises nearly any type for malformed annotations
        raise SourceError(f"has a mask that cannot be read ({type(e).__name__}: {str(e)[:120]})") from e
    return _fitted(Image.fromarray(decoded), photo)


def _drawn(masks: Any, polygons: list[list[float]], size: tuple[int, int]) -> np.ndarray:
    """(height, width) uint8: the polygons' union, drawn at a higher resolution within its box and reduced."""
    points = np.concatenate([np.reshape(polygon, (-1, 2)) for polygon in polygons])
    left, top = (max(0, math.floor(value)) for value in points.min(axis=0))
    right, bottom = (min(limit, math.ceil(value) + 1) for limit, value in zip(size, points.max(axis=0), strict=True))
    drawn = np.zeros((size[1], size[0]), np.uint8)
    if right > left and bottom > top:
        moved = [(_FINER * (np.reshape(polygon, (-1, 2)) - (left, top))).ravel().tolist() for polygon in polygons]
        objects = masks.frPyObjects(moved, _FINER * (bottom - top), _FINER * (right - left))
        fine = 255 * np.asarray(masks.decode(masks.merge(objects)), np.uint8)
        drawn[top:bottom, left:right] = np.asarray(Image.fromarray(fine).reduce(_FINER))
    return drawn


def _from_file(photo: Image.Image, instance: Instance) -> Image.Image:
    """The mask of one value in a picture of masks, such as a PNG with one colour for each instance."""
    try:
        image = Image.open(io.BytesIO(instance.mask_file))
        values = np.asarray(image.convert("L") if image.mode == "1" else image)
    except Exception as e:  # decoders of damaged files raise nearly any type
        raise SourceError(f"has a mask file that is damaged ({type(e).__name__}: {str(e)[:120]})") from e
    if values.ndim != 2:
        raise SourceError(f"has a mask file of mode {image.mode}; a mask has one value for each pixel")
    inside = values == instance.mask["file"]
    void = instance.mask.get("void")
    mask = Image.fromarray(np.where(inside, 255, 0).astype(np.uint8))
    if void is not None:
        grown = np.asarray(mask.filter(ImageFilter.MaxFilter(2 * _VOID_REACH + 1)))
        mask = Image.fromarray(np.where(inside | ((values == void) & (grown > 0)), 255, 0).astype(np.uint8))
    return _fitted(mask, photo)


def _fitted(mask: Image.Image, photo: Image.Image) -> Image.Image:
    """The mask at the photograph's size. Open Images has masks that are smaller than their photographs."""
    if mask.size == photo.size:
        return mask
    if abs(mask.width / mask.height - photo.width / photo.height) > 0.02 * photo.width / photo.height:
        raise SourceError(
            f"has a mask of {mask.width}x{mask.height} pixels, but its photograph has {photo.width}x{photo.height}"
        )
    return mask.resize(photo.size, Image.Resampling.BILINEAR)


def coco_masks() -> Any:
    """The module `pycocotools.mask`.

    Raises:
        SourceError: it is not installed.
    """
    try:
        from pycocotools import mask
    except ImportError as e:
        raise SourceError(
            f"COCO annotations need the package pycocotools, which is not installed.\n  Install it: "
            f"{install_command('coco')}"
        ) from e
    return mask
