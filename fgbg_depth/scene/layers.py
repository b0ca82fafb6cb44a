"""Where a cut-out goes. A layer depends on the seed, the content of the two sources, the flip and its number."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.errors import PlacementError
from fgbg_depth.recipe import Recipe
from fgbg_depth.rng import sample_rng

# Cut-outs whose rows are mixed with each other. What rows of one cut-out share (its compressed matte, its outline) is
# kept for all of them: 30 MB at 224x224 with both flips.
BLOCK = 200


@dataclass(frozen=True)
class Layer:
    """A cut-out in a row: its box in pixels of the composite, y down, and how it is turned.

    The box may reach beyond the frame. `placement` counts the layers of one cut-out, flip and background, from 0.
    `fg` is the cut-out's name, `angle` degrees counter-clockwise after mirroring, and `visible` the share of its
    foreground that is inside the frame and hidden by nothing; plain rows do not use these three.
    """

    x: int
    y: int
    width: int
    height: int
    flip: bool = False
    placement: int = 0
    fg: str = ""
    angle: int = 0
    visible: float = 1.0


def sample_layers(recipe: Recipe, bg_digest: str, fg_digest: str, flip: bool, width: int, height: int) -> list[Layer]:
    """Draw all layers of one cut-out on one background.

    x is uniform over all whole pixels at which at least `visible_min` of the width is inside the frame; likewise y,
    unless the cut-out stands on the ground: then its lower edge is uniform over the recipe's ground band. Of the band
    only the part is used in which the frame holds at least `visible_min` of the height. Where that is nothing, because
    the cut-out is too tall, it stands as high as `visible_min` allows.

    Args:
        bg_digest, fg_digest: of the original files; they key the randomness.
        width, height: of the cut-out, in pixels of the composite.
    Raises:
        PlacementError: the cut-out is larger than the frame.
    """
    size = recipe.size
    if width > size or height > size:
        raise PlacementError(f"a cut-out of {width}x{height} does not fit into a frame of {size}x{size} pixels")
    left, right = position_range(width, size, recipe.visible_min)
    top, bottom = y_range(recipe, height)
    return [
        Layer(position(u, left, right), position(v, top, bottom), width, height, flip, index)
        for index, (u, v) in enumerate(_draws(recipe, bg_digest, fg_digest, flip).tolist())
    ]


def row_order(names: Sequence[str], recipe: Recipe) -> Iterator[tuple[str, bool, int]]:
    """The rows of a shard in stored order, as (cut-out, flip, placement): by placement, then flip, then cut-out.

    So rows that follow each other show different cut-outs. A streaming shuffle with a buffer of 1,000 rows then has 37
    different cut-outs in a batch of 64, and 9 if the rows of each cut-out follow each other (100 cut-outs, both flips,
    20 placements).

    Args:
        names: the cut-outs of the shard; blocks of `BLOCK` follow each other.
    """
    for block in cutout_blocks(names):
        for placement, flip, name in itertools.product(range(recipe.placements), recipe.flips, block):
            yield name, flip, placement


def stored_index(index: int, num_rows: int, rows_per_cutout: int) -> int:
    """Where in stored order a row of a shard is.

    Args:
        index: of the row if all rows of a cut-out followed each other.
        num_rows: of the shard.
        rows_per_cutout: `Recipe.rows_per_pair`.
    """
    position, row = divmod(index, rows_per_cutout)
    start = position // BLOCK * BLOCK
    in_block = min(BLOCK, num_rows // rows_per_cutout - start)
    return start * rows_per_cutout + row * in_block + position - start


def cutout_blocks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """The cut-outs of a shard in blocks of `BLOCK`."""
    for start in range(0, len(names), BLOCK):
        yield names[start : start + BLOCK]


def ground_warnings(recipe: Recipe, heights: Sequence[int]) -> list[str]:
    """A warning if cut-outs are too tall to stand in the ground band.

    Args:
        heights: of all cut-outs, in pixels of the composite.
    Returns:
        one warning or none.
    """
    if recipe.placement_mode != "ground" or recipe.is_varied:
        return []
    band = _band(recipe)
    lower_edges = [y_range(recipe, height)[0] + height for height in heights]
    above = sorted(edge / recipe.size for edge in lower_edges if edge > band[1])
    if not above:
        return []
    where = f"{100 * above[0]:.0f}" + (f" to {100 * above[-1]:.0f}" if above[-1] > above[0] else "")
    are, they, their = ("are", "They stand", "their") if len(above) > 1 else ("is", "It stands", "its")
    return [
        f"ground_band {recipe.ground_band[0]:g} to {recipe.ground_band[1]:g}: {len(above)} of {len(heights)} cut-outs "
        f"{are} too tall to stand in it. {they} as high as the frame allows instead, with {their} lower edge {where} % "
        "down. Use larger numbers for ground_band, or a smaller foreground_max"
    ]


def lower_edge_range(
    recipe: Recipe, bg_digests: Iterable[str], cutouts: Iterable[tuple[str, int]]
) -> tuple[float, float] | None:
    """Where the lower edges of all layers on the ground are, as fractions of the frame's height from the top.

    The layers are drawn until both ends of what is possible have been found, so that few of millions are drawn.

    Args:
        cutouts: digest and height of each, in pixels of the composite.
    Returns:
        the smallest and the largest; None if cut-outs do not stand on the ground, or if rows are scenes.
    """
    if recipe.placement_mode != "ground" or recipe.is_varied:
        return None
    pairs = [(bg_digest, flip) for bg_digest in bg_digests for flip in recipe.flips]
    possible = [(digest, height, *y_range(recipe, height)) for digest, height in cutouts]
    lowest, highest = math.inf, -math.inf
    for digest, height, top, bottom in sorted(possible, key=lambda cutout: cutout[1] + cutout[2]):
        for bg_digest, flip in pairs:
            if lowest <= top + height:
                break
            v = float(_draws(recipe, bg_digest, digest, flip)[:, 1].min())
            lowest = min(lowest, position(v, top, bottom) + height)
    for digest, height, top, bottom in sorted(possible, key=lambda cutout: -cutout[1] - cutout[3]):
        for bg_digest, flip in pairs:
            if highest >= bottom + height:
                break
            v = float(_draws(recipe, bg_digest, digest, flip)[:, 1].max())
            highest = max(highest, position(v, top, bottom) + height)
    return lowest / recipe.size, highest / recipe.size


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


def _draws(recipe: Recipe, bg_digest: str, fg_digest: str, flip: bool) -> NDArray[np.float64]:
    """(placements, 2) uniform numbers on [0, 1): horizontal and vertical position of each layer."""
    return sample_rng(recipe.seed, "placement", bg_digest, fg_digest, int(flip)).random((recipe.placements, 2))


def position(uniform: float, first: int, last: int) -> int:
    """A whole number from first to last, both included, from a uniform number on [0, 1)."""
    return first + int(uniform * (last - first + 1))


def _band(recipe: Recipe) -> tuple[int, int]:
    """The ground band in pixels from the top."""
    low, high = recipe.ground_band
    return round(low * recipe.size), round(high * recipe.size)


def y_range(recipe: Recipe, height: int) -> tuple[int, int]:
    """First and last y of a cut-out of this height, uniform or in the ground band.

    With placement_mode scene, that is where it stands on a background without ground.
    """
    top, bottom = position_range(height, recipe.size, recipe.visible_min)
    if recipe.placement_mode != "uniform":
        band_top, band_bottom = (edge - height for edge in _band(recipe))
        top, bottom = max(top, min(band_top, bottom)), min(bottom, max(band_bottom, top))
    return top, bottom


def position_range(length: int, frame: int, visible_min: float) -> tuple[int, int]:
    """First and last position of a side of `length` at which `visible_min` of it is inside the frame."""
    hidden = length - math.ceil(length * visible_min - 1e-9)
    return -hidden, frame - length + hidden
