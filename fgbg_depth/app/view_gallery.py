"""Grids of tiles: a page of rows, and the backgrounds and cut-outs they are made from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fgbg_depth.app import images
from fgbg_depth.app.state import SAMPLES, PageState, shown_columns
from fgbg_depth.app.templating import render, split_label
from fgbg_depth.app.view_filters import chips, link, sort_words
from fgbg_depth.read.reader import DatasetReader, StoredRow

PAGE_ROWS = 24
_MAX_SOURCES = 400


def rows(browser: DatasetReader, state: PageState, pictures: images.Links) -> tuple[str, PageState]:
    """The page of rows that a state describes, and the state with the number of an existing page.

    Raises:
        UsageError: the state names a column that the dataset does not have.
    """
    order = browser.order(state.filter, state.order)
    found = browser.rows_of(order, (state.page - 1) * PAGE_ROWS, PAGE_ROWS, ())
    if not found and state.page > 1:
        last_page = max(1, -(-(order.count or 0) // PAGE_ROWS))
        return rows(browser, state.but(page=last_page), pictures)
    total, first = order.count, (state.page - 1) * PAGE_ROWS
    has_next = total > first + PAGE_ROWS if total is not None else len(found) == PAGE_ROWS
    html = render(
        "gallery.html",
        first=first + 1,
        last=first + len(found),
        total=total,
        page=state.page,
        num_pages=None if total is None else max(1, -(-total // PAGE_ROWS)),
        previous=link(state.but(page=state.page - 1)) if state.page > 1 else "",
        next=link(state.but(page=state.page + 1)) if has_next else "",
        columns=[
            (words, column == state.shown, link(state.but(shown=column)))
            for words, column in shown_columns(browser).items()
        ],
        shuffle=link(state.but(sort="", seed=state.seed + 1, page=1)),
        order=sort_words(state),
        chips=chips(browser, state),
        tiles=tiles(found, state, pictures),
    )
    return html, state


def tiles(found: Sequence[StoredRow], state: PageState, pictures: images.Links) -> list[dict[str, Any]]:
    """What `tile.html` needs for each row."""
    return [
        {
            "address": row.address,
            "link": link(state.but(tab="row", row=row.address)),
            "image": pictures.image(images.TILE, row.split, row.index, state.shown),
            "name": row.facts["fg"],
            "sub": row.facts["bg"],
            "flip": row.facts["flip"],
            "others": row.facts.get("num_objects", 1) - 1,
            "label": f"{row.facts['fg']} on {row.facts['bg']}, {split_label(row.split)}, row {row.index}",
        }
        for row in found
    ]


def placeholder(num_tiles: int) -> str:
    """Grey tiles until the first rows are loaded."""
    return render("placeholder.html", num_tiles=num_tiles)


def sources(browser: DatasetReader, kind: str, pictures: images.Links) -> str:
    """All backgrounds ("bg") or cut-outs ("fg")."""
    names, entries = browser.names(kind), browser.manifest.sources[kind]
    return render(
        "sources.html",
        kind=kind,
        noun="backgrounds" if kind == "bg" else "cut-outs",
        transparent=kind == "fg",
        num=len(names),
        num_held_out=sum(entries[name].held_out for name in names),
        tiles=[
            {
                "name": name,
                "held_out": entries[name].held_out,
                "link": link(PageState(tab=SAMPLES).but(**{kind: name})),
                "image": pictures.image(images.TILE, kind, number, "image"),
            }
            for number, name in enumerate(names[:_MAX_SOURCES])
        ],
    )
