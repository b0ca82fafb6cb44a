"""The charts of the columns that only rows with scenes have: cut-outs in a row, angles and visible shares."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.card.chart_data import BarChart, Tick, range_names, round_steps, vertical_axis
from fgbg_depth.manifest import ColumnStatistics, Manifest


def scene_bars(manifest: Manifest) -> list[BarChart]:
    """A chart for each of these columns that varies; none for plain rows.

    Cut-outs are counted by row; angle and visible share are those of the cut-out that the row is named after.
    """
    charts: dict[str, Callable[[ColumnStatistics], BarChart]] = {
        "num_objects": _objects_bars,
        "angle": _angle_bars,
        "visible": _visible_bars,
    }
    found = {name: manifest.columns.get(name) for name in charts}
    return [charts[name](column) for name, column in found.items() if column is not None and column.min != column.max]


def _objects_bars(column: ColumnStatistics) -> BarChart:
    first, shares = _used(column)
    numbers = [f"{column.low + (first + i) * _step(column):.0f}" for i in range(len(shares))]
    heights, y_ticks = vertical_axis(shares)
    return BarChart(
        title="How many cut-outs a row has",
        note=f"share of rows, by number of cut-outs; mean {column.mean or 0:.2f}",
        shares=shares,
        names=numbers,
        edges=column.low + _step(column) * np.arange(first - 0.5, first + len(shares), dtype=np.float64),
        heights=heights,
        x_ticks=[((i + 0.5) / len(shares), number) for i, number in enumerate(numbers)],
        y_ticks=y_ticks,
        columns=("num_objects",),
    )


def _angle_bars(column: ColumnStatistics) -> BarChart:
    first, shares = _used(column)
    start = column.low + (first - 0.5) * _step(column)
    end = start + len(shares) * _step(column)
    edges = np.linspace(start, end, len(shares) + 1)
    largest = max(abs(start), abs(end))
    positive = [value for value in round_steps(largest, 3) if value]
    values = [*(-value for value in reversed(positive)), 0.0, *positive]
    ticks = [((value - start) / (end - start), f"{value:g}°".replace("-", "−")) for value in values]
    heights, y_ticks = vertical_axis(shares)
    return BarChart(
        title="How far the cut-outs are turned",
        note="share of rows, by angle; above 0 is counter-clockwise",
        shares=shares,
        names=range_names([f"{edge:.3g}°".replace("-", "−") for edge in edges]),
        edges=edges,
        heights=heights,
        x_ticks=[tick for tick in ticks if 0 <= tick[0] <= 1],
        y_ticks=y_ticks,
        columns=("angle",),
    )


def _visible_bars(column: ColumnStatistics) -> BarChart:
    """Bars of 5 %; wholly visible cut-outs have a bar of their own at the right end."""
    counts = np.asarray(column.counts, np.float64)
    grouped = np.append(counts[:-1].reshape(-1, 10).sum(axis=1), counts[-1]) / counts.sum()
    first = int(np.flatnonzero(grouped)[0])
    shares = grouped[first:]
    edges = np.append(np.arange(first, len(grouped)) / (len(grouped) - 1), 1.0)
    heights, y_ticks = vertical_axis(shares)
    ticks: list[Tick] = [
        ((i + (0.5 if i == len(shares) - 1 else 0.0)) / len(shares), f"{5 * (first + i)} %")
        for i in range(len(shares))
        if (5 * (first + i)) % 10 == 0
    ]
    return BarChart(
        title="How much of the cut-outs is visible",
        note=f"share of rows, by visible share; mean {100 * (column.mean or 0):.1f} %",
        shares=shares,
        names=[*range_names([f"{100 * edge:g} %" for edge in np.round(edges[:-1], 10)]), "100 %"],
        edges=edges,
        heights=heights,
        x_ticks=ticks,
        y_ticks=y_ticks,
        columns=("visible",),
    )


def _step(column: ColumnStatistics) -> float:
    """Width of a bin of the histogram."""
    return (column.high - column.low) / (len(column.counts) - 1)


def _used(column: ColumnStatistics) -> tuple[int, NDArray[np.float64]]:
    """First bin with rows, and the share of the rows in each bin from it to the last bin with rows."""
    counts = np.asarray(column.counts, np.float64)
    used = np.flatnonzero(counts)
    return int(used[0]), counts[used[0] : used[-1] + 1] / counts.sum()
