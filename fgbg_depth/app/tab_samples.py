"""The tab Samples: filters, and pages of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from fgbg_depth.app import view_gallery
from fgbg_depth.app.components import QUIET, segments
from fgbg_depth.app.handlers import ANY, MIRRORED, Handlers, show_errors
from fgbg_depth.app.templating import static


@dataclass(frozen=True)
class SamplesTab:
    """Components of the tab Samples; `number` is that of the page, from 0."""

    filters: list[Any]
    next_page: gr.Button
    shuffle: gr.Button
    clear: gr.Button
    seed: gr.Number
    column: gr.Radio
    tiles: gr.HTML
    number: gr.State

    def filter_outputs(self, tabs: gr.Tabs) -> list[Any]:
        """The components that `Handlers.filter_by` returns values for."""
        return [*self.filters, self.tiles, self.number, tabs]


def samples_tab() -> SamplesTab:
    """Make the tab."""
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
            column = segments(list(view_gallery.SHOWN_COLUMNS), "Composite", "fg-shown")
        tiles = gr.HTML(
            view_gallery.placeholder(12), js_on_load=static("actions.js"), apply_default_css=False, elem_id="fg-gallery"
        )
        number = gr.State(0)  # not between two tabs: gradio counts it as one and shows the wrong titles
    return SamplesTab(filters, next_page, shuffle, clear, seed, column, tiles, number)


def connect_samples(handlers: Handlers, tab: SamplesTab) -> None:
    """Connect the tab's events; a click on a tile is connected by `tab_row`."""
    inputs = [*tab.filters, tab.column, tab.seed]
    outputs = [tab.tiles, tab.number]

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
    gr.on(changes, show_errors(first_page), inputs, outputs, trigger_mode="always_last", **QUIET)
    tab.next_page.click(show_errors(next_page), [*inputs, tab.number], outputs, **QUIET)
    tab.shuffle.click(show_errors(shuffle), inputs, [*outputs, tab.seed], **QUIET)
    tab.clear.click(show_errors(clear), [tab.column, tab.seed], [*tab.filters, *outputs], **QUIET)


def connect_source_links(handlers: Handlers, html: gr.HTML, samples: SamplesTab, tabs: gr.Tabs) -> None:
    """A click on a source in this HTML shows the rows made from it."""

    def show_rows(column: str, seed: float, event: gr.EventData) -> Any:
        filters = handlers.filters_for(event._data["kind"], event._data["name"])
        return *filters, *handlers.sample(filters, column, seed, 0), gr.Tabs(selected="samples")

    html.pick(show_errors(show_rows), [samples.column, samples.seed], samples.filter_outputs(tabs), **QUIET)
