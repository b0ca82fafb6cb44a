"""The sample gallery: a grid of rows to open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fgbg_depth.app.markup import Markup, escape, join, tag
from fgbg_depth.app.pixels import data_uri, decode, depth_png, show_range, thumbnail
from fgbg_depth.app.wording import SPLIT_NAMES, thousands
from fgbg_depth.read.reader import Browser, Row

SHOWN = {"Composite": "fg_bg", "Mask": "fg_bg_mask", "Depth": "fg_bg_depth"}
TILE_PX = 280


def tiles(browser: Browser, rows: Sequence[Row], column: str, count: int | None, first: int) -> Markup:
    """A page of rows, or that nothing matches."""
    if not rows and not first:
        return tag("p", tag("b", "No row matches."), " Widen a filter, or clear them all.", class_="fg-empty")
    if not rows:
        return tag("p", "That was the last of them. ", tag("b", "Shuffle"), " starts again.", class_="fg-empty")
    found = f"{thousands(count)} rows match" if count is not None else "the first that match"
    last = thousands(first + len(rows))
    line = f"{thousands(first + 1)} to {last} · {found}"
    return join(
        [tag("p", line, class_="fg-count"), tag("div", [tile(browser, r, column) for r in rows], class_="fg-grid")]
    )


def tile(browser: Browser, row: Row, column: str) -> Markup:
    """One row: its picture, its cut-out and its background; a button that opens it."""
    facts = row.facts
    mirrored = tag("span", "⇋", title="mirrored", class_="fg-mirrored") if facts["flip"] else None
    label = f"{facts['fg']} on {facts['bg']}, {SPLIT_NAMES.get(row.split, row.split)} row {row.index}"
    return tag(
        "button",
        tag("img", src=picture(browser, row, column), alt="", loading="lazy", decoding="async"),
        tag("span", tag("b", facts["fg"]), mirrored, class_="fg-name"),
        tag("span", facts["bg"], class_="fg-sub"),
        class_="fg-tile",
        type="button",
        data_open=row.address,
        aria_label=label,
        title=label,
    )


def picture(browser: Browser, row: Row, column: str) -> str:
    """The address of a tile's picture; depth in colour."""
    data = row.images[column]
    spec: dict[str, Any] | None = browser.statistics.get("depth")
    if column == "fg_bg_depth" and spec:
        data = depth_png(decode(data, spec), *show_range(browser.statistics), spec["kind"])
    return data_uri(thumbnail(data, TILE_PX))


def skeleton(num: int) -> Markup:
    """Empty tiles while the first rows are on their way."""
    blank = tag("div", tag("i"), escape(""), class_="fg-tile fg-blank")
    return tag("div", [blank] * num, class_="fg-grid", aria_hidden="true")
