"""A baked-in checkerboard: the pattern that stands for transparency became part of the picture."""

from __future__ import annotations

import numpy as np

from fgbg_depth.sources.checks.areas import shrunk
from fgbg_depth.sources.checks.finding import BOTH, Check, Picture

CELLS = (4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 20, 22, 24, 28, 32, 40)  # pixels of a square of the pattern
TOLERANCE = 7  # of 255: pixels of one level differ so much, from JPEG
STEPS = (8, 110)  # of 255: difference of the two levels, smallest and largest
NEUTRAL = 12  # of 255: largest difference of the channels; the pattern is grey
MIN_LEVEL = 60  # of 255: darker pairs of grey are shadows, not the usual pattern of white and light grey
TWO_LEVELS = 0.85  # of the pattern's pixels are near one of just two levels
MIN_SHARE = 0.015  # of the picture; at least 8 x 8 squares of 4 pixels in a picture of 256


def _look(picture: Picture) -> tuple[float, str] | None:
    rgb = picture.rgb.astype(np.int16)
    grey = rgb.mean(2, dtype=np.float32)
    usable = (rgb.max(2) - rgb.min(2) <= NEUTRAL) & (grey >= MIN_LEVEL) & picture.solid
    if usable.mean() < MIN_SHARE:
        return None
    shares = {cell: share for cell in CELLS if (share := _share(grey, usable, cell)) >= MIN_SHARE}
    if not shares:
        return None
    share, cell = max(shares.values()), min(shares)  # squares of three times the size repeat, too
    side = max(1, round(cell * picture.scale))
    return min(1.0, 0.8 + 2 * share), f"squares of about {side} px on {share:.0%} of the picture"


def _share(grey: np.ndarray, usable: np.ndarray, cell: int) -> float:
    """The share of the picture that repeats as a checkerboard with squares of `cell` pixels."""
    height, width = grey.shape
    if min(height, width) < 4 * cell:
        return 0.0

    def shifted(values: np.ndarray, down: int, right: int) -> np.ndarray:
        """`values`, moved up and left by so many squares, without the last two squares of both sides."""
        return values[down * cell : height - (2 - down) * cell, right * cell : width - (2 - right) * cell]

    here = shifted(grey, 0, 0)
    step = np.abs(shifted(grey, 0, 1) - here)
    pattern = shifted(usable, 0, 0) & (step >= STEPS[0]) & (step <= STEPS[1])
    for down, right in ((0, 2), (1, 1), (2, 0), (2, 2)):  # the same level
        if pattern.sum() < MIN_SHARE * grey.size:  # most pictures and sizes of squares end here, at a third of the cost
            return 0.0
        pattern &= shifted(usable, down, right) & (np.abs(shifted(grey, down, right) - here) <= TOLERANCE)
    for down, right in ((0, 1), (1, 0), (1, 2), (2, 1)):  # the other level
        other = shifted(grey, down, right)
        pattern &= shifted(usable, down, right) & (np.abs(other - shifted(grey, 0, 1)) <= TOLERANCE)
    if not pattern.any():
        return 0.0
    values = here[pattern]
    middle = (values.min() + values.max()) / 2
    low, high = values[values <= middle], values[values > middle]
    if not len(low) or not len(high) or min(len(low), len(high)) < 0.25 * len(values):
        return 0.0
    near = sum(int((np.abs(part - np.median(part)) <= 2 * TOLERANCE).sum()) for part in (low, high))
    if near < TWO_LEVELS * len(values) or not shrunk(pattern, 1).any():
        return 0.0
    return float(pattern.sum() / grey.size)


CHECK = Check(
    "checkerboard",
    BOTH,
    "a checkerboard, which stands for transparency, is part of the picture",
    "get the original with real transparency, or remove the pattern; skip_bad leaves it out",
    _look,
    skips=True,
)
