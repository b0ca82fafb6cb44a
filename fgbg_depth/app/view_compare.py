"""The tab Compare: the depth labels of one row on one scale, with a slider between them, and numbers for each."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgbg_depth import schema
from fgbg_depth.app import images, pixels
from fgbg_depth.app.depth_scale import DepthScale
from fgbg_depth.app.templating import percent, render
from fgbg_depth.depth.kinds import DepthKind
from fgbg_depth.manifest import Manifest
from fgbg_depth.read.reader import DatasetReader, StoredRow

COMPOSITE = "fg_bg"
_CHECKS = {
    "boundary_recall": ("step at the outline", "boundary recall: 1 is best, 0 is no step"),
    "nearer": ("distance outside / inside", "how many times as far is what surrounds the cut-out"),
    "background_drift": ("drift of the background", "mean change of distances away from the cut-out"),
}


@dataclass(frozen=True)
class Side:
    """A picture that either side of the slider can show: its column, its name, and its address."""

    column: str
    name: str
    address: str


@dataclass(frozen=True)
class Line:
    """A line of the table: what is measured, what it means, and its value for each label, as text."""

    name: str
    note: str
    values: list[str]


def can_compare(manifest: Manifest) -> bool:
    """Whether rows have several depth labels."""
    return len(manifest.depth_columns) > 1


def page(browser: DatasetReader, row: StoredRow, links: images.Links) -> str:
    """Everything of the tab for one row. The row must have its mask and its depth columns."""
    manifest = browser.manifest
    spec = manifest.depth
    if spec is None or not can_compare(manifest):
        return render("no_compare.html")
    labels = {label: column for label, column in schema.LABELS.items() if column in manifest.depth_columns}
    maps = {label: pixels.decode_values(row.images[column], spec) for label, column in labels.items()}
    inside = pixels.mask_array(row.images["fg_bg_mask"]) >= schema.FOREGROUND_ALPHA
    sides = [
        Side(column, f"{label} {spec.meaning.label}", links.image(images.SHOWN, row.split, row.index, column))
        for label, column in labels.items()
    ]
    sides.append(Side(COMPOSITE, "composite", links.image(images.SHOWN, row.split, row.index, COMPOSITE)))
    first, second, *_ = maps.values()
    return render(
        "compare.html",
        row=row,
        num_rows=browser.splits[row.split],
        sides=sides,
        left=sides[0],
        right=sides[1],
        labels=list(labels),
        model=spec.model,
        scale=DepthScale.of(browser),
        cut=middle_of(inside),
        lines=[*check_lines(row, list(labels)), *depth_lines(maps, inside, spec.meaning)],
        differences=differences(first, second, inside, spec.meaning),
    )


def middle_of(inside: NDArray[np.bool_]) -> float:
    """Where the line between the sides is at first: the middle of the cut-out, in half per cent of the width."""
    columns = np.flatnonzero(inside.any(axis=0))
    if not columns.size:
        return 50.0
    middle = (int(columns[0]) + int(columns[-1]) + 1) / 2
    return round(200 * middle / int(inside.shape[1])) / 2


def check_lines(row: StoredRow, labels: list[str]) -> list[Line]:
    """The checks of the row's labels; none in a dataset without checks."""
    lines = []
    for check, (name, note) in _CHECKS.items():
        columns = [schema.CHECKS.get(label, {}).get(check, "") for label in labels]
        if any(column in row.facts for column in columns):
            lines.append(Line(name, note, [check_text(check, row.facts.get(column)) for column in columns]))
    return lines


def check_text(check: str, value: float | None) -> str:
    """The value of a check for people: a share, a ratio of distances or per cent."""
    if value is None:
        return "–"
    if math.isnan(value):
        return "not defined"
    if check == "nearer":
        return f"{math.exp(value):.3g}"
    return percent(value) if check == "background_drift" else f"{value:.2f}"


def depth_lines(maps: dict[str, NDArray[np.float32]], inside: NDArray[np.bool_], kind: DepthKind) -> list[Line]:
    """Median depth of the cut-out and of what is around it.

    Args:
        maps: (H, W) depth by label, NaN where invalid.  inside: (H, W) True at pixels of the cut-out.
    """
    lines = []
    for name, chosen in (("cut-out", inside), ("around it", ~inside)):
        values = [found[chosen & np.isfinite(found)] for found in maps.values()]
        texts = [kind.format_value(float(np.median(v))) if v.size else "–" for v in values]
        lines.append(Line(f"median {kind.label}, {name}", "", texts))
    return lines


def mean_difference(first: NDArray[np.float32], second: NDArray[np.float32], chosen: NDArray[np.bool_]) -> float | None:
    """Mean absolute difference of two depth maps over the chosen pixels that both have; None if there is none."""
    both = chosen & np.isfinite(first) & np.isfinite(second)
    return float(np.abs(first[both].astype(np.float64) - second[both]).mean()) if both.any() else None


def differences(
    first: NDArray[np.float32], second: NDArray[np.float32], inside: NDArray[np.bool_], kind: DepthKind
) -> list[tuple[str, str]]:
    """How much the first two labels differ inside the cut-out and outside, with the kind's unit, as text."""
    found = {
        "inside the cut-out": mean_difference(first, second, inside),
        "outside": mean_difference(first, second, ~inside),
    }
    return [(where, "–" if value is None else kind.format_value(value)) for where, value in found.items()]
