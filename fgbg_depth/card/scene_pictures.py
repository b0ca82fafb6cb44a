"""How pictures show scenes: a colour for each cut-out of a row, the horizon as a line, and a line of words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

# Of the first to the eighth cut-out of a row, farthest first; also people who see few colours can tell them apart.
# Source: Okabe & Ito 2008, "Color Universal Design", with a light grey for black.
INSTANCE_RGB = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (204, 121, 167),
    (213, 94, 0),
    (0, 114, 178),
    (200, 200, 200),
)
BACKGROUND_RGB = (24, 24, 27)
_HORIZON_RGB = (255, 64, 160)
_COLORS = np.array([BACKGROUND_RGB, *INSTANCE_RGB], np.uint8)


def color_instances(instances: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An instance map in colours.

    Args:
        instances: (H, W) uint8, 0 = background, i = the i-th cut-out.
    Returns:
        (H, W, 3) uint8 RGB; numbers above 8 start again with the first colour.
    """
    return _COLORS[np.where(instances == 0, 0, (instances.astype(np.intp) - 1) % len(INSTANCE_RGB) + 1)]


def draw_horizon(picture: Image.Image, horizon: float, frame_size: int) -> None:
    """Draw the horizon of a background into a picture of it, as a line of one pixel.

    Args:
        horizon: row, in pixels of the frame; NaN: there is none, and nothing is drawn.
        frame_size: height of the frame in pixels; the picture may be enlarged.
    """
    if not math.isnan(horizon):
        y = (horizon + 0.5) * picture.height / frame_size
        ImageDraw.Draw(picture).line((0, y, picture.width, y), fill=_HORIZON_RGB, width=1)


def with_words(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row for `sheets.contact_sheet`, with `scene_words` as its title; plain rows are returned as they are."""
    if "objects" not in row:
        return row
    return {**row, "title": scene_words(row["objects"], row["blend"], row["horizon"])}


def scene_words(objects: Sequence[Mapping[str, Any]], blend: str, horizon: float | None) -> str:
    """What was chosen for a row, in one line.

    Args:
        objects: the row's column of this name.
        horizon: of its background, in pixels from the top; NaN: no ground was found; None: the ground is not used.
    """
    names = ", ".join(f"{item['fg']} ({item['angle']:+d} degrees)" if item["angle"] else item["fg"] for item in objects)
    several = f"{len(objects)} cut-outs, farthest first: " if len(objects) > 1 else "1 cut-out: "
    parts = [f"blend {blend}", several + names]
    if horizon is not None:
        parts.append("no ground found" if math.isnan(horizon) else f"horizon at row {horizon:.0f}")
    return "; ".join(parts)
