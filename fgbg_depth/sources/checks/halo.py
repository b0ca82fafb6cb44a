"""A halo: the outline of a cut-out has the pale or dark colour of the background that it was cut from."""

from __future__ import annotations

import numpy as np

from fgbg_depth.sources.checks.areas import box_sum, luma, shrunk
from fgbg_depth.sources.checks.finding import Check, Picture

FRINGE = 48  # of 255; fainter pixels carry colours that nobody sees
STEP = 40  # of 255: the outline is so much paler or darker than what lies inside it
PALE, DARK = 190, 60  # of 255; a halo comes from a background that is nearly white or nearly black
NEUTRAL = 48  # of 255: largest difference of the channels in a halo; the lit edge of orange fur has more
MIN_SHARE = 0.28  # of the outline. Measured: 0.58 and 0.32 with halos, at most 0.2 in 64 cut-outs without


def _look(picture: Picture) -> tuple[float, str] | None:
    if picture.alpha is None:
        return None
    bright = luma(picture.rgb)
    radius = max(1, round(max(bright.shape) / 100))
    solid = picture.solid
    # `shrunk` takes the box of the visible part for an outline, too
    ring = (picture.alpha >= FRINGE) & ~shrunk(solid, radius)
    inside = shrunk(solid, 2 * radius) & ~shrunk(solid, 6 * radius)
    count = box_sum(inside, 5 * radius)
    compared = ring & (count >= 3 * radius)  # elsewhere the cut-out is too thin to have an inside
    if compared.sum() < 0.3 * ring.sum() or compared.sum() < 20:
        return None
    step = (bright - box_sum(inside * bright, 5 * radius) / np.maximum(count, 1))[compared]
    values = bright[compared]
    channels = picture.rgb[compared].astype(np.int16)
    neutral = channels.max(1) - channels.min(1) <= NEUTRAL
    paler = float(((step > STEP) & (values > PALE) & neutral).mean())
    darker = float(((step < -STEP) & (values < DARK) & neutral).mean())
    share = max(paler, darker)
    if share < MIN_SHARE:
        return None
    word = "paler" if paler >= darker else "darker"
    return 0.6 + (share - MIN_SHARE), f"{share:.0%} of the outline is much {word} than what lies inside it"


CHECK = Check(
    "halo",
    ("foregrounds",),
    "the outline is much paler or darker than what lies inside it: a rest of the background it was cut from",
    "set defringe: auto, or cut it out again",
    _look,
)
