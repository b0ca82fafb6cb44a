"""The page: tabs, filters, and which click calls which handler."""

from __future__ import annotations

from typing import Any

import gradio as gr

from fgbg_depth.app import card, gallery, header, numbers, scene, source_tiles, viewer
from fgbg_depth.app.handlers import ANY, MIRRORED, Page, told
from fgbg_depth.app.markup import tag
from fgbg_depth.app.opened import Opened
from fgbg_depth.app.theme import static

ACTIONS = static("actions.js")


def build_page(opened: Opened) -> gr.Blocks:
    """The whole demo, not yet started."""
    with gr.Blocks(title="fgbg-depth", analytics_enabled=False) as demo:
        head = gr.HTML(header.waiting(), elem_id="fg-header", apply_default_css=False)
        with gr.Tabs(elem_id="fg-tabs") as tabs:
            with gr.Tab("Samples", id="samples"):
                with gr.Row(elem_id="fg-filters"):
                    filters = [
                        gr.Dropdown([("all", ANY)], value=ANY, label="Split", elem_id="fg-split"),
                        gr.Dropdown([("all", ANY)], value=ANY, label="Background", elem_id="fg-bg"),
                        gr.Dropdown([("all", ANY)], value=ANY, label="Cut-out", elem_id="fg-fg"),
                        gr.Dropdown(list(MIRRORED), value="any", label="Mirrored", elem_id="fg-flip", filterable=False),
                        gr.Slider(0, 100, 0, step=1, label="Covers at least, %", elem_id="fg-low", buttons=[]),
                        gr.Slider(0, 100, 100, step=1, label="Covers at most, %", elem_id="fg-high", buttons=[]),
                    ]
                with gr.Row(elem_id="fg-bar"):
                    more = gr.Button("More", variant="primary", elem_id="fg-more")
                    shuffle = gr.Button("Shuffle", elem_id="fg-shuffle")
                    clear = gr.Button("Clear filters", elem_id="fg-clear")
                    seed = gr.Number(0, label="Seed", precision=0, minimum=0, elem_id="fg-seed", elem_classes="fg-push")
                    shown = gr.Radio(
                        list(gallery.SHOWN),
                        value="Composite",
                        show_label=False,
                        container=False,
                        elem_classes="fg-segment",
                        elem_id="fg-shown",
                    )
                tiles = gr.HTML(gallery.skeleton(12), js_on_load=ACTIONS, apply_default_css=False, elem_id="fg-gallery")
            with gr.Tab("Row", id="row"):
                with gr.Row(elem_id="fg-rowbar"):
                    before = gr.Button("← Previous", elem_id="fg-before")
                    after = gr.Button("Next →", elem_id="fg-after")
                    lucky = gr.Button("Random row", elem_id="fg-lucky")
                    turn = gr.Button("In 3-D", elem_id="fg-turn")
                row = gr.HTML(
                    viewer.nothing(),
                    js_on_load=f"{ACTIONS}\n{static('viewer.js')}",
                    apply_default_css=False,
                    elem_id="fg-view",
                )
            cloud = scene.tab(opened)
            with gr.Tab("Statistics", id="statistics") as statistics_tab:
                statistics = gr.HTML(apply_default_css=False)
            with gr.Tab("Sources", id="sources") as sources_tab:
                kind = gr.Radio(
                    [("Backgrounds", "bg"), ("Cut-outs", "fg")],
                    value="bg",
                    show_label=False,
                    container=False,
                    elem_classes="fg-segment",
                    elem_id="fg-kind",
                )
                sources = gr.HTML(js_on_load=ACTIONS, apply_default_css=False, elem_id="fg-sources")
            with gr.Tab("Card", id="card") as card_tab:
                text = gr.HTML(apply_default_css=False, elem_id="fg-card")
        address, number = gr.State(""), gr.State(0)
        page = Page(opened, head, tabs, filters, shown, seed, number, tiles, row, address, [turn, *cloud.controls])
        _wire_samples(page, more, shuffle, clear)
        _wire_row(page, before, after, lucky)
        _wire_sources(page, kind, sources, sources_tab)
        scene.wire(cloud, opened, page.address, turn, page.tabs)
        hidden: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        statistics_tab.select(told(lambda: numbers.page(opened())), outputs=statistics, **hidden)
        card_tab.select(
            told(lambda: tag("article", card.render(opened().files), class_="fg-cardpage")), outputs=text, **hidden
        )
        seen = [head, tabs, *filters, shown, tiles, number, row, address, *page.only_with_depth]
        demo.load(page.load, outputs=seen, **hidden)
    return demo


def _wire_samples(page: Page, more: gr.Button, shuffle: gr.Button, clear: gr.Button) -> None:
    view = [*page.filters, page.shown, page.seed]
    out: dict[str, Any] = {"outputs": [page.tiles, page.number], "api_visibility": "private", "show_progress": "hidden"}

    def again(*values: Any) -> Any:
        return page.sample(*values, 0)

    def further(*values: Any) -> Any:
        return page.sample(*values[:-1], values[-1] + 1)

    def reshuffle(*values: Any) -> Any:
        seed = int(values[-1] or 0) + 1
        return *page.sample(*values[:-1], seed, 0), seed

    def cleared(*values: Any) -> Any:
        return page.pick("", "", *values)[:-1]

    changes = [page.shown.input, page.seed.submit, page.seed.blur]
    changes += [f.release if isinstance(f, gr.Slider) else f.input for f in page.filters]
    gr.on(changes, told(again), view, trigger_mode="always_last", **out)
    more.click(told(further), [*view, page.number], **out)
    shuffle.click(told(reshuffle), view, **out | {"outputs": [page.tiles, page.number, page.seed]})
    clear.click(told(cleared), [page.shown, page.seed], **out | {"outputs": [*page.filters, page.tiles, page.number]})


def _wire_row(page: Page, before: gr.Button, after: gr.Button, lucky: gr.Button) -> None:
    out: dict[str, Any] = {
        "outputs": [page.row, page.address, page.tabs],
        "api_visibility": "private",
        "show_progress": "hidden",
    }

    def opened(event: gr.EventData) -> Any:
        return page.show(event._data["address"])

    page.tiles.open(told(opened), None, **out)
    before.click(told(lambda address: page.step(address, -1)), page.address, **out)
    after.click(told(lambda address: page.step(address, 1)), page.address, **out)
    lucky.click(told(page.lucky), page.filters, **out)


def _wire_sources(page: Page, kind: gr.Radio, sources: gr.HTML, tab: gr.Tab) -> None:
    out: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    listed = told(lambda chosen: source_tiles.page(page.opened(), chosen))
    gr.on([tab.select, kind.input], listed, kind, sources, **out)

    def picked(shown: str, seed: float, event: gr.EventData) -> Any:
        return page.pick(event._data["kind"], event._data["name"], shown, seed)

    outputs = [*page.filters, page.tiles, page.number, page.tabs]
    for html in (sources, page.row):
        html.pick(told(picked), [page.shown, page.seed], outputs, **out)
