"""A photograph and its matte to a cut-out: colours without the old background, cropped to the object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from fgbg_depth.render.resample import resize_cutout
from fgbg_depth.schema import VISIBLE_ALPHA
from fgbg_depth.sources.defringe import estimate_foreground

MARGIN = 0.02  # of the object's longer side, transparent around it
_MIN_MARGIN_PX = 4
_CONTEXT_PX = 64  # of background around the object, from which its colour is estimated


@dataclass(frozen=True)
class CutOptions:
    """How a matte becomes a cut-out.

    Args:
        longest: largest side of a cut-out in pixels; a larger one is reduced. 0: any size.
        keep_colors: leave the photograph's colours as they are, with the old background in the soft edge.
    """

    longest: int = 1024
    keep_colors: bool = False

    def __str__(self) -> str:
        colors = "colours as in the photograph" if self.keep_colors else "colours of the soft edge estimated"
        return f"{colors}; longest side at most {self.longest} pixels" if self.longest else colors


def clean_matte(matte: np.ndarray) -> np.ndarray:
    """A matte in which nearly transparent pixels are transparent and nearly opaque ones opaque.

    Models answer with 1 to 7 of 255 in empty parts and 248 to 254 inside objects; the first would make every crop the
    whole photograph.

    Args:
        matte: (h, w) uint8.
    """
    clean = matte.copy()
    clean[matte < VISIBLE_ALPHA] = 0
    clean[matte > 255 - VISIBLE_ALPHA] = 255
    return clean


def cut_out(photo: np.ndarray, matte: np.ndarray, options: CutOptions) -> Image.Image:
    """Cut the object out of a photograph.

    Where the matte is 255 the colours are the photograph's own; between 0 and 255 they are estimated, so that
    photo = alpha * colour + (1 - alpha) * background; where it is 0 they are 0, so that nothing of the old background
    is left in the file.

    Args:
        photo: (h, w, 3) uint8 sRGB.
        matte: (h, w) uint8 as `clean_matte` returns it, with at least one pixel above 0.
    Returns:
        RGBA with straight alpha: the object with a margin of `MARGIN` around it, less where the photograph ends.
    """
    rows, columns = np.flatnonzero(matte.any(axis=1)), np.flatnonzero(matte.any(axis=0))
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    margin = max(_MIN_MARGIN_PX, round(MARGIN * max(bottom - top, right - left)))

    def grown(by: int) -> tuple[slice, slice]:
        return slice(max(0, top - by), bottom + by), slice(max(0, left - by), right + by)

    wide = grown(max(margin, _CONTEXT_PX))
    colors = photo[wide] if options.keep_colors else _edge_colors(photo[wide], matte[wide])
    inner_top, inner_left = max(0, top - margin) - wide[0].start, max(0, left - margin) - wide[1].start
    alpha = matte[grown(margin)]
    height, width = alpha.shape
    rgb = colors[inner_top : inner_top + height, inner_left : inner_left + width] * (alpha > 0)[..., None]
    cutout = Image.fromarray(np.dstack([rgb, alpha]).astype(np.uint8))
    factor = options.longest / max(cutout.size)
    if options.longest and factor < 1:
        cutout = resize_cutout(cutout, (max(1, round(width * factor)), max(1, round(height * factor))))
    return cutout


def _edge_colors(photo: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """The photograph with the estimated colours of the foreground where the matte is not 255."""
    return np.where((matte == 255)[..., None], photo, estimate_foreground(photo, matte))
