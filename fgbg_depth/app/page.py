"""The page: its tabs and controls, and which event calls which handler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from fgbg_depth.app import card, view_gallery, view_header, view_row, view_scene, view_statistics
from fgbg_depth.app.handlers import ANY, MIRRORED, SHAPES, Handlers, show_errors
from fgbg_depth.app.opened import Opened
from fgbg_depth.app.templating import static
from fgbg_depth.errors import FgBgError

_QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}  # not part of the API


@dataclass(frozen=True)
class SamplesTab:
    """Components of the tab Samples."""

    filters: list[Any]
    next_page: gr.Button
    shuffle: gr.Button
    clear: gr.Button
    seed: gr.Number
    column: gr.Radio
    tiles: gr.HTML


@dataclass(frozen=True)
class RowTab:
    """Components of the tab StoredRow."""

    previous: gr.Button
    next: gr.Button
    random: gr.Button
    to_scene: gr.Button
    row: gr.HTML


@dataclass(frozen=True)
class SceneTab:
    """Components of the tab 3-D; `controls` are field of view, shape and edges."""

    tab: gr.Tab
    controls: list[Any]
    description: gr.HTML
    canvas: gr.HTML


def build_page(opened: Opened) -> gr.Blocks:
    """The whole page, not yet served."""
    handlers = Handlers(opened)
    page = gr.Blocks(title="fgbg-depth", analytics_enabled=False)
    with page:
        header = gr.HTML(view_header.waiting(), elem_id="fg-header", apply_default_css=False)
        with gr.Tabs(elem_id="fg-tabs") as tabs:
            samples, row, scene = _samples_tab(), _row_tab(), _scene_tab()
            with gr.Tab("Statistics", id="statistics") as statistics_tab:
                statistics = gr.HTML(apply_default_css=False)
            with gr.Tab("Sources", id="sources") as sources_tab:
                kind = _segments([("Backgrounds", "bg"), ("Cut-outs", "fg")], "bg", "fg-kind")
                sources = gr.HTML(js_on_load=static("actions.js"), apply_default_css=False, elem_id="fg-sources")
            with gr.Tab("Card", id="card") as card_tab:
                text = gr.HTML(apply_default_css=False, elem_id="fg-card")
        address, number = gr.State(""), gr.State(0)

        _connect_samples(handlers, samples, number)
        _connect_row(handlers, row, samples, address, tabs)
        gr.on(
            [scene.tab.select, scene.controls[0].release, scene.controls[1].input, scene.controls[2].input],
            handlers.scene, [address, *scene.controls], [scene.description, scene.canvas],
            trigger_mode="always_last", **_QUIET,
        )  # fmt: skip
        row.to_scene.click(lambda: gr.Tabs(selected="space"), None, tabs, **_QUIET)
        statistics_tab.select(show_errors(lambda: view_statistics.page(opened())), outputs=statistics, **_QUIET)
        list_sources = show_errors(lambda chosen: view_gallery.sources(opened(), chosen))
        gr.on([sources_tab.select, kind.input], list_sources, kind, sources, **_QUIET)
        card_tab.select(show_errors(lambda: card.page(opened())), outputs=text, **_QUIET)
        for html in (sources, row.row):
            _connect_source_links(handlers, html, samples, number, tabs)

        needs_depth = [row.to_scene, *scene.controls]
        outputs = [header, tabs, *samples.filters, samples.column, samples.tiles, number, row.row, address]

        def load(request: gr.Request) -> list[Any]:
            try:
                view = handlers.first_view(request.query_params.get("row") if request else None)
            except FgBgError as e:
                skipped = [gr.skip()] * (len(outputs) + len(needs_depth) - 2)
                return [view_header.problem(str(e)), gr.Tabs(visible=False), *skipped]
            first = [view.header, view.tabs, *view.filters, view.columns, *view.gallery, view.row, view.address]
            return [*first, *[gr.update(visible=view.has_depth)] * len(needs_depth)]

        page.load(load, outputs=[*outputs, *needs_depth], **_QUIET)
    return page


def _samples_tab() -> SamplesTab:
    with gr.Tab("Samples", id="samples"):
        with gr.Row(elem_id="fg-filters"):
            mirrored = [(name if name != "as is" else "not mirrored", name) for name in MIRRORED]
            filters = [
                gr.Dropdown([("all", ANY)], value=ANY, label="Split", elem_id="fg-split"),
                gr.Dropdown([("all", ANY)], value=ANY, label="Background", elem_id="fg-bg"),
                gr.Dropdown([("all", ANY)], value=ANY, label="Cut-out", elem_id="fg-fg"),
                gr.Dropdown(mirrored, value="any", label="Mirrored", elem_id="fg-flip", filterable=False),
                gr.Slider(0, 100, 0, step=1, label="Coverage from, %", elem_id="fg-low", buttons=[]),
                gr.Slider(0, 100, 100, step=1, label="Coverage to, %", elem_id="fg-high", buttons=[]),
            ]
        with gr.Row(elem_id="fg-bar"):
            next_page = gr.Button("Next page", variant="primary", elem_id="fg-more")
            shuffle = gr.Button("Shuffle", elem_id="fg-shuffle")
            clear = gr.Button("Clear filters", elem_id="fg-clear")
            seed = gr.Number(0, label="Seed", precision=0, minimum=0, elem_id="fg-seed", elem_classes="fg-push")
            column = _segments(list(view_gallery.SHOWN_COLUMNS), "Composite", "fg-shown")
        tiles = gr.HTML(
            view_gallery.placeholder(12), js_on_load=static("actions.js"), apply_default_css=False, elem_id="fg-gallery"
        )
    return SamplesTab(filters, next_page, shuffle, clear, seed, column, tiles)


def _row_tab() -> RowTab:
    with gr.Tab("Row", id="row"):
        with gr.Row(elem_id="fg-rowbar"):
            previous = gr.Button("← Previous", elem_id="fg-before")
            following = gr.Button("Next →", elem_id="fg-after")
            random = gr.Button("Random row", elem_id="fg-lucky")
            to_scene = gr.Button("View in 3-D", elem_id="fg-turn")
        scripts = "\n".join(static(name) for name in ("actions.js", "inflate.js", "row.js"))
        html = gr.HTML(view_row.nothing(), js_on_load=scripts, apply_default_css=False, elem_id="fg-view")
    return RowTab(previous, following, random, to_scene, html)


def _scene_tab() -> SceneTab:
    with gr.Tab("3-D", id="space") as tab, gr.Row(elem_id="fg-space"):
        with gr.Column():
            description = gr.HTML(view_scene.note("Open a row first."), apply_default_css=False)
            controls = [
                gr.Slider(20, 120, 60, step=1, label="Field of view, degrees", elem_id="fg-fov", buttons=[]),
                _segments(list(SHAPES), "Surface", "fg-shape"),
                gr.Checkbox(True, label="Leave out pixels at depth edges", elem_id="fg-edges"),
            ]
        scripts = static("inflate.js") + "\n" + static("scene.js")
        canvas = gr.HTML(js_on_load=scripts, apply_default_css=False, elem_id="fg-scene")
    return SceneTab(tab, controls, description, canvas)


def _segments(choices: list[Any], value: str, elem_id: str) -> gr.Radio:
    """A choice between a few values, drawn as one bar."""
    return gr.Radio(choices, value=value, show_label=False, container=False, elem_classes="fg-segment", elem_id=elem_id)


def _connect_samples(handlers: Handlers, tab: SamplesTab, number: gr.State) -> None:
    inputs = [*tab.filters, tab.column, tab.seed]
    outputs = [tab.tiles, number]

    def first_page(*values: Any) -> Any:
        *filters, column, seed = values
        return handlers.sample(filters, column, seed, 0)

    def next_page(*values: Any) -> Any:
        *filters, column, seed, shown = values
        return handlers.sample(filters, column, seed, shown + 1)

    def shuffle(*values: Any) -> Any:
        *filters, column, seed = values
        new_seed = int(seed or 0) + 1
        return *handlers.sample(filters, column, new_seed, 0), new_seed

    def clear(column: str, seed: float) -> Any:
        filters = handlers.filters_for()
        return *filters, *handlers.sample(filters, column, seed, 0)

    changes = [tab.column.input, tab.seed.submit, tab.seed.blur]
    changes += [f.release if isinstance(f, gr.Slider) else f.input for f in tab.filters]
    gr.on(changes, show_errors(first_page), inputs, outputs, trigger_mode="always_last", **_QUIET)
    tab.next_page.click(show_errors(next_page), [*inputs, number], outputs, **_QUIET)
    tab.shuffle.click(show_errors(shuffle), inputs, [*outputs, tab.seed], **_QUIET)
    tab.clear.click(show_errors(clear), [tab.column, tab.seed], [*tab.filters, *outputs], **_QUIET)


def _connect_row(handlers: Handlers, tab: RowTab, samples: SamplesTab, address: gr.State, tabs: gr.Tabs) -> None:
    outputs = [tab.row, address, tabs]

    def open_tile(event: gr.EventData) -> Any:
        return handlers.open_row(event._data["address"])

    samples.tiles.open(show_errors(open_tile), None, outputs, **_QUIET)
    tab.previous.click(show_errors(lambda shown: handlers.step(shown, -1)), address, outputs, **_QUIET)
    tab.next.click(show_errors(lambda shown: handlers.step(shown, 1)), address, outputs, **_QUIET)
    tab.random.click(show_errors(lambda *filters: handlers.random_row(filters)), samples.filters, outputs, **_QUIET)


def _connect_source_links(
    handlers: Handlers, html: gr.HTML, samples: SamplesTab, number: gr.State, tabs: gr.Tabs
) -> None:
    """A click on a source shows the rows made from it."""

    def show_rows(column: str, seed: float, event: gr.EventData) -> Any:
        filters = handlers.filters_for(event._data["kind"], event._data["name"])
        return *filters, *handlers.sample(filters, column, seed, 0), gr.Tabs(selected="samples")

    outputs = [*samples.filters, samples.tiles, number, tabs]
    html.pick(show_errors(show_rows), [samples.column, samples.seed], outputs, **_QUIET)
