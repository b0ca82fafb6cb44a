"""Cut-outs without real transparency: a surround of one colour, or a whole rectangle, instead."""

from __future__ import annotations

import numpy as np

from fgbg_depth.sources.checks.areas import color_name, connected_areas
from fgbg_depth.sources.checks.finding import Check, Picture

MIN_FILL = 0.97  # of the visible part's box is opaque: a rectangle
FULL = 0.995  # of the box is opaque: not even a corner is round
TOLERANCE = 20  # of 255, largest difference of a channel
MIN_BORDER = 0.8  # of the box's border has the surround's colour
MIN_SHARE = 0.08  # of the box is surround; less is the corners of a round object or a narrow frame


def _look(picture: Picture) -> tuple[float, str] | None:
    solid = picture.solid
    if picture.alpha is not None and solid.mean() < MIN_FILL:
        return None
    rgb = picture.rgb.astype(np.int16)
    border = np.concatenate([rgb[0], rgb[-1], rgb[1:-1, 0], rgb[1:-1, -1]])
    color = np.median(border, axis=0)
    same = np.abs(rgb - color).max(2) <= TOLERANCE
    found = np.concatenate([same[0], same[-1], same[1:-1, 0], same[1:-1, -1]]).mean()
    areas = connected_areas(same)
    edge = np.unique(np.concatenate([areas.labels[0], areas.labels[-1], areas.labels[:, 0], areas.labels[:, -1]]))
    share = float(areas.sizes[edge[edge > 0]].sum() / same.size)
    if found >= MIN_BORDER and share >= MIN_SHARE:
        return 0.95, f"{share:.0%} is a {color_name(color)} surround, not transparent"
    if picture.alpha is None:
        return 0.95, "no transparency at all"
    if solid.mean() > FULL:
        return 0.6, "the visible part is a full rectangle"
    return None


CHECK = Check(
    "surround",
    ("foregrounds",),
    "the cut-out has a surround of one colour instead of transparency: a rectangle would be pasted",
    "remove its background; skip_bad leaves it out",
    _look,
    skips=True,
)
