"""The tab Card: the dataset's card."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from fgbg_depth.app import card, images
from fgbg_depth.app.components import QUIET
from fgbg_depth.app.handlers import Handlers, show_errors_on_page


@dataclass(frozen=True)
class CardTab:
    """Components of the tab Card."""

    tab: gr.Tab
    html: gr.HTML


def card_tab() -> CardTab:
    """Make the tab."""
    with gr.Tab("Card", id="card") as tab:
        html = gr.HTML(apply_default_css=False, elem_id="fg-card")
    return CardTab(tab, html)


def connect_card(handlers: Handlers, tab: CardTab) -> None:
    """Connect the tab's events."""

    def show(request: gr.Request) -> str:
        browser = handlers.opened()
        return card.page(browser, images.links(browser, request))

    tab.tab.select(show_errors_on_page(show), outputs=tab.html, **QUIET)
