"""Plots as inline SVG: sharp at any size, no request, no library, and the page's colours in light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fgbg_depth.app.markup import Markup, tag
from fgbg_depth.depth.colors import COLORS
from fgbg_depth.depth.kinds import depth_kind

WIDTH, HEIGHT, FOOT, SIDE = 420, 270, 32, 6
NUM_BARS = 48


def bars(
    edges: Sequence[float],
    counts: Sequence[float],
    words: str,
    ticks: Sequence[tuple[float, str]],
    colours: Sequence[str] | None = None,
) -> Markup:
    """A histogram.

    Args:
        edges: (n + 1,) rising; the x axis.  counts: (n,).
        words: what the plot says, for those who cannot see it.
        ticks: (x, text).  colours: of the bars; by default the accent.
    """
    low, high = edges[0], edges[-1]
    top = max(max(counts, default=0), 1)

    def at(x: float) -> float:
        return SIDE + (x - low) / (high - low) * (WIDTH - 2 * SIDE)

    drawn = []
    for i, count in enumerate(counts):
        if count > 0:
            x0, x1 = at(edges[i]), at(edges[i + 1])
            h = max(count / top * (HEIGHT - 8), 0.8)
            fill = colours[i] if colours is not None else None
            drawn.append(
                tag(
                    "rect",
                    x=f"{x0:.1f}",
                    y=f"{HEIGHT - h:.1f}",
                    width=f"{max(x1 - x0 - 0.6, 0.6):.1f}",
                    height=f"{h:.1f}",
                    fill=fill,
                )
            )
    axis = tag("line", x1=SIDE, x2=WIDTH - SIDE, y1=HEIGHT + 0.5, y2=HEIGHT + 0.5, class_="fg-axis")
    labels = []
    for x, text in ticks:
        anchor = "start" if at(x) < 30 else "end" if at(x) > WIDTH - 30 else "middle"
        labels.append(tag("line", x1=f"{at(x):.1f}", x2=f"{at(x):.1f}", y1=HEIGHT, y2=HEIGHT + 5, class_="fg-axis"))
        labels.append(tag("text", text, x=f"{at(x):.1f}", y=HEIGHT + 22, text_anchor=anchor))
    box = f"0 0 {WIDTH} {HEIGHT + FOOT}"
    return tag("svg", drawn, axis, labels, viewBox=box, role="img", aria_label=words, class_="fg-plot")


def coverage_plot(histogram: Sequence[float], mean: float) -> Markup:
    """How much of the frame the cut-outs cover; the empty right end is left out."""
    last = max((i for i, count in enumerate(histogram) if count), default=0)
    shown = min(len(histogram), max(5, last + 2))
    edges = [i / len(histogram) * 100 for i in range(shown + 1)]
    step = _round_step(edges[-1] / 4)
    ticks = [(i * step, f"{i * step:g} %") for i in range(int(edges[-1] / step) + 1)]
    words = f"Histogram of the covered share of the frame; mean {mean * 100:.1f} percent"
    return bars(edges, list(histogram[:shown]), words, ticks)


def depth_plot(edges: Sequence[float], counts: Sequence[float], spec: dict, low: float, high: float) -> Markup:
    """How far the pixels are, each bar in the colour its depth is shown in.

    Metres on a logarithmic axis, as their colours are: one bar is one ratio of distances, and near is not squeezed.
    """
    used = np.flatnonzero(np.asarray(counts))
    begin, end = (edges[used[0]], edges[used[-1] + 1]) if used.size else (edges[0], edges[-1])
    metric = spec["kind"] == "metric"
    begin = max(begin, low / 2, end / 1000) if metric else begin
    stops = (np.geomspace if metric else np.linspace)(begin, end, NUM_BARS + 1)
    sums = np.diff(np.interp(stops, edges, [0, *np.cumsum(counts)]))
    middle = np.sqrt(stops[:-1] * stops[1:]) if metric else (stops[:-1] + stops[1:]) / 2
    levels = np.rint(depth_kind(spec["kind"]).nearness(middle, low, high) * 255).astype(int)
    colours = ["#{:02x}{:02x}{:02x}".format(*COLORS[level]) for level in levels]
    words = f"Histogram of depth over all pixels, {begin:.3g} to {end:.3g} {spec['unit']}"
    if metric:
        marks = [m * 10.0**e for e in range(-3, 4) for m in (1, 2, 5) if begin <= m * 10.0**e <= end]
        ticks = [(math.log(mark), f"{mark:g} m") for mark in marks]
        return bars(np.log(stops).tolist(), sums.tolist(), words, ticks, colours)
    step = _round_step((end - begin) / 5)
    first = math.ceil(begin / step) * step
    ticks = [(first + i * step, f"{first + i * step:.6g}") for i in range(int((end - first) / step + 1e-9) + 1)]
    return bars(stops.tolist(), sums.tolist(), words, ticks, colours)


def heat_map(cells: Sequence[Sequence[float]]) -> Markup:
    """Where in the frame the cut-outs are: mean opacity of each cell, from the faintest to the fullest."""
    values = np.asarray(cells, float)
    top = max(float(values.max()), 1e-9)
    levels = np.rint(values / top * 255).astype(int)
    side = 10
    drawn = [
        tag(
            "rect",
            x=j * side,
            y=i * side,
            width=side + 0.5,
            height=side + 0.5,
            fill="#{:02x}{:02x}{:02x}".format(*COLORS[level]),
        )
        for i, line in enumerate(levels)
        for j, level in enumerate(line)
    ]
    words = f"Heat map of where cut-outs are; the fullest cell is covered {top * 100:.0f} percent of the time"
    height, width = values.shape
    return tag(
        "svg", drawn, viewBox=f"0 0 {width * side} {height * side}", role="img", aria_label=words, class_="fg-heat"
    )


def _round_step(step: float) -> float:
    """The next of 1, 2, 5, 10, ... at or above `step`."""
    base = 10.0 ** math.floor(math.log10(max(step, 1e-9)))
    return next(m * base for m in (1, 2, 5, 10) if m * base >= step * 0.999)
