"""Frames and letterboxes: strips of one colour along the sides of a picture."""

from __future__ import annotations

import numpy as np
from PIL import Image

from fgbg_depth.sources.checks.areas import color_name
from fgbg_depth.sources.checks.finding import Check, Picture
from fgbg_depth.sources.frames import find_frame

WIDE = 0.02  # of the longer side: from this width on a frame is certain
CERTAINTIES = (0.7, 0.95)  # of a thin frame, which may be a trace of resizing, and of a wide one


def _look(picture: Picture) -> tuple[float, str] | None:
    margins = find_frame(Image.fromarray(picture.rgb))
    if margins is None:
        return None
    left, top, right, bottom = margins
    lines = {
        "left": (left, picture.rgb[:, 0]),
        "top": (top, picture.rgb[0]),
        "right": (right, picture.rgb[:, -1]),
        "bottom": (bottom, picture.rgb[-1]),
    }
    sides = [f"{side} {round(width * picture.scale)} px" for side, (width, _) in lines.items() if width]
    color = np.median(np.concatenate([line for width, line in lines.values() if width]), axis=0)
    certainty = CERTAINTIES[max(margins) >= WIDE * max(picture.rgb.shape)]
    return certainty, f"{color_name(color)} frame: {', '.join(sides)}"


CHECK = Check(
    "frame",
    ("backgrounds",),
    "strips of one colour at the sides: a frame or a letterbox around the picture",
    "set trim_frames, or crop the file",
    _look,
    cured_by=("trim_frames", (True,)),
)
