"""The page: its header and its tabs. Each tab has a file of its own, with its components and their events."""

from __future__ import annotations

from typing import Any

import gradio as gr

from fgbg_depth.app import view_header
from fgbg_depth.app.components import QUIET
from fgbg_depth.app.handlers import Handlers
from fgbg_depth.app.opened import Opened
from fgbg_depth.app.predictor import Predictor
from fgbg_depth.app.state import SCENE
from fgbg_depth.app.tab_card import card_tab, connect_card
from fgbg_depth.app.tab_compare import COMPARE, compare_tab, connect_compare
from fgbg_depth.app.tab_row import row_tab
from fgbg_depth.app.tab_samples import samples_tab
from fgbg_depth.app.tab_scene import connect_scene, scene_tab
from fgbg_depth.app.tab_sources import connect_sources, sources_tab
from fgbg_depth.app.tab_statistics import connect_statistics, statistics_tab
from fgbg_depth.app.tab_try import connect_try, is_enabled, try_tab
from fgbg_depth.app.templating import static
from fgbg_depth.app.visit import View, Visits


def build_page(opened: Opened) -> gr.Blocks:
    """The whole page, not yet served."""
    handlers, predictor = Handlers(opened), Predictor()
    page = gr.Blocks(title="fgbg-depth", analytics_enabled=False, fill_width=True)
    with page:
        # its value is an answer of `visit`, which static/address.js reads; nothing of it becomes HTML
        address = gr.HTML("", html_template="", js_on_load=static("address.js"), elem_id="fg-address", visible="hidden")
        header = gr.HTML(view_header.waiting(), elem_id="fg-header", apply_default_css=False, js_on_load=None)
        with gr.Tabs(elem_id="fg-tabs") as tabs:
            samples, row, scene = samples_tab(), row_tab(), scene_tab()
            compare, statistics = compare_tab(), statistics_tab()
            trying = try_tab(opened, predictor) if is_enabled(opened, predictor) else None
            sources, card = sources_tab(), card_tab()
        row_states = {SCENE: gr.State(""), COMPARE: gr.State("")}  # the row that a tab shows; set while the tab is open

        connect_scene(handlers, scene, row_states[SCENE])
        connect_compare(handlers, compare, row_states[COMPARE], page)
        connect_statistics(handlers, statistics, address)
        if trying is not None:
            connect_try(opened, predictor, trying)
        connect_sources(handlers, sources)
        connect_card(handlers, card)

        names = [str(tab.id) for tab in tabs.children if isinstance(tab, gr.Tab)]
        visits = Visits(opened, names, list(row_states))
        outputs = [header, tabs, samples.filters, samples.tiles, row.row, *row_states.values(), address]

        def values(view: View) -> list[Any]:
            parts = [view.header, view.tabs, view.filters, view.gallery, view.row]
            parts += [view.rows.get(name) for name in row_states]
            return [gr.skip() if part is None else part for part in (*parts, view.answer)]

        def load(request: gr.Request) -> list[Any]:
            return values(visits.first(request))

        def visit(event: gr.EventData, request: gr.Request) -> list[Any]:
            return values(visits.visit(event._data, request))

        page.load(load, outputs=outputs, **QUIET)
        asked = address.input(visit, None, outputs, trigger_mode="multiple", **QUIET)
        asked.then(None, js="() => { window.fgbg?.answered(); }", **QUIET)
        for tab in tabs.children:
            if isinstance(tab, gr.Tab):
                tab.select(None, js=f"() => {{ window.fgbg?.tab({str(tab.id)!r}); }}", **QUIET)
    return page
