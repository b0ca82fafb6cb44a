"""Watermark-like text: a line of characters near the upper or lower side of a picture."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fgbg_depth.sources.checks.areas import Areas, box_sum, connected_areas, luma
from fgbg_depth.sources.checks.finding import Check, Picture

BAND = 0.16  # of the height, at the upper and at the lower side
CONTRASTS = (12, 18, 26, 40)  # of 255: characters are so much brighter or darker than the mean around them
AROUND = 6  # pixels each way, for that mean
HEIGHTS = (5, 40)  # pixels of a character; at most 0.4 of the band
MIN_CHARACTERS = 7
MAX_OFFSET = 0.18  # of a character's height: the characters of a line stand at the same height
MIN_HEIGHT = 0.65  # of a character's height: small letters beside capitals
# In a line of print. Measured on 80 photographs and rendered pictures without text, over all heights of the picture:
# rows of windows, grass and fences pass one of these limits, but not all.
MIN_DENSITY = 0.2  # of the line is stroke
MAX_OTHERS = 0.06  # of the line is something else with the contrast of strokes
MAX_OUTSIDE = 0.12  # of the strip above, and of the strip below
MAX_SPREAD = 16.0  # of 255: standard deviation of the characters' brightness
MIN_VARIETY = 0.1  # of the mean: characters differ in width or in how much of their box is stroke
MAX_GAP = 0.9  # of a character's height, to the next character; also a space between words


def _look(picture: Picture) -> tuple[float, str] | None:
    bright = luma(picture.rgb)
    rows = max(HEIGHTS[0] + 2, round(BAND * len(bright)))
    bands = {"bottom": bright[-rows:], "top": bright[:rows]}
    found = {side: longest_line(band) for side, band in bands.items()}
    side = max(found, key=lambda key: found[key])
    if found[side] < MIN_CHARACTERS:
        return None
    return 0.45 + 0.04 * found[side], f"about {found[side]} characters at the {side}"


def longest_line(bright: np.ndarray) -> int:
    """The number of characters in the longest line of text.

    Args:
        bright: (h, w) float32 brightness, 0 to 255.
    """
    around = box_sum(bright, AROUND) / box_sum(np.ones_like(bright), AROUND)
    longest = 0
    for contrast in CONTRASTS:
        for sign in (1, -1):
            strokes = sign * (bright - around) > contrast
            areas = connected_areas(strokes)
            for chain in _chains(areas):
                if len(chain) > longest and _is_text(chain, areas, strokes, bright):
                    longest = len(chain)
    return longest


def _chains(areas: Areas) -> Iterator[np.ndarray]:
    """Numbers of areas of equal height at equal heights, side by side: candidates for lines of text."""
    boxes = areas.boxes
    widths, heights = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    fill = areas.sizes / np.maximum(widths * heights, 1)
    highest = min(HEIGHTS[1], 0.4 * len(areas.labels))
    like = np.nonzero((heights >= HEIGHTS[0]) & (heights <= highest) & (widths <= 1.4 * heights) & (fill < 0.9))[0]
    like = like[np.argsort(boxes[like, 0], kind="stable")]
    for i, first in enumerate(like):
        height = heights[first]
        near = max(1, MAX_OFFSET * height)
        rest = like[i + 1 :]
        on_line = np.abs(boxes[rest, 3] - boxes[first, 3]) <= near
        rest = rest[on_line & (heights[rest] >= MIN_HEIGHT * height) & (heights[rest] <= height / MIN_HEIGHT)]
        chain, end = [first], boxes[first, 2]
        for number in rest:
            if boxes[number, 0] - end > MAX_GAP * height:
                break
            if boxes[number, 0] >= end - 1:
                chain.append(number)
                end = boxes[number, 2]
        if len(chain) >= MIN_CHARACTERS:
            yield np.array(chain)


def _is_text(chain: np.ndarray, areas: Areas, strokes: np.ndarray, bright: np.ndarray) -> bool:
    """Whether a chain of areas is printed: strokes of one brightness, and nothing similar above and below the line."""
    left, top = areas.boxes[chain, :2].min(0)
    right, bottom = areas.boxes[chain, 2:].max(0)
    height = bottom - top
    line = np.s_[top:bottom, left:right]
    own = np.isin(areas.labels[line], chain)
    density = own.mean()
    others = (strokes[line] & ~own).mean()
    pad = max(2, height // 2)
    above, below = strokes[max(0, top - pad) : top, left:right], strokes[bottom : bottom + pad, left:right]
    outside = max([float(part.mean()) for part in (above, below) if part.size] or [0.0])
    if density < MIN_DENSITY or others > MAX_OTHERS or outside > MAX_OUTSIDE:
        return False
    widths = areas.boxes[chain, 2] - areas.boxes[chain, 0]
    heights = areas.boxes[chain, 3] - areas.boxes[chain, 1]
    fill = areas.sizes[chain] / (widths * heights)
    if np.std(widths) < MIN_VARIETY * np.mean(widths) and np.std(fill) < MIN_VARIETY * np.mean(fill):
        return False  # equal shapes: windows, fence posts
    levels = [float(np.median(bright[line][areas.labels[line] == number])) for number in chain]
    return bool(np.std(levels) <= MAX_SPREAD)


CHECK = Check(
    "text",
    ("backgrounds",),
    "a line of text near a side, such as a watermark or a caption",
    "crop the text away, or leave the file out with exclude",
    _look,
)
