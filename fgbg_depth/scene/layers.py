"""Where a cut-out goes. A layer depends on the seed, the content of the two sources, the flip and its number."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fgbg_depth.errors import PlacementError
from fgbg_depth.recipe import Recipe
from fgbg_depth.rng import sample_rng


@dataclass(frozen=True)
class Layer:
    """A cut-out in a row: its box in pixels of the composite, y down, and how it is turned.

    The box may reach beyond the frame. `placement` counts the layers of one cut-out, flip and background, from 0.
    """

    x: int
    y: int
    width: int
    height: int
    flip: bool = False
    placement: int = 0


def sample_layers(recipe: Recipe, bg_digest: str, fg_digest: str, flip: bool, width: int, height: int) -> list[Layer]:
    """Draw all layers of one cut-out on one background.

    x is uniform over all whole pixels at which at least `visible_min` of the width is inside the frame; likewise y,
    unless the cut-out stands on the ground: then its lower edge is uniform over the recipe's ground band.

    Args:
        bg_digest, fg_digest: of the original files; they key the randomness.
        width, height: of the cut-out, in pixels of the composite.
    Raises:
        PlacementError: the cut-out is larger than the frame.
    """
    size = recipe.size
    if width > size or height > size:
        raise PlacementError(f"a cut-out of {width}x{height} does not fit into a frame of {size}x{size} pixels")
    draws = sample_rng(recipe.seed, "placement", bg_digest, fg_digest, int(flip)).random((recipe.placements, 2))
    left, right = _position_range(width, size, recipe.visible_min)
    top, bottom = _position_range(height, size, recipe.visible_min)
    if recipe.placement_mode == "ground":
        band_top, band_bottom = (round(edge * size) - height for edge in recipe.ground_band)
        top, bottom = max(top, min(band_top, bottom)), min(bottom, max(band_bottom, top))
    return [
        Layer(left + int(u * (right - left + 1)), top + int(v * (bottom - top + 1)), width, height, flip, index)
        for index, (u, v) in enumerate(draws.tolist())
    ]


def row_facts(bg_name: str, fg_name: str, layer: Layer) -> dict[str, str | bool | int]:
    """The columns of a row that hold no image (`schema.fact_columns`), in stored order.

    Composing writes them, and `verify` compares them with what is stored.
    """
    return {
        "bg": bg_name,
        "fg": fg_name,
        "flip": layer.flip,
        "placement": layer.placement,
        "x": layer.x,
        "y": layer.y,
        "width": layer.width,
        "height": layer.height,
    }


def _position_range(length: int, frame: int, visible_min: float) -> tuple[int, int]:
    """First and last position of a side of `length` at which `visible_min` of it is inside the frame."""
    hidden = length - math.ceil(length * visible_min - 1e-9)
    return -hidden, frame - length + hidden
