"""Cut-outs of several separate parts, and cut-outs with holes inside their body."""

from __future__ import annotations

import numpy as np

from fgbg_depth.sources.checks.areas import connected_areas, grown
from fgbg_depth.sources.checks.finding import Check, Picture

MIN_PART = 0.002  # of the visible area; smaller rests are no wider than a hair or two
MIN_PART_PX = 6
OPAQUE = 200  # of 255; a fainter pixel inside the body is part of a hole
CLEAR = 64  # of 255; the middle of a hole is at least so transparent
SURROUNDED = 0.99  # of the hole's neighbourhood is opaque; gaps between legs or leaves have 0.98 at most
MIN_HOLE = 0.0004  # of the visible area
MIN_HOLE_PX = 4


def _look_for_parts(picture: Picture) -> tuple[float, str] | None:
    if picture.alpha is None:
        return None
    solid = picture.solid
    areas = connected_areas(grown(solid, 1))  # a gap of two pixels does not separate
    if areas.count < 2:
        return None
    sizes = np.sort(np.bincount(areas.labels[solid], minlength=areas.count + 1)[1:])[::-1]
    total = int(sizes.sum())
    others = sizes[1:][(sizes[1:] >= MIN_PART * total) & (sizes[1:] >= MIN_PART_PX)]
    if not len(others):
        return None
    share = float(others.sum() / total)
    detail = f"{len(others) + 1} separate parts; {share:.1%} of the visible area lies outside the largest"
    return (0.9 if len(others) > 2 or share > 0.1 else 0.75), detail


def _look_for_holes(picture: Picture) -> tuple[float, str] | None:
    if picture.alpha is None:
        return None
    open_ = np.pad(picture.alpha < OPAQUE, 1, constant_values=True)
    visible = int(picture.solid.sum())
    areas = connected_areas(open_)
    smallest = max(MIN_HOLE_PX, MIN_HOLE * visible)
    faintest = np.full(areas.count + 1, 255)
    np.minimum.at(faintest, areas.labels[1:-1, 1:-1].reshape(-1), picture.alpha.reshape(-1))
    holes = [
        number
        for number in np.nonzero((areas.sizes >= smallest) & (faintest < CLEAR))[0]
        if number != areas.labels[0, 0] and _is_surrounded(areas.labels == number, open_, areas.boxes[number])
    ]
    if not holes:
        return None
    share = float(areas.sizes[holes].sum() / visible)
    number = "1 hole" if len(holes) == 1 else f"{len(holes)} holes"
    return min(0.95, 0.55 + 0.1 * len(holes)), f"{number} inside the body, {share:.1%} of the visible area"


def _is_surrounded(hole: np.ndarray, open_: np.ndarray, box: np.ndarray) -> bool:
    """Whether nearly all pixels around a hole, up to 1.5 times its size away, are opaque."""
    left, top, right, bottom = (int(v) for v in box)
    margin = max(4, int(1.5 * max(right - left, bottom - top)))
    if min(left, top) < margin or right + margin > open_.shape[1] or bottom + margin > open_.shape[0]:
        return False  # near the frame: a gap at the outline
    around = np.s_[top - margin : bottom + margin, left - margin : right + margin]
    others = ~hole[around]
    return bool((~open_[around] & others).sum() >= SURROUNDED * others.sum())


PARTS = Check(
    "parts",
    ("foregrounds",),
    "the cut-out has several separate parts: several objects, or a rest of its background",
    "erase the rest; make one file of each object",
    _look_for_parts,
)
HOLES = Check(
    "holes",
    ("foregrounds",),
    "the cut-out has holes inside its body, where it was taken for background",
    "fill the holes in its alpha channel, or cut it out again",
    _look_for_holes,
)
