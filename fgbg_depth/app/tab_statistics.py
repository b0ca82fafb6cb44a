"""The tab Statistics: charts with axes and values, and tables. A bar of a chart shows the rows that it counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from fgbg_depth.app import chart_spec, view_statistics
from fgbg_depth.app.components import QUIET
from fgbg_depth.app.handlers import Handlers, show_errors_on_page
from fgbg_depth.app.opened import Opened
from fgbg_depth.app.templating import split_label, static

_ALL = ""  # value of the control that chooses a split, for all rows


@dataclass(frozen=True)
class ChartSlot:
    """The components of one chart; those of a chart that the dataset does not have stay hidden."""

    column: gr.Column
    heading: gr.HTML
    plot: gr.Plot
    values: gr.HTML

    @property
    def outputs(self) -> list[Any]:
        return [self.column, self.heading, self.plot, self.values]


@dataclass(frozen=True)
class StatisticsTab:
    """Components of the tab Statistics; `slots` are in the order of `view_statistics.SLOTS`."""

    tab: gr.Tab
    slots: list[ChartSlot]
    split: gr.Radio
    tables: gr.HTML

    @property
    def outputs(self) -> list[Any]:
        return [self.split, self.tables, *(part for slot in self.slots for part in slot.outputs)]


def statistics_tab() -> StatisticsTab:
    """The tab, still empty: it is filled when it is first selected."""
    with gr.Tab("Statistics", id="statistics") as tab, gr.Column(elem_id="fg-statistics"):
        num_first = len(view_statistics.ALL_ROWS_SLOTS)
        with gr.Column(elem_id="fg-charts"):
            slots = [_slot(name) for name in view_statistics.SLOTS[:num_first]]
        split = gr.Radio(
            [("all rows", _ALL)], value=_ALL, label="Rows of the charts below", show_label=False, container=False,
            elem_classes="fg-segment", elem_id="fg-statsplit", visible=False,
        )  # fmt: skip
        with gr.Column(elem_id="fg-checkcharts"):
            slots += [_slot(name) for name in view_statistics.SLOTS[num_first:]]
        tables = gr.HTML(js_on_load=static("statistics.js"), apply_default_css=False)
    return StatisticsTab(tab, slots, split, tables)


def connect_statistics(handlers: Handlers, tab: StatisticsTab, address: gr.HTML) -> None:
    """Fill the tab when it is selected, and show the rows of a bar when it is clicked.

    Args:
        address: the component that makes the page follow an address.
    """

    def fill(split: str) -> list[Any]:
        return show(handlers.opened, split)

    def show_rows(event: gr.EventData) -> str:
        bar = event._data
        return handlers.filter_by(str(bar["column"]), float(bar["low"]), float(bar["high"]))

    gr.on([tab.tab.select, tab.split.input], show_errors_on_page(fill), tab.split, tab.outputs, **QUIET)
    tab.tables.filter(show_errors_on_page(show_rows), None, address, **QUIET)


def show(opened: Opened, split: str) -> list[Any]:
    """Values of `StatisticsTab.outputs`; the charts of columns show the rows of `split`, or all rows if it is ""."""
    browser = opened()
    manifest = browser.manifest
    splits = view_statistics.splits_with_charts(manifest)
    chosen = split if split in splits else _ALL
    choices = [("all rows", _ALL), *((split_label(name), name) for name in splits)]
    found = view_statistics.charts(manifest, chosen or None)
    values: list[Any] = [
        gr.Radio(choices, value=chosen, visible=bool(splits)),
        view_statistics.page(browser),
    ]
    for name in view_statistics.SLOTS:
        chart = found.get(name)
        if chart is None:
            values += [gr.Column(visible=False), "", None, ""]
        else:
            values += [gr.Column(visible=True), chart.heading, chart_spec.plot(chart.spec), chart.values]
    return values


def _slot(name: str) -> ChartSlot:
    with gr.Column(elem_classes="fg-chart", elem_id=f"fg-chart-{name}", visible=False) as column:
        heading = gr.HTML(apply_default_css=False)
        plot = gr.Plot(show_label=False, container=False)
        values = gr.HTML(apply_default_css=False)
    return ChartSlot(column, heading, plot, values)
