"""The charts of the checks of depth labels (`depth.checks`): rows by boundary recall, nearness and drift."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from fgbg_depth.card.chart_data import BarChart, Tick, range_names, round_steps, vertical_axis
from fgbg_depth.card.charts import ACCENT, CHART_SIZE, INK, MEAN, PAPER, bar_chart, font
from fgbg_depth.depth.checks import LabelChecks
from fgbg_depth.manifest import ColumnStatistics, Manifest
from fgbg_depth.schema import CHECKS

NAMES = LabelChecks._fields
_LEGEND_PX = 60
_STEPS_PER_BAR = 5  # 201 steps of the histogram, so 41 bars; odd, so that low and high are in the middle of a bar
_MIN_BARS = 9  # fewer would be drawn too wide
_RATIOS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16)
_TITLES = {
    "boundary_recall": ("Is there a step at the outline?", "share of rows, by boundary recall; 1 is best"),
    "nearer": ("How much nearer is the cut-out?", "share of rows, by distance outside / inside"),
    "background_drift": ("Does the background's depth move?", "share of rows, by mean change of distances"),
}


def check_statistics(manifest: Manifest, check: str) -> dict[str, ColumnStatistics]:
    """Statistics of a check by label, "predicted" and "placed"; labels and checks that no row has are left out.

    Args:
        check: one of `NAMES`.
    """
    found = {label: manifest.columns.get(columns.get(check, "")) for label, columns in CHECKS.items()}
    return {label: column for label, column in found.items() if column is not None and column.count}


def checks_chart(manifest: Manifest) -> Image.Image | None:
    """The distributions of the three checks side by side; None if the dataset has none.

    Returns:
        RGB image, 840 pixels for each check x 720, and a line of 60 px that names the colours if there are two labels.
    """
    charts = []
    labels: list[str] = []
    for check in NAMES:
        columns = check_statistics(manifest, check)
        if columns:
            charts.append(bar_chart(check_bars(check, columns)))
            labels += [label for label in columns if label not in labels]
    if not charts:
        return None
    width, height = CHART_SIZE
    foot = _LEGEND_PX if len(labels) > 1 else 0
    image = Image.new("RGB", (width * len(charts), height + foot), PAPER)
    for i, chart in enumerate(charts):
        image.paste(chart, (i * width, 0))
    if foot:
        _legend(ImageDraw.Draw(image), labels, height)
    return image


def check_bars(check: str, columns: dict[str, ColumnStatistics]) -> BarChart:
    """Rows by one check, as bars; the parts of the axis that no row reaches are left out.

    Args:
        check: one of `NAMES`.
        columns: statistics of the check by label, one or two, of the same histogram ends; each with a value.
    """
    low, high = (next(iter(columns.values())).low, next(iter(columns.values())).high)
    shares = [_bars(column.counts) for column in columns.values()]
    first, last = _shown(check, np.add.reduce(shares))
    step = (high - low) / (len(shares[0]) - 1)
    shares = [share[first : last + 1] for share in shares]
    heights, y_ticks = vertical_axis(np.concatenate(shares))
    series = np.split(heights, len(shares))
    start, end = low + (first - 0.5) * step, low + (last + 0.5) * step
    edges = low + step * np.arange(first - 0.5, last + 1, dtype=np.float64)
    title, note = _TITLES[check]
    return BarChart(
        title=title,
        note=note,
        shares=shares[0],
        names=range_names([_text(check, edge) for edge in edges]),
        edges=edges,
        heights=series[0],
        x_ticks=[((value - start) / (end - start), text) for value, text in _ticks(check, start, end)],
        y_ticks=y_ticks,
        second=series[1] if len(series) > 1 else None,
        second_shares=shares[1] if len(shares) > 1 else None,
        series=tuple(columns) if len(columns) > 1 else (),
        columns=tuple(CHECKS[label][check] for label in columns),
    )


def _bars(counts: Sequence[int]) -> NDArray[np.float64]:
    """Share of rows in each bar; a bar holds the 5 steps around its middle, the first and the last one 3."""
    half = _STEPS_PER_BAR // 2
    padded: NDArray[np.float64] = np.pad(np.asarray(counts, np.float64), half)
    return np.asarray(padded.reshape(-1, _STEPS_PER_BAR).sum(axis=1) / padded.sum())


def _shown(check: str, shares: NDArray[np.float64]) -> tuple[int, int]:
    """First and last bar to draw: all of a recall, else those with rows, one more at each end, and that of 0."""
    if check == "boundary_recall":
        return 0, len(shares) - 1
    used = np.flatnonzero(shares)
    first, last = max(int(used[0]) - 1, 0), min(int(used[-1]) + 1, len(shares) - 1)
    return (0 if check == "background_drift" else min(first, max(last - _MIN_BARS, 0))), max(last, _MIN_BARS)


def _ticks(check: str, start: float, end: float) -> list[Tick]:
    """Values of the check on the axis from `start` to `end`, with their texts."""
    if check == "nearer":
        texts = {math.log(ratio): f"{ratio:g}" if ratio >= 1 else f"1/{1 / ratio:g}" for ratio in _RATIOS}
    elif check == "background_drift":
        texts = {percent / 100: f"{percent:g} %" for percent in round_steps(100 * end)}
    else:
        texts = {value: f"{value:g}" for value in (0.0, 0.25, 0.5, 0.75, 1.0)}
    return [(value, text) for value, text in texts.items() if start <= value <= end]


def _text(check: str, value: float) -> str:
    """One value of a check: a share, a ratio of distances or per cent."""
    if check == "nearer":
        return f"{math.exp(value):.3g}"
    return f"{100 * value:.3g} %" if check == "background_drift" else f"{value:.3g}"


def _legend(draw: ImageDraw.ImageDraw, labels: Sequence[str], top: int) -> None:
    x = 40.0
    for label, color in zip(labels, (ACCENT, MEAN), strict=False):
        draw.rectangle((x, top + 8, x + 30, top + 38), fill=color)
        draw.text((x + 44, top + 23), f"{label} labels", font=font(31), fill=INK, anchor="lm")
        x += 44 + font(31).getlength(f"{label} labels") + 60
