"""The numbers and words of a dataset's charts. The card draws them with Pillow, the app with Vega-Lite."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.depth.colors import COLORS, colorize
from fgbg_depth.depth.kinds import DepthKind

NUM_DEPTH_BARS = 46
_MIN_COVERAGE_BARS = 5  # fewer would be drawn too wide

Tick = tuple[float, str]  # position on an axis, 0 to 1, and its text


@dataclass(frozen=True)
class BarChart:
    """A histogram with bars of equal width.

    Args:
        title, note: what is shown, and what the axes mean.
        shares: (n,) share of the rows or pixels in each bar, 0 to 1.
        names: (n,) what each bar holds, in words: "2 % to 4 %".
        edges: (n + 1,) the bars' ends, increasing, in the unit of the column.
        heights: (n,) height of each bar, 0 to 1 of the vertical axis.
        x_ticks, y_ticks: marks of the axes, from the left and from the bottom.
        colors: (n, 3) uint8 RGB of each bar; None: all bars have the accent colour of the page.
        ends: words for the left and the right end of the horizontal axis, or None.
        mean: position of the mean on the horizontal axis, 0 to 1, or None.
        second, second_shares: (n,) of a second histogram, drawn beside the first; None: there is one.
        series: what the histograms are of, in words, if there are two: "predicted", "placed".
        columns: the column of the rows that each histogram counts; none where it does not count rows.
    """

    title: str
    note: str
    shares: NDArray[np.float64]
    names: list[str]
    edges: NDArray[np.float64]
    heights: NDArray[np.float64]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    colors: NDArray[np.uint8] | None = None
    ends: tuple[str, str] | None = None
    mean: float | None = None
    second: NDArray[np.float64] | None = None
    second_shares: NDArray[np.float64] | None = None
    series: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class HeatMap:
    """A grid of coloured cells over the frame.

    Args:
        shares: (rows, columns) share of the rows that cover each cell, 0 to 1, upper left first.
        colors: (rows, columns, 3) uint8 RGB of each cell.
        ticks: marks of the colour scale, 0 for the darkest and 1 for the brightest colour.
    """

    title: str
    note: str
    shares: NDArray[np.float64]
    colors: NDArray[np.uint8]
    ticks: list[Tick]


def coverage_bars(histogram: Sequence[int], mean: float) -> BarChart:
    """Rows by the share of the frame that the mask covers. The empty right part of the axis is left out.

    Args:
        histogram: number of rows in each of n equal bins over 0 to 1.
        mean: mean covered share, 0 to 1.
    """
    counts = np.asarray(histogram, dtype=np.float64)
    used = int(np.flatnonzero(counts)[-1]) + 1 if counts.any() else len(counts)
    shown = min(len(counts), max(used + 1, _MIN_COVERAGE_BARS))
    limit = shown / len(counts)
    shares = counts[:shown] / max(counts.sum(), 1)
    edges = np.arange(shown + 1) / len(counts)
    heights, y_ticks = vertical_axis(shares)
    return BarChart(
        title="How much the cut-outs cover",
        note=f"share of rows, by covered part of the image; mean {100 * mean:.2f} %",
        shares=shares,
        names=range_names([f"{100 * edge:g} %" for edge in edges]),
        edges=edges,
        heights=heights,
        x_ticks=[(percent / (limit * 100), f"{percent:g} %") for percent in round_steps(limit * 100)],
        y_ticks=y_ticks,
        mean=min(mean / limit, 1.0),
        columns=("coverage",),
    )


def depth_bars(edges: Sequence[float], counts: Sequence[int], kind: DepthKind) -> BarChart:
    """Pixels by depth. Each bar has the colour of its depth in the pictures; the axis is that of the colours, too.

    Args:
        edges: (n + 1,) in the kind's unit, increasing.  counts: (n,) pixels.
    """
    low, high = kind.histogram_range(edges, counts)
    shares, middles = kind.bars(edges, counts, low, high, NUM_DEPTH_BARS)
    ends = kind.bar_edges(low, high, NUM_DEPTH_BARS)
    heights, y_ticks = vertical_axis(shares)
    return BarChart(
        title=f"{kind.label.capitalize()} of the pixels",
        note=f"share of pixels, by {kind.title}",
        shares=shares,
        names=range_names([kind.format_value(end) for end in ends]),
        edges=ends,
        heights=heights,
        x_ticks=kind.axis_ticks(low, high),
        y_ticks=y_ticks,
        colors=colorize(middles[None], low, high, kind)[0],
        ends=None if kind.unit else kind.ends,
    )


def heat_map_cells(heat_map: Sequence[Sequence[float]]) -> HeatMap:
    """Where in the frame the cut-outs are, from black (never) to the brightest colour (the cell covered most often).

    Args:
        heat_map: (rows, columns) mean alpha of each cell over all rows, 0 to 1, upper left cell first.
    """
    cells = np.asarray(heat_map, dtype=np.float64)
    top = float(cells.max(initial=0.0)) or 1.0
    return HeatMap(
        title="Where the cut-outs are",
        note="share of rows that cover each place",
        shares=cells,
        colors=COLORS[np.rint(np.clip(cells / top, 0, 1) * 255).astype(np.uint8)],
        ticks=[(0.0, "0 %"), (1.0, f"{100 * top:.3g} %")],
    )


def range_names(ends: Sequence[str]) -> list[str]:
    """("0 %", "2 %", "4 %") -> ["0 % to 2 %", "2 % to 4 %"]."""
    return [f"{low} to {high}" for low, high in itertools.pairwise(ends)]


def round_steps(top: float, most: int = 5) -> list[float]:
    """0 and round numbers up to `top`, at equal steps; at most `most` + 1 of them."""
    raw = top / most
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= raw * 0.999)
    return [round(i * step, 10) for i in range(int(top / step + 1e-9) + 1)]


def vertical_axis(shares: NDArray[np.float64]) -> tuple[NDArray[np.float64], list[Tick]]:
    """Heights of bars, 0 to 1, and the marks of an axis in per cent that reaches a little above the tallest bar."""
    percent = shares * 100
    highest = float(percent.max(initial=0.0)) or 1.0
    steps = round_steps(highest)
    top = max(highest * 1.04, steps[-1])
    return percent / top, [(step / top, f"{step:g} %" if step == steps[-1] else f"{step:g}") for step in steps]
