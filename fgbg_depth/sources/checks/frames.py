"""Frames and letterboxes: strips of one colour along the sides of a picture."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fgbg_depth.sources.checks.areas import color_name
from fgbg_depth.sources.checks.finding import Check, Picture

TOLERANCE = 14  # of 255, largest difference of a channel: JPEG blurs a frame
MIN_SAME = 0.97  # of a line has the frame's colour
STEP = 30  # of 255, a channel: what lies behind the frame's edge differs so much
MIN_EDGE = 0.7  # of the edge's length is such a step, at one straight line; the border of a white sky has 0.3
MAX_WIDTH = 0.4  # of the picture
MIN_CERTAINTY = 0.5
_OPPOSITE = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}


class Strip(NamedTuple):
    """A strip of one colour along one side."""

    width: int  # pixels of the picture that was looked at
    color: np.ndarray  # (3,) RGB
    edge: float  # share of its inner edge that is a step to other colours


def strips(rgb: np.ndarray) -> dict[str, Strip]:
    """Strips of one colour along the sides of a picture, by side.

    Args:
        rgb: (h, w, 3) uint8.
    """
    values = rgb.astype(np.int16)
    turned = {
        "left": values.transpose(1, 0, 2),
        "top": values,
        "right": values[:, ::-1].transpose(1, 0, 2),
        "bottom": values[::-1],
    }
    return {side: strip for side, lines in turned.items() if (strip := _strip(lines)) is not None}


def _strip(lines: np.ndarray) -> Strip | None:
    """The strip at the first lines of (h, w, 3) int16 pixels."""
    color = np.median(lines[0], axis=0)
    if (np.abs(lines[0] - color).max(1) <= TOLERANCE).mean() < MIN_SAME:
        return None
    same = np.abs(lines - color).max(2) <= TOLERANCE
    # the ends of a line may belong to strips of the neighbouring sides, or to what they cut away
    whole = same.mean(1) >= MIN_SAME
    width = int(np.argmin(whole)) if not whole.all() else len(lines)
    if not 1 <= width <= MAX_WIDTH * len(lines):
        return None
    behind = lines[width : width + 3]  # the first of them may be blends of both
    edge = float((np.abs(behind - color).max(2).max(0) > STEP).mean())
    return Strip(width, color, edge)


def _look(picture: Picture) -> tuple[float, str] | None:
    found = strips(picture.rgb)
    clear = {side: strip for side, strip in found.items() if strip.edge >= MIN_EDGE}
    if not clear:
        return None
    first = max(clear.values(), key=lambda strip: strip.edge).color
    alike = {s: strip for s, strip in found.items() if np.abs(strip.color - first).max() <= 2 * TOLERANCE}
    clear = {side: strip for side, strip in clear.items() if side in alike}
    pairs = any(_OPPOSITE[side] in clear for side in clear)
    extreme = color_name(first) in ("white", "black")
    certainty = 0.5 * pairs + 0.15 * len(clear) + 0.1 * (len(alike) == 4) + 0.1 * extreme
    if certainty < MIN_CERTAINTY:
        return None
    sides = ", ".join(f"{side} {max(1, round(strip.width * picture.scale))} px" for side, strip in alike.items())
    return certainty, f"{color_name(first)} frame: {sides}"


CHECK = Check(
    "frame",
    ("backgrounds",),
    "strips of one colour at the sides: a frame or a letterbox around the picture",
    "set trim_frames, or crop the file",
    _look,
)
