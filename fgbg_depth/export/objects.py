"""The objects of a row: the mask and the class of each cut-out that can be seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgbg_depth import schema
from fgbg_depth.export.selection import Selection
from fgbg_depth.read.rows import StoredRow
from fgbg_depth.render.codecs import decode_grey

_MASK, _INSTANCES = "fg_bg_mask", "fg_bg_instances"


@dataclass(frozen=True)
class RowObject:
    """One cut-out of a row.

    Args:
        name: of the cut-out.
        class_name: one of `Selection.classes`.
        mask: (H, W) bool: the pixels at which it is in front and its matte is at least 128.
        visible: visible share of its foreground, 0 to 1; None for plain rows, which do not store it.
    """

    name: str
    class_name: str
    mask: NDArray[np.bool_]
    visible: float | None


def mask_columns(selection: Selection) -> tuple[str, ...]:
    """The columns of images that `objects_of` needs."""
    return (_INSTANCES,) if _INSTANCES in selection.image_columns else (_MASK,)


def objects_of(row: StoredRow, selection: Selection) -> Iterator[RowObject]:
    """All cut-outs of a row that have a visible pixel, in the order of the column `objects`, farthest first.

    A row without scenes has one, whose mask is the matte from 128 on.
    """
    if _INSTANCES in row.images:
        instances = decode_grey(row.images[_INSTANCES])
        found = [(entry["fg"], instances == n, entry["visible"]) for n, entry in enumerate(row.facts["objects"], 1)]
    else:
        matte = decode_grey(row.images[_MASK])
        found = [(row.facts["fg"], matte >= schema.FOREGROUND_ALPHA, row.facts.get("visible"))]
    for name, mask, visible in found:
        if mask.any():
            yield RowObject(name, selection.class_of[name], mask, visible)
