"""The tab Row: one row, and the buttons that open another one."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from fgbg_depth.app.state import ROW
from fgbg_depth.app.templating import render, static


@dataclass(frozen=True)
class RowTab:
    """Components of the tab Row."""

    row: gr.HTML


def row_tab() -> RowTab:
    """Make the tab."""
    with gr.Tab("Row", id=ROW):
        gr.HTML(
            render("row_bar.html"), js_on_load="window.fgbg?.describe();", apply_default_css=False, elem_id="fg-rowbar"
        )
        scripts = "\n".join(static(name) for name in ("actions.js", "row.js"))
        html = gr.HTML(js_on_load=scripts, apply_default_css=False, elem_id="fg-view")
    return RowTab(html)
