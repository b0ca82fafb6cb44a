"""Poisson blending: the colours of a cut-out changed so that it joins the background without a seam. Needs OpenCV."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from fgbg_depth.errors import RecipeError, install_command

SHARE = 0.5  # of the change of colour; `clone_colors` says why not all of it
MAX_CHANGE = 48  # levels of sRGB
ERODED_PX = 3  # seamlessClone shrinks its mask by this much; the parts that it loses take the background's pattern
RING_PX = ERODED_PX + 1  # how far the mask reaches beyond the outline, so that thin parts are cloned, too
PAD_PX = RING_PX + 2  # room around the mask: seamlessClone clears it at the picture's edge


def has_opencv() -> bool:
    """Whether OpenCV is installed; it is not imported."""
    return find_spec("cv2") is not None


def check_opencv() -> None:
    """Raise unless OpenCV is installed.

    Raises:
        RecipeError: it is not; the message says how to install it.
    """
    if not has_opencv():
        raise RecipeError(
            f"Poisson blending needs OpenCV.\n  Install it: {install_command('blend')}. Or set poisson_share: 0."
        )


def clone_colors(background: Image.Image, cutout: Image.Image, x: int, y: int) -> Image.Image:
    """Change a cut-out's colours half of the way to those of OpenCV's `seamlessClone`, by at most 48 levels.

    The clone keeps the differences of colour within the cut-out and takes the background's colours at its outline. The
    change is not made whole, because that hides things which the mask and the depth label show: a black dog beside a
    pool became a transparent pattern on the paving, and a brindled dog vanished in dry grass. Half of it still made
    a white puppy on a meadow green and a black dog on marble pale grey; hence the limit.

    Beyond its outline the cut-out is continued with its own colours, so that colours held by transparent pixels have
    no influence. At the frame's edge the background is continued by reflection.

    Args:
        background: (H, W) RGB.
        cutout: (h, w) RGBA, straight alpha, at its placed size.
        x, y: where its top left corner goes, in pixels of the frame, y down. It may reach beyond the frame; pixels
            outside keep their colours.
    Returns:
        RGBA of the same size, alpha unchanged, to be pasted as any other cut-out.
    Raises:
        RecipeError: OpenCV is not installed.
    Source: Perez et al. 2003, "Poisson Image Editing"; OpenCV's NORMAL_CLONE.
    """
    left, top = max(0, x), max(0, y)
    right, bottom = min(background.width, x + cutout.width), min(background.height, y + cutout.height)
    if left >= right or top >= bottom:
        return cutout
    inside = cutout.crop((left - x, top - y, right - x, bottom - y))
    if inside.getchannel("A").getbbox() is None:
        return cutout
    columns = _reflected(np.arange(left - PAD_PX, right + PAD_PX), background.width)
    rows = _reflected(np.arange(top - PAD_PX, bottom + PAD_PX), background.height)
    there = np.asarray(background.convert("RGB"))[rows][:, columns]
    own = np.asarray(inside.convert("RGB")).astype(np.int16)
    change = SHARE * (_cloned(inside, there)[PAD_PX:-PAD_PX, PAD_PX:-PAD_PX] - own)
    change = np.rint(np.clip(change, -MAX_CHANGE, MAX_CHANGE)).astype(np.int16)
    colors = cutout.convert("RGB")
    colors.paste(Image.fromarray(np.clip(own + change, 0, 255).astype(np.uint8)), (left - x, top - y))
    colors.putalpha(cutout.getchannel("A"))
    return colors


def _cloned(cutout: Image.Image, there: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`cutout` cloned into the background behind it; both with `PAD_PX` more pixels on each side in the result."""
    try:
        import cv2
    except ImportError as e:
        raise RecipeError(
            f"the blend poisson needs OpenCV, which cannot be imported ({e}).\n  Install it: {install_command('blend')}"
        ) from e
    grown = Image.new("RGBA", (cutout.width + 2 * PAD_PX, cutout.height + 2 * PAD_PX))
    grown.paste(cutout, (PAD_PX, PAD_PX))
    reach = grown.getchannel("A").point([0] + [255] * 255).filter(ImageFilter.MaxFilter(2 * RING_PX + 1))
    mask = np.array(reach)  # a copy: seamlessClone writes into its mask
    left, top, width, height = cv2.boundingRect(mask)
    center = (left + width // 2, top + height // 2)  # where seamlessClone moves the mask's box by nothing
    num_threads, with_ipp = cv2.getNumThreads(), cv2.ipp.useIPP()
    cv2.setNumThreads(1)  # the workers of a build use all cores already; the pixels are the same with more
    cv2.ipp.setUseIPP(False)  # Intel's library rounds in another way than OpenCV does elsewhere
    try:
        cloned = cv2.seamlessClone(np.array(_continued(grown)), there, mask, center, cv2.NORMAL_CLONE)
    finally:
        cv2.setNumThreads(num_threads)
        cv2.ipp.setUseIPP(with_ipp)
    return cloned.astype(np.uint8, copy=False)


def _continued(grown: Image.Image) -> Image.Image:
    """The colours of a cut-out, continued beyond its outline by those of its neighbourhood; RGB."""
    premultiplied = grown.convert("RGBa")
    far = premultiplied.filter(ImageFilter.BoxBlur(PAD_PX)).convert("RGBA")
    near = premultiplied.filter(ImageFilter.BoxBlur(2)).convert("RGBA")
    # the colour of a faint pixel is rounded to few levels, so that the wider blur is better there
    weight = near.getchannel("A").point([min(255, 8 * alpha) for alpha in range(256)])
    beyond = Image.composite(near.convert("RGB"), far.convert("RGB"), weight)
    return Image.composite(grown.convert("RGB"), beyond, grown.getchannel("A"))


def _reflected(positions: NDArray[np.intp], length: int) -> NDArray[np.intp]:
    """Positions outside 0..length-1, reflected at the first and the last pixel until they are inside."""
    if length == 1:
        return np.zeros_like(positions)
    period = 2 * (length - 1)
    folded = np.abs(positions) % period
    return np.asarray(np.minimum(folded, period - folded), np.intp)
