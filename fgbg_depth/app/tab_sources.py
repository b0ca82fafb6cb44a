"""The tab Sources: all backgrounds, or all cut-outs."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from fgbg_depth.app import view_gallery
from fgbg_depth.app.components import QUIET, segments
from fgbg_depth.app.handlers import Handlers, show_errors
from fgbg_depth.app.templating import static


@dataclass(frozen=True)
class SourcesTab:
    """Components of the tab Sources; `kind` chooses between backgrounds and cut-outs."""

    tab: gr.Tab
    kind: gr.Radio
    html: gr.HTML


def sources_tab() -> SourcesTab:
    """Make the tab."""
    with gr.Tab("Sources", id="sources") as tab:
        kind = segments([("Backgrounds", "bg"), ("Cut-outs", "fg")], "bg", "fg-kind")
        html = gr.HTML(js_on_load=static("actions.js"), apply_default_css=False, elem_id="fg-sources")
    return SourcesTab(tab, kind, html)


def connect_sources(handlers: Handlers, tab: SourcesTab) -> None:
    """Connect the tab's events; a click on a source is connected by `tab_samples.connect_source_links`."""
    show = show_errors(lambda chosen: view_gallery.sources(handlers.opened(), chosen))
    gr.on([tab.tab.select, tab.kind.input], show, tab.kind, tab.html, **QUIET)
