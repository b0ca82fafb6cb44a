"""The depth labels of one stored row: can they be read, and are placed labels and checks what the row gives?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from fgbg_depth.builder.row_composers import Facts
from fgbg_depth.builder.row_shapes import RowShape
from fgbg_depth.depth.checks import LabelChecks, check_label
from fgbg_depth.depth.placed import Stored, set_in_all
from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.errors import ShardError
from fgbg_depth.plan import Plan
from fgbg_depth.render.codecs import decode_grey
from fgbg_depth.render.inputs import Background
from fgbg_depth.schema import CHECKS, LABELS, PLACED, PREDICTED

_GREY = 0  # PNG's colour type


def check_labels_of_row(
    images: Mapping[str, bytes],
    checks: Mapping[str, Any],
    facts: Facts,
    shape: RowShape,
    plan: Plan,
    background: Background,
) -> None:
    """Set the cut-out in again and check the labels again, and compare both with what is stored, to the bit.

    Whether predicted labels are what the model predicts is not checked; see `verify.labels`.

    Args:
        images: encoded images of the row, by column.
        checks: the row's values of the columns of checks.
        facts: the row's columns that composing fills and that hold no image.
        shape: of the row's cut-outs.
    Raises:
        ShardError: a label is not a depth map of this dataset, or something is not what the row gives.
        OSError: an image cannot be decoded.
    """
    if plan.spec is None:
        return
    if background.depth is None:
        raise ShardError(f"the background {background.name!r} has no depth in the config bg")
    for label in plan.labels:
        column = LABELS[label]
        stored = _read(images[column], column, plan.recipe.size, plan.spec)
        if label == PREDICTED:
            found = check_label(stored, background.depth, shape.outline, shape.x, shape.y, plan.spec)
            _compare(checks, found, CHECKS[label])
        if label == PLACED:
            placed = background.depth.copy()
            set_in_all(placed, shape.cutouts, plan.spec)
            if not np.array_equal(stored, placed):
                pixels = np.count_nonzero(stored != placed)
                raise ShardError(
                    f"{column} is not the depth of {background.name!r} with {facts['fg']!r} set in "
                    f"({pixels} pixels differ)"
                )
            _compare(checks, check_label(stored, None, shape.outline, shape.x, shape.y, plan.spec), CHECKS[label])


def _compare(stored: Mapping[str, Any], found: LabelChecks, columns: Mapping[str, str]) -> None:
    for name, column in columns.items():
        right = float(getattr(found, name))
        if stored[column] != right and not (math.isnan(right) and math.isnan(stored[column])):
            raise ShardError(f"{column} is {stored[column]}; the stored label gives {right}")


def _read(data: bytes, column: str, size: int, spec: DepthSpec) -> Stored:
    """Decode a depth map: a grey PNG of the right size and bits, with values up to the spec's largest."""
    if len(data) < 26:
        raise ShardError(f"{column} is not a PNG")
    width, height = (int.from_bytes(data[start : start + 4], "big") for start in (16, 20))
    stored_bits, color_type = data[24], data[25]  # PNG's header: RFC 2083, 4.1.1
    if (width, height, stored_bits, color_type) != (size, size, spec.bits, _GREY):
        raise ShardError(
            f"{column} is {width}x{height} with {stored_bits} bits and colour type {color_type}, "
            f"not {size}x{size} grey with {spec.bits} bits"
        )
    values = decode_grey(data)
    if values.max(initial=0) > spec.levels:
        raise ShardError(f"{column} has the value {values.max()}, above {spec.levels}")
    return values
