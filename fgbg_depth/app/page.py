"""The page: its header and its tabs. Each tab has a file of its own, with its components and their events."""

from __future__ import annotations

from typing import Any

import gradio as gr

from fgbg_depth.app import view_header
from fgbg_depth.app.components import QUIET
from fgbg_depth.app.handlers import Handlers
from fgbg_depth.app.opened import Opened
from fgbg_depth.app.tab_card import card_tab, connect_card
from fgbg_depth.app.tab_row import connect_row, row_tab
from fgbg_depth.app.tab_samples import connect_samples, connect_source_links, samples_tab
from fgbg_depth.app.tab_scene import connect_scene, scene_tab
from fgbg_depth.app.tab_sources import connect_sources, sources_tab
from fgbg_depth.app.tab_statistics import connect_statistics, statistics_tab
from fgbg_depth.errors import FgBgError


def build_page(opened: Opened) -> gr.Blocks:
    """The whole page, not yet served."""
    handlers = Handlers(opened)
    page = gr.Blocks(title="fgbg-depth", analytics_enabled=False)
    with page:
        header = gr.HTML(view_header.waiting(), elem_id="fg-header", apply_default_css=False)
        with gr.Tabs(elem_id="fg-tabs") as tabs:
            samples, row, scene = samples_tab(), row_tab(), scene_tab()
            statistics, sources, card = statistics_tab(), sources_tab(), card_tab()
        address = gr.State("")

        connect_samples(handlers, samples)
        connect_row(handlers, row, samples, address, tabs)
        connect_scene(handlers, scene, address)
        connect_statistics(handlers, statistics, samples, tabs)
        connect_sources(handlers, sources)
        connect_card(handlers, card)
        for html in (sources.html, row.row):
            connect_source_links(handlers, html, samples, tabs)

        needs_depth = [row.to_scene, *scene.controls]
        outputs = [header, tabs, *samples.filters, samples.column, samples.tiles, samples.number, row.row, address]

        def load(request: gr.Request) -> list[Any]:
            try:
                view = handlers.first_view(request.query_params.get("row") if request else None)
            except FgBgError as e:
                skipped = [gr.skip()] * (len(outputs) + len(needs_depth) - 2)
                return [view_header.problem(str(e)), gr.Tabs(visible=False), *skipped]
            first = [view.header, view.tabs, *view.filters, view.columns, *view.gallery, view.row, view.address]
            return [*first, *[gr.update(visible=view.has_depth)] * len(needs_depth)]

        page.load(load, outputs=[*outputs, *needs_depth], **QUIET)
    return page
