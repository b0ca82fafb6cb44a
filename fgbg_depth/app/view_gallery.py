"""Grids of tiles: the sampled rows, and the backgrounds and cut-outs they are made from."""

from __future__ import annotations

from collections.abc import Sequence

from fgbg_depth import schema
from fgbg_depth.app.pixels import data_uri, decode_values, depth_png, thumbnail
from fgbg_depth.app.row_objects import INSTANCES, instances_png
from fgbg_depth.app.templating import render, split_label
from fgbg_depth.card.markdown import count
from fgbg_depth.read.reader import DatasetReader, StoredRow
from fgbg_depth.schema import LABELS, PLACED, PREDICTED

SHOWN_COLUMNS = {
    "Composite": "fg_bg",
    "Mask": "fg_bg_mask",
    "Cut-outs": INSTANCES,
    "Depth": LABELS[PREDICTED],
    "Placed depth": LABELS[PLACED],
}
_ROW_TILE_PX, _SOURCE_TILE_PX = 280, 160
_MAX_SOURCES = 400  # about 2 MB of thumbnails


def rows(browser: DatasetReader, found: Sequence[StoredRow], column: str, num_matching: int | None, first: int) -> str:
    """One page of rows, or that there are none.

    Args:
        column: the image column to show.
        num_matching: number of all matching rows; None if it is not known.
        first: number of the page's first row among the matching rows, from 0.
    """
    return render(
        "gallery.html",
        first=first + 1,
        last=first + len(found),
        found="of the matching rows" if num_matching is None else f"· {count(num_matching)} rows match",
        tiles=[
            {
                "address": row.address,
                "image": _row_image(browser, row, column),
                "bg": row.facts["bg"],
                "fg": row.facts["fg"],
                "flip": row.facts["flip"],
                "others": row.facts.get("num_objects", 1) - 1,
                "label": f"{row.facts['fg']} on {row.facts['bg']}, {split_label(row.split)}, row {row.index}",
            }
            for row in found
        ],
    )


def shown_columns(browser: DatasetReader) -> dict[str, str]:
    """The image columns that rows can be shown by, by the words for them."""
    manifest = browser.manifest
    absent = set(schema.image_columns(extras=schema.EXTRAS)) - set(
        schema.image_columns(labels=manifest.labels, extras=manifest.extras)
    )
    return {words: column for words, column in SHOWN_COLUMNS.items() if column not in absent}


def placeholder(num_tiles: int) -> str:
    """Grey tiles until the first rows are loaded."""
    return render("placeholder.html", num_tiles=num_tiles)


def sources(browser: DatasetReader, kind: str) -> str:
    """All backgrounds ("bg") or cut-outs ("fg")."""
    stored = list(browser.sources(kind).values())
    return render(
        "sources.html",
        kind=kind,
        noun="backgrounds" if kind == "bg" else "cut-outs",
        transparent=kind == "fg",
        num=len(stored),
        num_held_out=sum(source.held_out for source in stored),
        tiles=[
            {"name": s.name, "held_out": s.held_out, "image": data_uri(thumbnail(s.image, _SOURCE_TILE_PX))}
            for s in stored[:_MAX_SOURCES]
        ],
    )


def _row_image(browser: DatasetReader, row: StoredRow, column: str) -> str:
    """A tile's picture as a data URI; depth in colours."""
    data = row.images[column]
    if column == INSTANCES:
        data = instances_png(data)
    spec = browser.manifest.depth
    if column in LABELS.values() and spec is not None:
        data = depth_png(decode_values(data, spec), *browser.manifest.depth_range, spec.meaning)
    return data_uri(thumbnail(data, _ROW_TILE_PX))
