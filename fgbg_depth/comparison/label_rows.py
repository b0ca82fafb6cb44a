"""Label the drawn rows with one model: predicted and placed depth, their checks, and what it costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.comparison.drawn_rows import DrawnRows
from fgbg_depth.comparison.memory import Memory, MemoryMeter
from fgbg_depth.depth import models
from fgbg_depth.depth.checks import GRID_POINTS, LabelChecks, check_label
from fgbg_depth.depth.external.names import Program, find_labeller
from fgbg_depth.depth.placed import Stored, set_in_all
from fgbg_depth.depth.spec import DepthSpec, encode_values
from fgbg_depth.recipe import Recipe
from fgbg_depth.schema import PLACED, PREDICTED

OnRows = Callable[[int, int], None]  # called with the rows that were labelled, and the rows in all

_ROWS_PER_STEP = 32  # labelled between two steps of the progress bar, unless a batch is larger


@dataclass
class LabelledRows:
    """What one model gives for the drawn rows, in their order.

    checks: of each row, by kind of label (`schema.LABELS`).
    values: (rows, h, w) float32: the prediction at every n-th pixel, as `grid_step` says, in the spec's unit; NaN where
        invalid.
    shown: (H, W) stored values of some rows, by number of the row and kind of label.
    no_depth: share of the pixels without a valid depth.
    device: where the model ran.
    batch_size: rows in each call of the model.
    images_per_s: after a first call, which is not counted.
    """

    values: NDArray[np.float32]
    device: str
    checks: dict[str, list[LabelChecks]] = field(default_factory=lambda: {PREDICTED: [], PLACED: []})
    shown: dict[int, dict[str, Stored]] = field(default_factory=dict)
    no_depth: float = 0.0
    batch_size: int = 0
    images_per_s: float = 0.0
    memory: Memory = field(default_factory=Memory)


def grid_step(size: int) -> int:
    """The least n for which every n-th pixel gives at most 128 along a side of `size` pixels."""
    return -(-size // GRID_POINTS)


def device_of(model: str, device: str) -> tuple[str, bool]:
    """Where a model runs, such as "cuda:0", and whether it runs in a process of its own."""
    from fgbg_depth.depth.devices import labeller_device

    own_process = isinstance(find_labeller(model), Program)
    return labeller_device(device, 0, own_process), own_process


def label_rows(
    drawn: DrawnRows, recipe: Recipe, spec: DepthSpec, device: str, shown: Collection[int], on_rows: OnRows
) -> LabelledRows:
    """Label and check all drawn rows. The model runs once for each row and once for each bare background.

    Args:
        recipe: its depth model and depth fields.
        spec: of the labels.
        shown: numbers of the rows whose labels are kept.
        on_rows: called with the rows that were labelled so far, and the rows in all.
    Raises:
        DepthError: the model fails.
    """
    where, own_process = device_of(recipe.depth_model, device)
    meter = MemoryMeter(where, own_process)
    step = grid_step(drawn.recipe.size)
    side = -(-drawn.recipe.size // step)
    labelled = LabelledRows(np.empty((len(drawn.rows), side, side), np.float32), where)
    labeller = models.load_labeller(recipe, spec, device)
    try:
        first = [drawn.background(name) for name in drawn.backgrounds[: labeller.batch_size]]
        labeller(np.stack(first))  # the first call is slower; it also stops if the model gives no valid depth
        timed = _Timed(labeller)
        names = drawn.backgrounds
        backgrounds = {
            names[i]: encode_values(values, spec)
            for i, values in timed.values(len(names), lambda i: drawn.background(names[i]))
        }
        missing = 0
        for i, values in timed.values(len(drawn.rows), drawn.image):
            row = drawn.rows[i]
            predicted, bare = encode_values(values, spec), backgrounds[row.bg]
            shape, placed = drawn.shape(i), bare.copy()
            set_in_all(placed, shape.cutouts, spec)
            labelled.values[i] = values[::step, ::step]
            labelled.checks[PREDICTED].append(check_label(predicted, bare, shape.outline, shape.x, shape.y, spec))
            labelled.checks[PLACED].append(check_label(placed, None, shape.outline, shape.x, shape.y, spec))
            missing += int(np.count_nonzero(predicted == 0))
            if i in shown:
                labelled.shown[i] = {PREDICTED: predicted, PLACED: placed}
            on_rows(i + 1, len(drawn.rows))
        labelled.memory = meter.read()
    finally:
        labeller.release()
    labelled.no_depth = missing / (len(drawn.rows) * drawn.recipe.size**2)
    labelled.batch_size, labelled.images_per_s = labeller.batch_size, timed.images / timed.seconds
    return labelled


class _ValuesLabeller(Protocol):
    """What `_Timed` needs of a labeller."""

    batch_size: int

    def values(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(N, H, W, 3) uint8 to (N, H, W) float32 predictions."""
        ...


class _Timed:
    """Calls a labeller and measures its speed.

    A last batch that is not full is filled up by the labeller, which takes as long; it counts as a full one.
    """

    def __init__(self, labeller: _ValuesLabeller) -> None:
        self._labeller, self.images, self.seconds = labeller, 0, 0.0

    def values(
        self, count: int, image: Callable[[int], NDArray[np.uint8]]
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """(number, (H, W) float32 prediction) of each of `count` images.

        Args:
            image: from an image's number to (H, W, 3) uint8; not part of the measured time.
        """
        start = 0
        while start < count:
            batch = self._labeller.batch_size
            step = max(batch, _ROWS_PER_STEP // batch * batch)
            pixels = np.stack([image(i) for i in range(start, min(count, start + step))])
            began = time.perf_counter()
            found = self._labeller.values(pixels)
            self.seconds += time.perf_counter() - began
            self.images += -(-len(pixels) // batch) * batch
            yield from enumerate(found, start)
            start += len(pixels)
