"""The tab Row: one row, and the buttons that open another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from fgbg_depth.app import view_row
from fgbg_depth.app.components import QUIET
from fgbg_depth.app.handlers import Handlers, show_errors
from fgbg_depth.app.tab_samples import SamplesTab
from fgbg_depth.app.templating import static


@dataclass(frozen=True)
class RowTab:
    """Components of the tab Row."""

    previous: gr.Button
    next: gr.Button
    random: gr.Button
    to_scene: gr.Button
    row: gr.HTML


def row_tab() -> RowTab:
    """Make the tab."""
    with gr.Tab("Row", id="row"):
        with gr.Row(elem_id="fg-rowbar"):
            previous = gr.Button("← Previous", elem_id="fg-before")
            following = gr.Button("Next →", elem_id="fg-after")
            random = gr.Button("Random row", elem_id="fg-lucky")
            to_scene = gr.Button("View in 3-D", elem_id="fg-turn")
        scripts = "\n".join(static(name) for name in ("actions.js", "inflate.js", "row.js"))
        html = gr.HTML(view_row.nothing(), js_on_load=scripts, apply_default_css=False, elem_id="fg-view")
    return RowTab(previous, following, random, to_scene, html)


def connect_row(handlers: Handlers, tab: RowTab, samples: SamplesTab, address: gr.State, tabs: gr.Tabs) -> None:
    """Connect the tab's events, and clicks on tiles of the tab Samples.

    Args:
        address: of the open row, such as "train/12"; "" if none is open.
    """
    outputs = [tab.row, address, tabs]

    def open_tile(event: gr.EventData) -> Any:
        return handlers.open_row(event._data["address"])

    samples.tiles.open(show_errors(open_tile), None, outputs, **QUIET)
    tab.previous.click(show_errors(lambda shown: handlers.step(shown, -1)), address, outputs, **QUIET)
    tab.next.click(show_errors(lambda shown: handlers.step(shown, 1)), address, outputs, **QUIET)
    tab.random.click(show_errors(lambda *filters: handlers.random_row(filters)), samples.filters, outputs, **QUIET)
    tab.to_scene.click(lambda: gr.Tabs(selected="space"), None, tabs, **QUIET)
