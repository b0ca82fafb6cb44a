"""Pictures with too few pixels: tiny, nearly empty, or much smaller than they are placed."""

from __future__ import annotations

import numpy as np

from fgbg_depth.sources.checks.areas import color_name
from fgbg_depth.sources.checks.finding import BOTH, Check, Picture

TINY_BACKGROUND = 64  # pixels of the shorter side
TINY_CUTOUT = 24  # pixels of the longer side of the visible part
ONE_COLOR = 0.985  # of a background lies near one colour
NEAR = 10  # of 255, a channel
SPARSE = 0.04  # of its box is visible: specks, no object
STRONG = 2.0  # times enlarged: each pixel of the file covers four


def _look_for_tiny(picture: Picture) -> tuple[float, str] | None:
    left, top, right, bottom = picture.box
    width, height = right - left, bottom - top
    is_tiny = max(width, height) < TINY_CUTOUT if picture.is_cutout else min(width, height) < TINY_BACKGROUND
    part = "visible part of " if picture.alpha is not None else ""
    return (0.95, f"{part}{width}x{height} pixels") if is_tiny else None


def _look_for_empty(picture: Picture) -> tuple[float, str] | None:
    if picture.alpha is not None:
        share = float(picture.solid.mean())
        return (0.95, f"{share:.1%} of its visible box is opaque") if share < SPARSE else None
    rgb = picture.rgb[::2, ::2].astype(np.int16)
    color = np.median(rgb.reshape(-1, 3), axis=0)
    share = float((np.abs(rgb - color).max(2) <= NEAR).mean())
    return (0.95, f"{share:.0%} of it is {color_name(color)}") if share >= ONE_COLOR else None


def _look_for_enlarged(picture: Picture) -> tuple[float, str] | None:
    left, top, right, bottom = picture.box
    if picture.is_cutout:
        factor = picture.largest_px / max(right - left, bottom - top)
    else:  # the middle square is resized to the composite's size
        factor = picture.largest_px / min(right - left, bottom - top)
    if factor < STRONG:
        return None
    return 0.6 + 0.15 * (factor - STRONG), f"enlarged up to {factor:.1f} times, to {picture.largest_px:.0f} pixels"


TINY = Check("tiny", BOTH, "the picture has too few pixels to show anything", "use a larger original", _look_for_tiny)
EMPTY = Check(
    "empty",
    BOTH,
    "the picture is nearly empty: one colour, or a few specks",
    "remove it; skip_bad leaves it out",
    _look_for_empty,
    skips=True,
)
ENLARGED = Check(
    "enlarged",
    BOTH,
    "the picture is much smaller than the size at which it is placed, so it is blurred",
    "use a larger original, or lower size or foreground_max",
    _look_for_enlarged,
)
