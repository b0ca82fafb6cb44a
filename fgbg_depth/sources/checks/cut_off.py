"""A cut-out that its own frame cuts off: a straight edge along a side of the visible part."""

from __future__ import annotations

import numpy as np

from fgbg_depth.schema import FOREGROUND_ALPHA
from fgbg_depth.sources.checks.finding import Check, Picture

MIN_RUN = 0.25  # of the box's side; measured: 0.27 to 0.98 where an animal is cut off
MIN_RUN_PX = 8
# The edge is nearly as long as the cut-out is wide a little further in. A round or pointed end grows quickly: measured
# 0.86 to 1.04 where an animal is cut off; a circle has 0.4.
MIN_RATIO = 0.85
LONG_RUN = 0.6  # of the box's side; shorter flat bases are common where a file is cropped to what is visible


def _look(picture: Picture) -> tuple[float, str] | None:
    if picture.alpha is None:
        return None
    left, top, right, bottom = picture.box
    alpha = picture.alpha
    margins = {"left": left, "top": top, "right": picture.width - right, "bottom": picture.height - bottom}
    lines = {"left": alpha.T, "top": alpha, "right": alpha[:, ::-1].T, "bottom": alpha[::-1]}
    shares = {side: share for side, pixels in lines.items() if (share := _straight(pixels))}
    if {"left", "right"} <= shares.keys() or {"top", "bottom"} <= shares.keys():
        return None  # a box, a pot, a screen: the shape of the object
    is_tight = max(margins.values()) <= 2
    if is_tight and shares.get("bottom", 1) < LONG_RUN:
        shares.pop("bottom")  # a flat base in a tightly cropped file
    if not shares:
        return None
    touches = any(margins[side] <= 1 for side in shares)
    certainty = 0.55 if not touches or (is_tight and len(shares) == 1) else 0.85
    longest = max(shares.values())
    return certainty + 0.1 * longest, "straight at " + ", ".join(f"{side} ({s:.0%})" for side, s in shares.items())


def _straight(alpha: np.ndarray) -> float:
    """The share of the first line that a straight edge takes; 0 if there is none.

    Args:
        alpha: (h, w), turned so that the side is the first line.
    """
    solid = alpha >= FOREGROUND_ALPHA
    first = int(np.argmax(solid.any(1)))
    start, end = max(_runs(solid[first]), key=lambda run: run[1] - run[0], default=(0, 0))
    deeper = solid[min(first + max(3, round(0.03 * len(solid))), len(solid) - 1)]
    below = [run for run in _runs(deeper) if run[1] > start and run[0] < end]
    if not below or end - start < MIN_RUN_PX:
        return 0.0
    width = max(run[1] for run in below) - min(run[0] for run in below)
    share = (end - start) / solid.shape[1]
    return share if share >= MIN_RUN and end - start >= MIN_RATIO * width else 0.0


def _runs(line: np.ndarray) -> list[tuple[int, int]]:
    """(start, end) of the consecutive pixels of a line that are set."""
    steps = np.diff(np.concatenate([[0], line.astype(np.int8), [0]]))
    return list(zip(np.nonzero(steps == 1)[0].tolist(), np.nonzero(steps == -1)[0].tolist(), strict=True))


CHECK = Check(
    "cut_off",
    ("foregrounds",),
    "the frame of the original picture cut the object off: its outline is straight along a side",
    "use a picture that shows the whole object, or leave it out with exclude",
    _look,
)
