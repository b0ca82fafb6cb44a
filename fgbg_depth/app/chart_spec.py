"""The card's charts as Vega-Lite specifications, which `gr.Plot` draws with the Vega that Gradio brings.

Vega-Lite is what Altair charts are sent as; written directly, they need no package. Nothing is loaded from elsewhere.
Colours of text and axes come from static/statistics.css, so that a chart follows the page's colour scheme.
"""

from __future__ import annotations

import json
from typing import Any

from gradio.components.plot import PlotData

from fgbg_depth.app.templating import color
from fgbg_depth.card.chart_data import BarChart, HeatMap, Tick

Spec = dict[str, Any]
SERIES_COLORS = ("#9a4bb0", "#ed6925")  # of the first and second histogram; both have contrast 3 on both pages
_HEIGHT_PX = 210
_MAP_PX = 250


def plot(spec: Spec) -> PlotData:
    """A specification as the value of a `gr.Plot`."""
    return PlotData(type="altair", plot=json.dumps(spec))


def bars(chart: BarChart) -> Spec:
    """A histogram with axes. The tooltip of a bar says what it holds, and its share.

    Each bar's datum has `series`, `name`, `share`, and, where rows are counted, `column`, `low` and `high`: the range
    of the column that the bar counts, by which static/statistics.js filters when the bar is clicked.
    """
    values = bar_values(chart)
    fill: Spec = {"value": SERIES_COLORS[0]}
    if chart.colors is not None:
        fill = {"field": "color", "type": "nominal", "scale": None}
    elif chart.series:
        fill = {
            "field": "series",
            "type": "nominal",
            "scale": {"domain": list(chart.series), "range": list(SERIES_COLORS)},
            "legend": {"orient": "top", "title": None, "labelFontSize": 12, "offset": 4, "symbolType": "square"},
        }
    layers: list[Spec] = [
        {
            "mark": {"type": "rect", "cursor": "pointer" if chart.columns else "default", "stroke": None},
            "encoding": {
                "x": {**_axis("left", chart.x_ticks), "title": None},
                "x2": {"field": "right"},
                "y": {**_axis("height", chart.y_ticks, grid=True), "title": None},
                "y2": {"datum": 0},
                "color": fill,
                "tooltip": [
                    *([{"field": "series", "title": "label"}] if chart.series else []),
                    {"field": "name", "title": "bar"},
                    {"field": "share", "title": "share", "type": "quantitative", "format": ".2%"},
                ],
            },
            "data": {"values": values},
        }
    ]
    if chart.mean is not None:
        mark = {"type": "rule", "strokeWidth": 2, "color": SERIES_COLORS[1], "aria": False}  # the heading has the mean
        line = {"mark": mark, "data": {"values": [{}]}}
        layers.append(line | {"encoding": {"x": {"datum": chart.mean}, "tooltip": {"value": "mean"}}})
    return _framed(chart.title, chart.note, _HEIGHT_PX) | {"layer": layers}


def bar_values(chart: BarChart) -> list[Spec]:
    """One datum for each bar with a share above 0: its box on both axes, 0 to 1, its words, and what it counts."""
    count = len(chart.heights)
    every = [(chart.heights, chart.shares)]
    if chart.second is not None and chart.second_shares is not None:
        every.append((chart.second, chart.second_shares))
    width, gap = 1 / count / len(every), 0.06 / count
    values: list[Spec] = []
    for number, (heights, shares) in enumerate(every):
        for i in range(count):
            if shares[i] <= 0:
                continue
            left = i / count + number * width
            datum = {
                "left": left + (gap if number == 0 else 0), "right": left + width - (gap if number == 1 else 0),
                "height": float(heights[i]), "share": float(shares[i]), "name": chart.names[i],
                "series": chart.series[number] if chart.series else "",
            }  # fmt: skip
            column = chart.columns[number] if chart.columns else ""
            datum |= {"column": column, "low": float(chart.edges[i]), "high": float(chart.edges[i + 1])}
            if chart.colors is not None:
                datum["color"] = color(tuple(chart.colors[i].tolist()))
            values.append(datum)
    return values


def heat_map(chart: HeatMap) -> Spec:
    """The frame as a grid; the tooltip of a cell says where it is, in per cent of the frame, and its share of rows."""
    rows, columns = chart.shares.shape
    values = [
        {
            "left": x / columns, "right": (x + 1) / columns, "top": y / rows, "bottom": (y + 1) / rows,
            "color": color(tuple(chart.colors[y, x].tolist())), "share": float(chart.shares[y, x]),
            "name": f"{100 * (x + 0.5) / columns:.0f} % from the left, {100 * (y + 0.5) / rows:.0f} % from the top",
        }
        for y in range(rows) for x in range(columns)
    ]  # fmt: skip
    ticks: list[Tick] = [(share, f"{100 * share:g} %") for share in (0, 0.25, 0.5, 0.75, 1)]
    down = _axis("top", ticks)
    down["scale"] = down["scale"] | {"reverse": True}
    grid = {
        "mark": {"type": "rect", "stroke": None},
        "data": {"values": values},
        "encoding": {
            "x": {**_axis("left", ticks), "title": "from the left"}, "x2": {"field": "right"},
            "y": {**down, "title": "from the top"}, "y2": {"field": "bottom"},
            "color": {"field": "color", "type": "nominal", "scale": None},
            "tooltip": [
                {"field": "name", "title": "place"},
                {"field": "share", "title": "share of rows", "type": "quantitative", "format": ".2%"},
            ],
        },
    }  # fmt: skip
    return _framed(chart.title, chart.note, _MAP_PX) | {"layer": [grid]}


def _axis(field: str, ticks: list[Tick], grid: bool = False) -> Spec:
    """An axis from 0 to 1 whose marks have the chart's own texts."""
    positions, texts = [position for position, _ in ticks], [text for _, text in ticks]
    return {
        "field": field,
        "type": "quantitative",
        "scale": {"domain": [0, 1], "nice": False, "zero": False},
        "axis": {
            "values": positions, "grid": grid, "domain": not grid, "labelOverlap": True, "labelFlush": True,
            "labelExpr": f"{json.dumps(texts)}[indexof({json.dumps(positions)}, datum.value)]",
        },
    }  # fmt: skip


def _framed(title: str, note: str, height_px: int) -> Spec:
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",  # a name; nothing is loaded from there
        "description": f"{title}: {note}",
        "usermeta": {"embedOptions": {"renderer": "svg", "actions": False}},
        "background": "transparent",
        "width": "container",
        "height": height_px,
        "autosize": {"type": "fit", "contains": "padding"},
        "config": {"view": {"stroke": None}, "axis": {"labelFontSize": 12, "titleFontSize": 12}},
    }
