"""The tab Sources: all backgrounds, or all cut-outs."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from fgbg_depth.app import images, view_gallery
from fgbg_depth.app.components import QUIET, segments
from fgbg_depth.app.handlers import Handlers, show_errors_on_page


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
        html = gr.HTML(js_on_load=None, apply_default_css=False, elem_id="fg-sources")
    return SourcesTab(tab, kind, html)


def connect_sources(handlers: Handlers, tab: SourcesTab) -> None:
    """Connect the tab's events."""

    def show(chosen: str, request: gr.Request) -> str:
        browser = handlers.opened()
        return view_gallery.sources(browser, "fg" if chosen == "fg" else "bg", images.links(browser, request))

    changes = [tab.tab.select, tab.kind.input]
    # a choice that is made while the tab is still being filled must not be dropped
    gr.on(changes, show_errors_on_page(show), tab.kind, tab.html, trigger_mode="always_last", **QUIET)
