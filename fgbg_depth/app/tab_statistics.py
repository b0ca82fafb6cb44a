"""The tab Statistics."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from fgbg_depth.app import view_statistics
from fgbg_depth.app.components import QUIET
from fgbg_depth.app.handlers import Handlers, show_errors_on_page


@dataclass(frozen=True)
class StatisticsTab:
    """Components of the tab Statistics."""

    tab: gr.Tab
    html: gr.HTML


def statistics_tab() -> StatisticsTab:
    """Make the tab."""
    with gr.Tab("Statistics", id="statistics") as tab:
        html = gr.HTML(apply_default_css=False)
    return StatisticsTab(tab, html)


def connect_statistics(handlers: Handlers, tab: StatisticsTab, address: gr.HTML) -> None:
    """Connect the tab's events.

    To show the rows of a clicked bar, connect `show_errors_on_page(handlers.filter_by)` with the inputs column, low and
    high, and with the output `address`. In the browser, `window.fgbg.go({...})` does the same.
    """
    show = show_errors_on_page(lambda: view_statistics.page(handlers.opened()))
    tab.tab.select(show, outputs=tab.html, **QUIET)
