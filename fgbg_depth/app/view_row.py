"""One row: its images side by side, its columns, and the Python that loads it."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgbg_depth import schema
from fgbg_depth.app import images, pixels, row_objects
from fgbg_depth.app.depth_scale import DepthScale
from fgbg_depth.app.state import SAMPLES, PageState
from fgbg_depth.app.templating import percent, render
from fgbg_depth.app.view_filters import link
from fgbg_depth.app.view_gallery import tiles
from fgbg_depth.depth.kinds import DepthKind
from fgbg_depth.depth.spec import DepthSpec
from fgbg_depth.read.reader import DatasetReader, StoredRow
from fgbg_depth.read.related import same_background, same_cutout

_STRIP_ROWS = 8


@dataclass(frozen=True)
class Fact:
    """A line of the list beside the images.

    Args:
        name: a column, or a few words.
        value: as text.
        note: what it means.
        link: address of the rows made from the source that the value names; else "".
        is_column: `name` is the name of a column.
    """

    name: str
    value: str
    note: str
    link: str = ""
    is_column: bool = False


@dataclass(frozen=True)
class DepthView:
    """The depth maps of a row, as the template and static/row.js need them."""

    column: str  # whose values are read under the pointer
    columns: tuple[str, ...]
    spec: DepthSpec
    scale: DepthScale


def page(browser: DatasetReader, row: StoredRow, state: PageState, pictures: images.Links) -> str:
    """Everything of the tab for one row. The row must have all image columns."""
    mask = pixels.mask_array(row.images["fg_bg_mask"])
    facts = column_facts(row, state)
    if "coverage" not in row.facts:
        facts.append(Fact("Coverage", percent(float(mask.mean()) / 255), "share of the image that the mask covers"))
    depth = None
    spec, columns = browser.manifest.depth, browser.manifest.depth_columns
    if spec is not None and columns:
        depth = DepthView(browser.manifest.main_depth_column or "", columns, spec, DepthScale.of(browser))
        values = pixels.decode_values(row.images[depth.column], spec)
        facts += depth_facts(values, mask >= schema.FOREGROUND_ALPHA, depth.scale.kind)
    label_px = max(8, mask.shape[1] // 14)
    known = ("fg_bg", "fg_bg_mask", row_objects.INSTANCES, *columns)
    return render(
        "row.html",
        row=row,
        num_rows=browser.splits[row.split],
        width=mask.shape[1],
        height=mask.shape[0],
        meanings={column.name: column.meaning for column in schema.columns(extras=schema.EXTRAS)},
        image=lambda form, column: pictures.image(form, row.split, row.index, column),
        other_images=[name for name in row.images if name not in known],
        objects=row_objects.object_views(row, mask.shape[1], label_px),
        object_link=lambda name: source_link(state, schema.FG, name),
        label_px=label_px,
        has_instances=row_objects.INSTANCES in row.images,
        depth=depth,
        sources=source_images(browser, row, pictures),
        facts=facts,
        strips=[
            ("Same background, other cut-outs", tiles(same_background(browser, row, _STRIP_ROWS), state, pictures)),
            ("Same cut-out, other backgrounds", tiles(same_cutout(browser, row, _STRIP_ROWS), state, pictures)),
        ],
        python=load_line(browser, row),
        columns_json=json.dumps({"split": row.split, "row": row.index, **row.facts}, ensure_ascii=False),
        downloads=downloads(row, pictures),
    )


def nothing() -> str:
    """The tab before a row is opened."""
    return render("no_row.html")


def column_facts(row: StoredRow, state: PageState) -> list[Fact]:
    """One line for each column of one value, with the column's meaning from `schema.COLUMNS`."""
    return [
        Fact(
            column.name,
            as_text(row.facts[column.name]),
            column.meaning,
            link=source_link(state, column.name, row.facts[column.name])
            if column.name in (schema.BG, schema.FG)
            else "",
            is_column=True,
        )
        for column in schema.columns(extras=schema.EXTRAS)
        if column.name in row.facts and column.type != "objects"
    ]


def source_link(state: PageState, kind: str, name: str) -> str:
    """The address of all rows made from a background ("bg") or a cut-out ("fg"), in the same order as now."""
    return link(state.without_filters().but(tab=SAMPLES, **{kind: name}))


def as_text(value: Any) -> str:
    """A column's value for people: "yes" and "no" for flags, three digits of fractions, JSON for lists."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "not defined" if math.isnan(value) else f"{value:.3g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def depth_facts(values: NDArray[np.float32], foreground: NDArray[np.bool_], kind: DepthKind) -> list[Fact]:
    """Median and spread of the depth of the cut-out and of the background.

    Args:
        values: (H, W) depth, NaN where invalid.  foreground: (H, W) True at pixels of the cut-out.
    """
    facts = []
    label = kind.label.capitalize()
    for name, chosen in ((f"{label} of the cut-out", values[foreground]), (f"{label} around it", values[~foreground])):
        chosen = chosen[np.isfinite(chosen)]
        if chosen.size:
            low, median, high = (kind.format_value(float(v)) for v in np.quantile(chosen, (0.05, 0.5, 0.95)))
            note = f"median; 90 % of the pixels have {low} to {high}" if low != high else "of every pixel"
            facts.append(Fact(name, median, note))
    return facts


def source_images(browser: DatasetReader, row: StoredRow, pictures: images.Links) -> dict[str, str]:
    """Addresses of the background and of the cut-out alone, by kind; a source that the dataset lacks is left out."""
    found = {}
    for kind in (schema.BG, schema.FG):
        names = browser.names(kind)
        if row.facts[kind] in names:
            found[kind] = pictures.image(images.SHOWN, kind, names.index(row.facts[kind]), "image")
    return found


def load_line(browser: DatasetReader, row: StoredRow) -> str:
    """Python that loads exactly this row, and downloads only the file that contains it."""
    name = json.dumps(browser.files.name)
    revision = f', revision="{browser.files.revision}"' if browser.files.revision else ""
    return (
        "from datasets import load_dataset\n"
        f'rows = load_dataset({name}, data_files={json.dumps(row.shard)}, split="train"{revision})\n'
        f"row = rows[{row.shard_row}]"
    )


def downloads(row: StoredRow, pictures: images.Links) -> list[dict[str, object]]:
    """The stored files, byte for byte."""
    stem = re.sub(r"[^a-z_]", "", row.split) + f"-{row.index}"
    found = []
    for column, data in row.images.items():
        extension = {"JPEG": "jpg", "PNG": "png"}.get(pixels.image_format(data) or "", "bin")
        found.append({
            "column": column,
            "num_bytes": len(data),
            "extension": extension,
            "file_name": f"{stem}-{column}.{extension}",
            "href": pictures.image(images.STORED, row.split, row.index, column),
        })  # fmt: skip
    return found
