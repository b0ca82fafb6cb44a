"""What the page shows at an address: at the first visit, and whenever static/address.js asks after a change.

The browser owns the address. It sends it here with what the page shows already, and gets back the parts that differ.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import gradio as gr

from fgbg_depth.app import images, view_compare, view_filters, view_gallery, view_header, view_row
from fgbg_depth.app.opened import Opened
from fgbg_depth.app.state import ROW, SAMPLES, PageState, find_row, parse_query
from fgbg_depth.errors import FgBgError
from fgbg_depth.read.order import RowOrder
from fgbg_depth.read.reader import DatasetReader

_MAX_STEP = 10**6


@dataclass(frozen=True)
class Ask:
    """What static/address.js asks for.

    Args:
        query: the page's address.
        step: how many rows after the open one to show; negative for rows before.
        random: show a random row of those that match.
        tab: name of the tab that is visible now.
        shown: which version of each part the page shows, as an earlier answer named it.
        number: of the request; the answer repeats it.
    """

    query: str = ""
    step: int = 0
    random: bool = False
    tab: str = SAMPLES
    shown: dict[str, str] = field(default_factory=dict)
    number: int = 0

    @classmethod
    def of(cls, data: Any) -> Ask:
        """The request in the data of an event; values of wrong types are ignored, because anybody can send them."""
        found = data if isinstance(data, dict) else {}
        kept = {
            name: found[name]
            for name, kind in (("query", str), ("step", int), ("random", bool), ("tab", str), ("number", int))
            if isinstance(found.get(name), kind)
        }
        shown = found.get("shown")
        texts = {str(k): str(v) for k, v in shown.items()} if isinstance(shown, dict) else {}
        return cls(**kept, shown=texts)


@dataclass
class View:
    """New values of the page's components; None: as it is. `rows`: the row that each other tab with a row shows."""

    header: str | None = None
    tabs: gr.Tabs | None = None
    filters: str | None = None
    gallery: str | None = None
    row: str | None = None
    rows: dict[str, str] = field(default_factory=dict)
    answer: str = ""


class Visits:
    """Answers to changes of the address.

    Args:
        tabs: names of the page's tabs, in order.
        row_tabs: names of the tabs, besides `ROW`, that show the open row.
    """

    def __init__(self, opened: Opened, tabs: Sequence[str], row_tabs: Sequence[str] = ()) -> None:
        self.opened, self._tabs, self._row_tabs = opened, tabs, row_tabs

    def first(self, request: gr.Request | None) -> View:
        """The page at the first visit."""
        query = urlencode(dict(request.query_params)) if request else ""
        try:
            browser = self.opened()
        except FgBgError as e:
            return View(header=view_header.problem(str(e)), tabs=gr.Tabs(visible=False))
        view = self._view(browser, Ask(query), request)
        view.header = view_header.header(browser)
        view.tabs = view.tabs or gr.Tabs(visible=True)
        return view

    def visit(self, data: Any, request: gr.Request | None) -> View:
        """The parts that differ from what the page shows. Errors become messages of the answer."""
        ask = Ask.of(data)
        try:
            return self._view(self.opened(), ask, request)
        except FgBgError as e:
            return View(answer=json.dumps({"number": ask.number, "messages": [str(e)]}))

    def _view(self, browser: DatasetReader, ask: Ask, request: gr.Request | None) -> View:
        state, messages = parse_query(ask.query, browser, self._tabs)
        pictures, view, shown = images.links(browser, request), View(), dict(ask.shown)
        order = browser.order(state.filter, state.order)
        position: int | None = None
        if state.tab in (ROW, *self._row_tabs) or ask.step or ask.random:
            state, position = _turn_to_row(browser, order, state, ask)
        if state.tab == SAMPLES:
            if shown.get("filters") != browser.digest:
                view.filters, shown["filters"] = view_filters.form(browser), browser.digest
            key = _key(browser, state.but(row=""))
            if shown.get("gallery") != key:
                view.gallery, state = view_gallery.rows(browser, state, pictures)
                shown["gallery"] = key
        if state.tab == ROW:
            key = _key(browser, state)
            if shown.get("row") != key:
                view.row, shown["row"] = self._row(browser, state, pictures), key
        if state.tab in self._row_tabs:
            view.rows[state.tab] = state.row
        if state.tab != ask.tab:
            view.tabs = gr.Tabs(visible=True, selected=state.tab)
        view.answer = json.dumps({
            "number": ask.number,
            "query": state.to_query(),
            "tab": state.tab,
            "shown": shown,
            "position": position,
            "count": order.count,
            "order": view_filters.sort_words(state),
            "set": len(view_filters.chips(browser, state)),
            "has_depth": browser.manifest.depth is not None,
            "can_compare": view_compare.can_compare(browser.manifest),
            "messages": messages,
        })  # fmt: skip
        return view

    def _row(self, browser: DatasetReader, state: PageState, pictures: images.Links) -> str:
        if not state.row:
            return view_row.nothing()
        return view_row.page(browser, browser.row(*find_row(browser, state.row)), state, pictures)


def _turn_to_row(browser: DatasetReader, order: RowOrder, state: PageState, ask: Ask) -> tuple[PageState, int | None]:
    """The state with the row to show, and the row's position in the order.

    Without a row the first one of the order is shown. After the last row comes the first one. From a row that is not
    in the order, a step leads to the first or the last row.
    """
    position = browser.position(order, *find_row(browser, state.row)) if state.row else None
    if order.rows(0, 1):
        if ask.random:
            position = secrets.randbelow(order.count or 1000)
        elif ask.step or not state.row:
            step = max(-_MAX_STEP, min(_MAX_STEP, ask.step))
            start = position if position is not None else (-1 if step > 0 else 0)
            position = start + step
        else:
            return state, position
        row = _row_at(browser, order, position)
        position = browser.position(order, row.split, row.index)
        return state.but(row=row.address), position
    return state, position


def _row_at(browser: DatasetReader, order: RowOrder, position: int) -> Any:
    """The row at a position, counted on from the other end where the order ends."""
    if order.count is None and position < 0:
        position = 0  # the end of an order behind a network is not known
    found = browser.rows_of(order, position % order.count if order.count else position, 1, ())
    return (found or browser.rows_of(order, position % order.count if order.count else 0, 1, ()))[0]


def _key(browser: DatasetReader, state: PageState) -> str:
    """What stands for a version of a part: equal keys, equal HTML."""
    return f"{browser.digest}{state.but(tab=SAMPLES).to_query()}"
