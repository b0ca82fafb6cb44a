"""The 3-D tab: a row as points or as a surface, turned by hand."""

from __future__ import annotations

import base64
import io
import zlib
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from fgbg_depth.app.cloud import make_cloud
from fgbg_depth.app.handlers import parse_address
from fgbg_depth.app.markup import Markup, tag
from fgbg_depth.app.opened import Opened
from fgbg_depth.app.pixels import decode
from fgbg_depth.app.theme import static
from fgbg_depth.app.wording import SPLIT_NAMES
from fgbg_depth.errors import FgBgError, UsageError
from fgbg_depth.read.reader import Browser, Row

SHAPES = {"Surface": True, "Points": False}


@dataclass
class SceneTab:
    """The tab's components."""

    tab: gr.Tab
    words: gr.HTML
    canvas: gr.HTML
    controls: list[Any]


def tab(opened: Opened) -> SceneTab:
    """Lay the tab out."""
    with gr.Tab("3-D", id="space") as made, gr.Row(elem_id="fg-space"):
        with gr.Column():
            words = gr.HTML(tag("p", "Open a row first.", class_="fg-note"), apply_default_css=False)
            controls = [
                gr.Slider(20, 120, 60, step=1, label="Field of view, ° (assumed)", elem_id="fg-fov", buttons=[]),
                gr.Radio(
                    list(SHAPES),
                    value="Surface",
                    show_label=False,
                    container=False,
                    elem_classes="fg-segment",
                    elem_id="fg-shape",
                ),
                gr.Checkbox(True, label="Leave out pixels at jumps in depth", elem_id="fg-edges"),
            ]
        canvas = gr.HTML(js_on_load=static("scene.js"), apply_default_css=False, elem_id="fg-scene")
    return SceneTab(made, words, canvas, controls)


def wire(t: SceneTab, opened: Opened, address: gr.State, turn: gr.Button, tabs: gr.Tabs) -> None:
    """Make the model when the tab is opened and when a control changes."""

    def draw(at: str, fov: float, shape: str, drop: bool) -> tuple[Any, Any]:
        try:
            browser = opened()
            where = parse_address(at or f"{next(iter(browser.splits))}/0")
            row = browser.row(*where, ("fg_bg", "fg_bg_depth"))
            data = cloud_of(browser, row, fov, drop, SHAPES.get(shape, True))
        except FgBgError as e:
            return tag("p", str(e), class_="fg-note"), ""
        return explain(browser, row), canvas_of(row, data)

    triggers = [t.tab.select, t.controls[0].release, t.controls[1].input, t.controls[2].input]
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    gr.on(triggers, draw, [address, *t.controls], [t.words, t.canvas], trigger_mode="always_last", **quiet)
    turn.click(lambda: gr.Tabs(selected="space"), None, tabs, **quiet)


def canvas_of(row: Row, glb: bytes) -> Markup:
    """The canvas and the file it draws; static/scene.js does the drawing."""
    return tag(
        "div",
        tag("canvas", tabindex=0, aria_label=f"{row.facts['fg']} on {row.facts['bg']}; arrow keys turn it"),
        tag("div", tag("button", "Reset", type="button", data_reset=True),
            tag("a", "Download .glb", data_save=True, download=f"{row.split}-{row.index}.glb")),
        tag("p", "This browser has no WebGL; the .glb can still be downloaded from the API."),
        class_="fg-scene",
        data_row=row.address,
        data_glb=base64.b64encode(zlib.compress(glb, 1)).decode(),
    )  # fmt: skip


def cloud_of(browser: Browser, row: Row, fov_deg: float, drop_edges: bool, as_surface: bool) -> bytes:
    """The row's .glb.

    Raises:
        UsageError: the dataset has no depth, or the field of view is none.
    """
    spec = browser.statistics.get("depth")
    if not spec or "fg_bg_depth" not in row.images:
        raise UsageError("This dataset has no depth, so there is nothing to see in 3-D.")
    if not 1 <= fov_deg <= 170:
        raise UsageError(f"A field of view lies between 1 and 170 degrees; {fov_deg} was asked for.")
    image = np.asarray(Image.open(io.BytesIO(row.images["fg_bg"])).convert("RGB"))
    return make_cloud(image, decode(row.images["fg_bg_depth"], spec), spec, fov_deg, drop_edges, as_surface)


def explain(browser: Browser, row: Row) -> Markup:
    """Which row it is and what in the picture is assumed."""
    spec = browser.statistics["depth"]
    metric = spec["kind"] == "metric"
    words = (
        "Drag to turn, scroll or pinch to come nearer, drag with shift or two fingers to move. ",
        "Distances are the stored metres. "
        if metric
        else "This depth has no unit: near and far are drawn as 1 and 4, ",
        "" if metric else "so the order is right and the proportions are not. ",
        "The camera's field of view is not known: it is assumed.",
    )
    return tag(
        "div",
        tag("h2", f"{SPLIT_NAMES.get(row.split, row.split)}, row {row.index}", class_="fg-title"),
        tag("p", f"{row.facts['fg']} on {row.facts['bg']}", class_="fg-sub"),
        tag("p", *words, class_="fg-note"),
    )
