"""The tab Samples: filters, and pages of rows. Both are links and forms that static/address.js follows."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from fgbg_depth.app import view_gallery
from fgbg_depth.app.state import SAMPLES


@dataclass(frozen=True)
class SamplesTab:
    """Components of the tab Samples."""

    filters: gr.HTML
    tiles: gr.HTML


def samples_tab() -> SamplesTab:
    """Make the tab."""
    with gr.Tab("Samples", id=SAMPLES), gr.Row(elem_id="fg-samples"):
        filters = gr.HTML(
            apply_default_css=False, elem_id="fg-filters", js_on_load="watch('value', () => window.fgbg?.describe());"
        )
        tiles = gr.HTML(view_gallery.placeholder(12), js_on_load=None, apply_default_css=False, elem_id="fg-gallery")
    return SamplesTab(filters, tiles)
