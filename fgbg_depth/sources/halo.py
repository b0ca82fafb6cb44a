"""Find a halo: the outline of a cut-out shows the colour of the background that it was cut from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

MIN_STRENGTH = 0.75  # 47 photographs without a halo: at most 0.73; the bundled cut-outs with one: at least 0.84
MIN_RIM_SHARE = 0.5  # the same photographs: at most 0.31; a photograph cut out with a white rim: 0.76
MAX_UNEXPLAINED = 0.15  # for a halo of any other colour, of the squared differences; without a halo at least 0.17
MAX_UNEXPLAINED_SATURATED = 0.4  # for a saturated colour, which no lighting and no resampling gives a whole outline
_SATURATED = 80  # of 255: least difference between the largest and the smallest value of a saturated colour
_LONGEST = 256  # pixels; larger cut-outs are measured at this size, which is about the size in a composite
_VISIBLE, _SOLID = 16, 250  # of 255: fainter pixels have no reliable colour; from 250 on a pixel counts as opaque
_REACH = 5  # pixels: the colour beside an outline is the mean of the opaque inner pixels within this distance
_MIN_PIXELS = 20  # fewer say nothing about an outline
_MIN_CONTRAST = 60.0  # of 255: a halo that differs less from the inside cannot be seen

_Values = np.ndarray  # float64


@dataclass(frozen=True)
class Halo:
    """A halo that was found.

    Args:
        color: the colour that the outline shows, sRGB, 0..255: white, black, or the fitted colour of the background.
        strength: how much of the difference between the inside and `color` the outline shows, about 0..1. 1 means
            that the cut-out's colours were never separated from the background. Of a rim: the share of the outline.
        rim: the halo is in opaque pixels, because the cut-out is too large. Otherwise it is in the soft edge.
    """

    color: tuple[int, int, int]
    strength: float
    rim: bool

    @property
    def is_pale(self) -> bool:
        """Whether the halo is pale and not dark."""
        return sum(self.color) >= 384


def find_halo(cutout: Image.Image) -> Halo | None:
    """The halo of a cut-out, or None.

    A pixel of a clean soft edge has the foreground's own colour F. A pixel that was never separated from its background
    has aF + (1 - a)B. So its difference from F, for which the colour of the opaque pixels nearby stands, grows with
    1 - a and points to one colour B for the whole outline. The strength is the least-squares factor k in
    C - F = k (1 - a)(B - F). A rim is measured in the same way in the outermost opaque pixels, with 1 for 1 - a.

    White and black are tried first. Every other colour B is fitted, and counts if it explains nearly all differences.
    Where the picture's own frame cuts the cut-out off, there is no outline.

    Args:
        cutout: (height, width, 4) uint8 sRGB, straight alpha.
    """
    small = _reduced(cutout)
    if small is None:
        return None
    pixels = np.pad(np.asarray(small), ((_REACH, _REACH), (_REACH, _REACH), (0, 0)), mode="edge")
    alpha = Image.fromarray(np.ascontiguousarray(pixels[..., 3]))
    inner = _threshold(alpha, _SOLID).filter(ImageFilter.MinFilter(5))  # 2 pixels and more inside the outline
    inside = _means(pixels, inner)
    known = _within_frame(inside[..., 3] >= 16)  # enough inner pixels nearby; 16 of 255 is 8 of 121 pixels
    soft = known & (pixels[..., 3] >= _VISIBLE) & (pixels[..., 3] <= 255 - _VISIBLE)
    solid = _threshold(alpha, 128)
    rim = known & (np.asarray(solid) > 0) & (np.asarray(solid.filter(ImageFilter.MinFilter(3))) == 0)
    colors, means = pixels[..., :3].astype(np.float64), inside[..., :3].astype(np.float64)
    uncovered = 1 - pixels[..., 3:].astype(np.float64) / 255
    return _soft_halo(colors[soft], means[soft], uncovered[soft]) or _rim_halo(colors[rim], means[rim])


def _soft_halo(colors: _Values, inside: _Values, uncovered: _Values) -> Halo | None:
    """Args: (n, 3) colours of the soft pixels; (n, 3) colours inside beside them; (n, 1) 1 - a."""
    if len(colors) < _MIN_PIXELS:
        return None
    difference = colors - inside
    for background in (255.0, 0.0):
        shift = uncovered * (background - inside)
        power = float((shift**2).sum())
        strength = float((shift * difference).sum()) / power if power else 0.0
        contrast = float(np.abs(background - inside).mean())
        if strength >= MIN_STRENGTH and contrast >= _MIN_CONTRAST / 2:
            return Halo((int(background),) * 3, strength, rim=False)
    fitted = (uncovered * (colors - (1 - uncovered) * inside)).sum(axis=0) / (uncovered**2).sum()
    fitted = np.clip(fitted, 0, 255)
    shift = uncovered * (fitted - inside)
    unexplained = float(((difference - shift) ** 2).sum()) / max(float((difference**2).sum()), 1e-9)
    limit = MAX_UNEXPLAINED_SATURATED if np.ptp(fitted) >= _SATURATED else MAX_UNEXPLAINED
    if unexplained > limit or float(np.abs(fitted - inside).max(axis=1).mean()) < _MIN_CONTRAST:
        return None
    red, green, blue = (int(value + 0.5) for value in fitted)
    return Halo((red, green, blue), float((shift * difference).sum()) / float((shift**2).sum()), rim=False)


def _rim_halo(colors: _Values, inside: _Values) -> Halo | None:
    """Args: (n, 3) colours of the outermost opaque pixels; (n, 3) colours inside beside them."""
    for background in (255.0, 0.0):
        shift = background - inside
        visible = np.abs(shift).mean(axis=1) >= _MIN_CONTRAST
        if visible.sum() < max(_MIN_PIXELS, len(colors) / 3):
            continue
        shown = (shift * (colors - inside)).sum(axis=1)[visible] / (shift**2).sum(axis=1)[visible]
        share = float((shown > 0.6).mean())
        if share >= MIN_RIM_SHARE:
            return Halo((int(background),) * 3, share, rim=True)
    return None


def _reduced(cutout: Image.Image) -> Image.Image | None:
    """The visible part, at most `_LONGEST` pixels long; None if nothing is visible."""
    box = _threshold(cutout.getchannel("A"), 8).getbbox()
    if box is None:
        return None
    visible = cutout.crop(box)
    scale = _LONGEST / max(visible.size)
    if scale >= 1:
        return visible
    size = (max(1, round(visible.width * scale)), max(1, round(visible.height * scale)))
    return visible.convert("RGBa").resize(size, Image.Resampling.BOX).convert("RGBA")


def _means(pixels: np.ndarray, inner: Image.Image) -> np.ndarray:
    """(H, W, 4) uint8: mean colours of the inner pixels within `_REACH`, and the share of these pixels as alpha."""
    weighted = Image.fromarray(np.dstack([pixels[..., :3], np.asarray(inner)]))
    return np.asarray(weighted.convert("RGBa").filter(ImageFilter.BoxBlur(_REACH)).convert("RGBA"))


def _threshold(alpha: Image.Image, least: int) -> Image.Image:
    return alpha.point(lambda value: 255 * (value >= least))


def _within_frame(pixels: np.ndarray) -> np.ndarray:
    """(H, W) bool: without the padding, and without the outermost pixels of the picture itself."""
    inside = np.zeros_like(pixels)
    border = slice(_REACH + 1, -_REACH - 1)
    inside[border, border] = pixels[border, border]
    return inside
