"""Where a cut-out is pasted and its matte is made: I = a*F + (1-a)*B, and the mask is a.

Every composite goes through `blended` and `paste`: those of a build, of `verify` and of the dry run.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from fgbg_depth.errors import PlacementError
from fgbg_depth.recipe import Recipe
from fgbg_depth.render.inputs import Cutout
from fgbg_depth.scene.layers import Layer


def blended(cutout: Cutout, flip: bool, recipe: Recipe) -> Cutout:
    """The cut-out as it is pasted: its colours F and its alpha a, which is also the stored mask.

    Computed once for all places of a cut-out, so a blend mode that changes the outline or the colours costs little.

    Args:
        cutout: at its placed size.
        flip: mirror it left to right.
        recipe: its blend options; there is one mode so far, plain alpha.
    """
    return cutout.flipped() if flip else cutout


def paste(canvas: Image.Image, cutout: Cutout, x: int, y: int) -> None:
    """Paste `cutout` onto `canvas` in place: I = a*F + (1-a)*B, rounded to the nearest integer.

    Args:
        canvas: (H, W, 3) uint8 sRGB; changed.
        cutout: (h, w, 4) uint8 sRGB, straight alpha, as `blended` returns it.
        x, y: where its top left corner goes, in pixels of the canvas, y down. What lies outside is clipped.
    Source: Porter & Duff 1984, "over"; blended in encoded sRGB without gamma, as in most training sets.
    """
    canvas.paste(cutout.rgb, (x, y), cutout.alpha)


def composite(cutout: Cutout, background: Image.Image, layer: Layer) -> Image.Image:
    """The picture of one row before it is encoded.

    Args:
        cutout: already mirrored if `layer.flip`, already at its placed size.
        background: (H, W, 3) uint8 sRGB; not changed.
        layer: where the cut-out goes; what lies outside the frame is clipped.
    Returns:
        fg_bg: (H, W, 3) uint8 sRGB.
    """
    image = background.copy()
    paste(image, cutout, layer.x, layer.y)
    return image


def place_alpha(alpha: np.ndarray, layer: Layer, size: int) -> np.ndarray:
    """The mask of one row: `alpha` at its place, 0 elsewhere.

    Args:
        alpha: (height, width) uint8 of the cut-out, already mirrored if `layer.flip`.
        layer: where the cut-out goes.
        size: of the frame, in pixels.
    Returns:
        mask: (size, size) uint8.
    Raises:
        PlacementError: the whole cut-out is outside the frame.
    """
    mask = np.zeros((size, size), np.uint8)
    rows, columns, visible = visible_part(alpha, layer, size)
    mask[rows, columns] = visible
    return mask


def visible_part(alpha: np.ndarray, layer: Layer, size: int) -> tuple[slice, slice, np.ndarray]:
    """The part of a matte that lies inside the frame.

    Args:
        alpha: (height, width) uint8 of the cut-out, already mirrored if `layer.flip`.
        layer: where the cut-out goes.
        size: of the frame, in pixels.
    Returns:
        the frame's rows and columns that the part covers, and the part itself, a view of `alpha`.
    Raises:
        PlacementError: the whole cut-out is outside the frame.
    """
    height, width = alpha.shape
    top, bottom = max(0, layer.y), min(size, layer.y + height)
    left, right = max(0, layer.x), min(size, layer.x + width)
    if top >= bottom or left >= right:
        raise PlacementError(
            f"a cut-out of {width}x{height} at x={layer.x}, y={layer.y} is outside the frame of {size}x{size} pixels"
        )
    return (
        slice(top, bottom),
        slice(left, right),
        alpha[top - layer.y : bottom - layer.y, left - layer.x : right - layer.x],
    )
