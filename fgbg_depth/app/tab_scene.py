"""The tab 3-D: one row as a surface or as points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from fgbg_depth.app import view_scene
from fgbg_depth.app.components import QUIET, segments
from fgbg_depth.app.handlers import SHAPES, Handlers
from fgbg_depth.app.templating import static


@dataclass(frozen=True)
class SceneTab:
    """Components of the tab 3-D; `controls` are field of view, shape and edges."""

    tab: gr.Tab
    controls: list[Any]
    description: gr.HTML
    canvas: gr.HTML


def scene_tab() -> SceneTab:
    """Make the tab."""
    with gr.Tab("3-D", id="3d") as tab, gr.Row(elem_id="fg-space"):
        with gr.Column():
            description = gr.HTML(view_scene.note("Open a row first."), apply_default_css=False)
            controls = [
                gr.Slider(20, 120, 60, step=1, label="Field of view, degrees", elem_id="fg-fov", buttons=[]),
                segments(list(SHAPES), "Surface", "fg-shape"),
                gr.Checkbox(True, label="Leave out pixels at depth edges", elem_id="fg-edges"),
            ]
        scripts = static("inflate.js") + "\n" + static("scene.js")
        canvas = gr.HTML(js_on_load=scripts, apply_default_css=False, elem_id="fg-scene")
    return SceneTab(tab, controls, description, canvas)


def connect_scene(handlers: Handlers, tab: SceneTab, address: gr.State) -> None:
    """Connect the tab's events.

    Args:
        address: of the row to show, such as "train/12"; it changes only while this tab is open.
    """
    gr.on(
        [address.change, tab.controls[0].release, tab.controls[1].input, tab.controls[2].input],
        handlers.scene, [address, *tab.controls], [tab.description, tab.canvas], trigger_mode="always_last", **QUIET,
    )  # fmt: skip
