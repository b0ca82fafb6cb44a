"""The tab 3-D: one row as its background with the cut-outs as layers in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from fgbg_depth.app import scene_route, view_scene
from fgbg_depth.app.components import QUIET
from fgbg_depth.app.handlers import Handlers, first_address
from fgbg_depth.app.opened import Opened
from fgbg_depth.app.state import parse_address
from fgbg_depth.app.templating import static
from fgbg_depth.errors import FgBgError

SCRIPTS = tuple(
    f"scene{part}.js" for part in ("_camera", "_data", "_draw", "_marks", "", "_reading", "_events")
)  # one after the other in one function; the last one starts


@dataclass(frozen=True)
class SceneTab:
    """Components of the tab 3-D. Its `controls` are none of gradio's: the browser needs no server to answer them."""

    tab: gr.Tab
    controls: list[Any]
    view: gr.HTML


def scene_tab() -> SceneTab:
    """Make the tab."""
    with gr.Tab("3-D", id="3d") as tab:
        scripts = "\n".join(static(name) for name in SCRIPTS)
        view = gr.HTML(
            view_scene.note("Open a row first."), js_on_load=scripts, apply_default_css=False, elem_id="fg-scene"
        )
    return SceneTab(tab, [], view)


def connect_scene(handlers: Handlers, tab: SceneTab, address: gr.State) -> None:
    """Connect the tab's events.

    Args:
        address: of the row to show, such as "train/12"; it changes only while this tab is open.
    """
    address.change(
        lambda shown: scene_page(handlers.opened, shown), address, tab.view, trigger_mode="always_last", **QUIET
    )


def scene_page(opened: Opened, address: str) -> str:
    """The tab for the open row, or else for the first one; a message if it cannot be shown."""
    try:
        browser = opened()
        row = browser.row(*parse_address(address or first_address(browser)), ("fg_bg",))
        if browser.manifest.depth is None:
            return view_scene.without_depth(row)
        return view_scene.page(browser, row, *(scene_route.file_path(browser, row, kind) for kind in ("scene", "glb")))
    except FgBgError as e:
        return view_scene.note(str(e))
