"""The tab Compare: a slider between the depth labels of a row. Shown where rows have several labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from fgbg_depth.app import images, view_compare
from fgbg_depth.app.components import QUIET
from fgbg_depth.app.handlers import Handlers, first_address, show_errors_on_page
from fgbg_depth.app.state import parse_address
from fgbg_depth.app.templating import static
from fgbg_depth.errors import FgBgError

COMPARE = "compare"  # name of the tab in the address


@dataclass(frozen=True)
class CompareTab:
    """Components of the tab Compare."""

    tab: gr.Tab
    html: gr.HTML


def compare_tab() -> CompareTab:
    """Make the tab; it is hidden until the dataset is known to have several labels."""
    with gr.Tab("Compare", id=COMPARE, visible=False) as tab:
        html = gr.HTML(js_on_load=static("compare.js"), apply_default_css=False, elem_id="fg-compare")
    return CompareTab(tab, html)


def connect_compare(handlers: Handlers, tab: CompareTab, address: gr.State, page: gr.Blocks) -> None:
    """Connect the tab's events.

    Args:
        address: of the row to show, such as "train/12"; it changes only while this tab is open.
    """

    def show(shown: str, request: gr.Request) -> str:
        browser = handlers.opened()
        split, index = parse_address(shown or first_address(browser))
        row = browser.row(split, index, ("fg_bg_mask", *browser.manifest.depth_columns))
        return view_compare.page(browser, row, images.links(browser, request))

    def is_shown() -> Any:
        try:
            return gr.Tab(visible=view_compare.can_compare(handlers.opened().manifest))
        except FgBgError:  # the page says what is wrong
            return gr.skip()

    address.change(show_errors_on_page(show), address, tab.html, trigger_mode="always_last", **QUIET)
    page.load(is_shown, None, tab.tab, **QUIET)
