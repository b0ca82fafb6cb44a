"""Resize a cut-out without a trace outside its outline."""

from __future__ import annotations

from PIL import Image


def resize_cutout(cutout: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Resize a cut-out with premultiplied alpha and weights that are never negative.

    Alpha is 0 where the source is transparent within one new pixel, and 255 where it is opaque there. Colours stay
    within the range of the source's visible pixels nearby. Sharper filters such as Lanczos have negative weights: they
    leave a faint second contour around the outline, a dip inside it, and too bright and too dark colours along it.

    Args:
        cutout: RGBA, straight alpha.
        size: (width, height) in pixels.
    Returns:
        RGBA of that size, straight alpha.
    """
    shrinks = size[0] <= cutout.width and size[1] <= cutout.height
    # Hamming keeps nearly the sharpness of Lanczos, but only when it shrinks; enlarged, it shows the source's pixels
    kernel = Image.Resampling.HAMMING if shrinks else Image.Resampling.BILINEAR
    return cutout.convert("RGBa").resize(size, kernel).convert("RGBA")
