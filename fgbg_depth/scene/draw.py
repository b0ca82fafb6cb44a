"""Draw the scenes of one background: which cut-outs, how large, turned, where, and which hides which."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.recipe import Recipe
from fgbg_depth.rng import sample_rng
from fgbg_depth.scene.layers import Layer, position, position_range, y_range
from fgbg_depth.scene.scenes import Scene
from fgbg_depth.scene.stage import Stage, overlap, paint, shown_foreground

MAX_IOU = 0.75  # of the boxes of two cut-outs. Source: Dwibedi et al. 2017, "Cut, Paste and Learn", section 5.3
SCALE_STEPS = 32  # sizes are multiples of 1/32 of the prepared size, so that resized cut-outs can be reused
MIN_SIDE = 8  # pixels; a farther cut-out is not recognised
TRIES = 40  # places that are drawn for a cut-out before it is left out, or placed where nothing can hide it
# Blends of `mixed` and their shares, without Poisson cloning. Training on several blendings of a scene keeps a network
# from finding the marks of pasting: in "Cut, Paste and Learn" (table 2) the mixture was better than each of them.
MIXED = ("alpha", "feather_fine", "feather_wide", "box", "motion_0", "motion_45", "motion_90", "motion_135")
_MIXED_SHARES = np.array([0.3, 0.2, 0.2, 0.1, 0.05, 0.05, 0.05, 0.05])


Uniform = Callable[[], float]  # the next uniform number on [0, 1)


class LayerShapes(Protocol):
    """The outlines of cut-outs, which rendering knows."""

    def size(self, fg: str, flip: bool, angle: int) -> tuple[int, int]:
        """(width, height) of a turned cut-out at its largest size, in pixels."""

    def foreground(self, layer: Layer, blend: str) -> tuple[NDArray[np.bool_], int]:
        """(h, w) bool, the foreground as it is pasted, and how many pixels it reaches beyond the box on each side."""


@dataclass(frozen=True)
class SceneDrawing:
    """Draws the scenes of one background.

    Args:
        names: the cut-outs that can be in a row; those of a shard.
        digests: of their files, in the same order; they key the randomness.
        stage: the ground and what stands on it; None: the background has none, or it is not used.
    """

    recipe: Recipe
    bg_digest: str
    names: Sequence[str]
    digests: Sequence[str]
    shapes: LayerShapes
    stage: Stage | None = None

    def scenes(self, fg: str, flip: bool) -> list[Scene]:
        """All scenes of one cut-out with one flip, by placement."""
        return [self.scene(fg, flip, placement) for placement in range(self.recipe.placements)]

    def scene(self, fg: str, flip: bool, placement: int) -> Scene:
        """One scene. It depends on the seed, the background, the cut-out, the flip, the placement and on `names`."""
        recipe = self.recipe
        fg_digest = self.digests[self.names.index(fg)]
        uniform = sample_rng(recipe.seed, "scene", self.bg_digest, fg_digest, int(flip), placement).random
        low, high = recipe.objects
        wanted = position(uniform(), low, high)
        blend = self._blend(uniform(), uniform())
        others = [name for name in self.names if name != fg]
        layers: list[Layer] = []
        visible: tuple[float, ...] = ()
        for index in range(wanted):
            name = fg if index == 0 else ""
            if index > 0:
                if not others:
                    break
                name = others.pop(position(uniform(), 0, len(others) - 1))
                flip = recipe.mirror and uniform() < 0.5
            angle = round((2 * uniform() - 1) * recipe.rotation_max)
            layer = Layer(0, 0, 0, 0, flip, placement, name, angle)
            placed = self._place(layer, self._scale(uniform()), layers, blend, uniform)
            if placed is not None:
                layers, visible = placed
        own = next(i for i, layer in enumerate(layers) if layer.fg == fg)
        return Scene(tuple(layers), own, blend).seen(visible)

    def visible(self, layers: Sequence[Layer], blend: str) -> tuple[float, ...]:
        """The visible share of the foreground of each layer, as float32 values."""
        size = self.recipe.size
        totals = []
        if len(layers) == 1:
            inside, margin = self.shapes.foreground(layers[0], blend)
            shown = shown_foreground(inside, layers[0], margin, self.stage, self.recipe)
            seen = overlap(shown, layers[0].x - margin, layers[0].y - margin, size)[2]
            share = np.count_nonzero(seen) / max(int(np.count_nonzero(inside)), 1)
            return (float(np.float32(share)),)
        front = np.zeros((size, size), np.uint8)
        for number, layer in enumerate(layers, 1):
            inside, margin = self.shapes.foreground(layer, blend)
            totals.append(max(int(np.count_nonzero(inside)), 1))
            paint(front, number, shown_foreground(inside, layer, margin, self.stage, self.recipe), layer, margin)
        counts = np.bincount(front.ravel(), minlength=len(layers) + 1)[1:]
        return tuple(float(np.float32(seen / total)) for seen, total in zip(counts.tolist(), totals, strict=True))

    def _blend(self, choice: float, poisson: float) -> str:
        if self.recipe.blend != "mixed":
            return self.recipe.blend
        if poisson < (self.recipe.poisson_share or 0):
            return "poisson"
        return MIXED[int(np.searchsorted(np.cumsum(_MIXED_SHARES), choice, side="right").clip(0, len(MIXED) - 1))]

    def _scale(self, uniform: float) -> float:
        """Size of a cut-out, compared with the prepared one."""
        if self.recipe.scale_per == "cutout":
            return 1.0
        low, high = self.recipe.foreground_range_px()
        return (low + (high - low) * uniform) / high

    def _place(
        self, layer: Layer, scale: float, layers: list[Layer], blend: str, uniform: Uniform
    ) -> tuple[list[Layer], tuple[float, ...]] | None:
        """The layers with one more, in their order of depth, and what is visible of each; None if there is no room."""
        for _ in range(TRIES):
            found = self._draw_place(layer, scale, uniform(), uniform())
            if found is None or any(_iou(found, other) > MAX_IOU for other in layers):
                continue
            # on the ground what stands lower in the picture is nearer
            ordered = sorted([*layers, found], key=lambda one: one.y + one.height)
            visible = self.visible(ordered, blend)
            if min(visible) >= self.recipe.visible_min - 1e-6:
                return ordered, visible
        if layers:
            return None
        width, height = self._sized(layer, scale)
        top, bottom = y_range(self.recipe, height)
        x = (self.recipe.size - width) // 2
        y = min(position(uniform(), top, bottom), self.recipe.size - height)
        alone = [dataclasses.replace(layer, x=x, y=max(y, 0), width=width, height=height)]
        return alone, self.visible(alone, blend)

    def _draw_place(self, layer: Layer, scale: float, u: float, v: float) -> Layer | None:
        """The layer at a random place; None if the place is not allowed."""
        recipe, stage = self.recipe, self.stage
        if stage is None:
            width, height = self._sized(layer, scale)
            left, right = position_range(width, recipe.size, recipe.visible_min)
            top, bottom = y_range(recipe, height)
            return dataclasses.replace(
                layer, x=position(u, left, right), y=position(v, top, bottom), width=width, height=height
            )
        row, column = stage.place(u)
        relative = stage.relative_size(row)
        width, height = self._sized(layer, scale * relative)
        x, y = column - width // 2, row + 1 - height
        left, right = position_range(width, recipe.size, recipe.visible_min)
        top, bottom = position_range(height, recipe.size, recipe.visible_min)
        if not (left <= x <= right and top <= y <= bottom) or max(width, height) < MIN_SIDE:
            return None
        return dataclasses.replace(layer, x=x, y=y, width=width, height=height)

    def _sized(self, layer: Layer, scale: float) -> tuple[int, int]:
        """(width, height) of a layer in pixels: at most the frame's."""
        width, height = self.shapes.size(layer.fg, layer.flip, layer.angle)
        steps = max(1, round(scale * SCALE_STEPS))
        steps = min(steps, SCALE_STEPS * self.recipe.size // max(width, height))
        return max(1, round(width * steps / SCALE_STEPS)), max(1, round(height * steps / SCALE_STEPS))


def _iou(a: Layer, b: Layer) -> float:
    """Intersection over union of two boxes."""
    width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    common = max(width, 0) * max(height, 0)
    return common / (a.width * a.height + b.width * b.height - common)
