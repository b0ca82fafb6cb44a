"""A mask as one polygon, as Ultralytics YOLO has it: holes and separate parts are joined by thin lines.

A line of a YOLO label is one polygon and one object. Ultralytics' own converter joins the parts of an object by lines
of no width, and so do we, for holes too. Its loader fills a polygon with OpenCV's `fillPoly`, which also draws the
polygon's outline. So at the dataset's own size the pixels are exactly those of the mask, except that lines between
separate parts are drawn one pixel wide.

Source: https://docs.ultralytics.com/datasets/segment; `merge_multi_segment` in https://github.com/ultralytics/JSON2YOLO
(the idea, not the code).
"""

from __future__ import annotations

from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.errors import OutputError, install_command

# Corners are pixels, which Ultralytics finds by truncation and supervision by rounding; both return from x + 0.25 to x.
_INTO_PIXEL = 0.25
_FEWEST_CORNERS = 3  # fewer are read as a box


def opencv() -> ModuleType:
    """The module `cv2`.

    Raises:
        OutputError: it is not installed.
    """
    try:
        import cv2
    except ImportError as e:
        raise OutputError(
            f"the format yolo-seg needs OpenCV, which cannot be imported ({e}).\n"
            f"  Install it: {install_command('export')}"
        ) from e
    module: ModuleType = cv2
    return module


def polygon_of(mask: NDArray[np.bool_], cv2: ModuleType) -> NDArray[np.int32]:
    """The outline of a mask as one closed polygon of pixels.

    Args:
        mask: (H, W) bool with at least one pixel.
    Returns:
        (n, 2) int32, n >= 3: x and y of corners; the last corner is joined to the first.
    """
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    contours = [np.asarray(contour, np.int32).reshape(-1, 2) for contour in found]
    polygon = max(contours, key=len)
    waiting = [contour for contour in contours if contour is not polygon]
    while waiting:  # the nearest first, so that the lines are short and do not cross a hole
        nearest = [_nearest(polygon, contour) for contour in waiting]
        position = min(range(len(waiting)), key=lambda n: nearest[n][0])
        _, at, start = nearest[position]
        contour = np.roll(waiting.pop(position), -start, axis=0)
        polygon = np.concatenate([polygon[: at + 1], contour, contour[:1], polygon[at:]])
    while len(polygon) < _FEWEST_CORNERS:
        polygon = np.concatenate([polygon, polygon[-1:]])
    return polygon


def relative(polygon: NDArray[np.int32], height: int, width: int) -> NDArray[np.float64]:
    """Corners as fractions of width and height, 0 to 1, (n, 2) float64."""
    return (polygon + _INTO_PIXEL) / np.array([width, height], np.float64)


def _nearest(polygon: NDArray[np.int32], contour: NDArray[np.int32]) -> tuple[int, int, int]:
    """(squared distance, position in `polygon`, position in `contour`) of their nearest corners."""
    distances = ((polygon[:, None].astype(np.int64) - contour[None]) ** 2).sum(-1)
    at, start = np.unravel_index(int(distances.argmin()), distances.shape)
    return int(distances[at, start]), int(at), int(start)
