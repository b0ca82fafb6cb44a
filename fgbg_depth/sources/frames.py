"""Find a frame or letterbox of one colour around a picture, and cut it away."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

TOLERANCE = 16  # of 255: largest difference from the frame's colour; JPEG changes a white frame by up to about 10
_OUTLIERS = 0.05  # share of a line's pixels that may differ more: dust of a scan, ringing of JPEG
_SHARP = 0.5  # share of a line's pixels that must differ clearly just inside the frame; a sky ends at few at a time
_THIN = 0.06  # of the side; up to this width all sides of a frame are taken to be equally wide where no edge shows
_LEAST_KEPT = 1 / 3  # of each side; a picture that would lose more is nearly empty, and is no framed picture
_LEAST_WIDTH = 4  # pixels of all four sides together; thinner lines are traces of resizing
_BLURRED = 4  # pixels that the edge of a frame may be blurred over, for each 500 pixels of the side


class Margins(NamedTuple):
    """Widths of a frame's four sides, in pixels."""

    left: int
    top: int
    right: int
    bottom: int

    def box(self, width: int, height: int) -> tuple[int, int, int, int]:
        """The box (left, upper, right, lower) of what lies inside the frame of a picture of this size."""
        return self.left, self.top, width - self.right, height - self.bottom


def find_frame(image: Image.Image) -> Margins | None:
    """The margins of a frame or letterbox of one colour, or None.

    A frame has the same colour on two opposite sides, or on all four, and ends in a sharp straight edge there. So a
    white sky, a night sky and an object on white are no frames. Another side belongs to the frame if it has the same
    colour and a sharp edge, or the same colour and the frame is thin.

    The width of an edge includes the few pixels over which it is blurred.

    Args:
        image: any mode that converts to RGB; transparent parts are taken as their colour.
    """
    pixels = np.asarray(image.convert("RGB"))
    height, width = pixels.shape[:2]
    if min(width, height) < 16:
        return None
    if (pair := _opposite_edges(pixels.transpose(1, 0, 2))) is not None:
        left, right, color = pair
        top, bottom = _other_edges(pixels[:, left : width - right], color, min(left, right))
    elif (pair := _opposite_edges(pixels)) is not None:
        top, bottom, color = pair
        left, right = _other_edges(pixels[top : height - bottom].transpose(1, 0, 2), color, min(top, bottom))
    else:
        return None
    margins = Margins(left, top, right, bottom)
    kept_left, kept_top, kept_right, kept_bottom = margins.box(width, height)
    if kept_right - kept_left < width * _LEAST_KEPT or kept_bottom - kept_top < height * _LEAST_KEPT:
        return None
    return margins if sum(margins) >= _LEAST_WIDTH else None


def trim_frame(image: Image.Image) -> tuple[Image.Image, Margins | None]:
    """The picture without its frame, and what was cut away; the same picture and None if it has no frame."""
    margins = find_frame(image)
    return (image, None) if margins is None else (image.crop(margins.box(*image.size)), margins)


def _opposite_edges(lines: np.ndarray) -> tuple[int, int, np.ndarray] | None:
    """Widths of the frame at the first and at the last lines, and its colour; None unless both exist.

    Args:
        lines: (lines, pixels, 3) uint8.
    """
    color = np.median(lines[0], axis=0)
    if np.abs(np.median(lines[-1], axis=0) - color).max() > TOLERANCE:
        return None
    first, last = _edge(lines, color), _edge(lines[::-1], color)
    return (first, last, color) if first and last else None


def _other_edges(lines: np.ndarray, color: np.ndarray, usual: int) -> tuple[int, int]:
    """Widths of the frame at the first and at the last lines, where the other two sides have shown that there is one.

    Content of the frame's colour hides an edge: a white sky below a white frame. There the side is taken to be as wide
    as the others, if they are thin.

    Args:
        usual: width of the narrower one of the other two sides.
    """
    first, last = (
        _edge(side, color) or (usual if _uniform(side, color) >= usual and usual <= _THIN * len(lines) else 0)
        for side in (lines, lines[::-1])
    )
    return first, last


def _uniform(lines: np.ndarray, color: np.ndarray) -> int:
    """Number of the first lines that have this colour; at most one more than half of all."""
    is_frame = (_difference(lines[: len(lines) // 2 + 1], color) > TOLERANCE).mean(axis=1) <= _OUTLIERS
    return len(is_frame) if is_frame.all() else int(np.argmin(is_frame))


def _edge(lines: np.ndarray, color: np.ndarray) -> int:
    """Number of the first lines that belong to a frame of this colour and end in a sharp edge; else 0."""
    uniform = _uniform(lines, color)
    if uniform == 0 or uniform > len(lines) // 2:
        return 0
    reach = _BLURRED * max(1, round(len(lines) / 500))
    beside = _difference(lines[uniform : uniform + reach + 1], color)
    if (beside > 2 * TOLERANCE).mean(axis=1).max() < _SHARP:
        return 0
    # of a blurred edge the first lines are a mixture with the frame: they end where the difference is nearly full
    strength = np.median(beside, axis=1)
    return uniform + int(np.argmax(strength >= 0.8 * strength.max()))


def _difference(lines: np.ndarray, color: np.ndarray) -> np.ndarray:
    """(lines, pixels) largest difference from a colour over the channels, 0..255."""
    difference: np.ndarray = np.abs(lines.astype(np.int16) - np.rint(color).astype(np.int16)).max(axis=2)
    return difference
