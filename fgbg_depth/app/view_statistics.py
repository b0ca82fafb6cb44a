"""The statistics tab: splits, images, charts and versions, from `statistics.json`."""

from __future__ import annotations

from dataclasses import dataclass

from fgbg_depth import schema
from fgbg_depth.app import chart_spec
from fgbg_depth.app.templating import percent, render
from fgbg_depth.card import chart_data, check_charts
from fgbg_depth.card.scene_charts import scene_bars
from fgbg_depth.manifest import DepthStatistics, Manifest, Version
from fgbg_depth.read.reader import DatasetReader

SLOTS = ("coverage", "depth", "places", *check_charts.NAMES, "num_objects", "angle", "visible")  # charts, in order
ALL_ROWS_SLOTS = SLOTS[:3]  # charts that are counted over all rows only
_GRID_CELLS = 8  # of a table of places, along a side: 32 do not fit on a page
_MODES = {"I;16": "grey, 16 bit", "L": "grey, 8 bit"}  # Pillow's names of modes for people


@dataclass(frozen=True)
class Chart:
    """One chart of the tab: HTML of its heading, its Vega-Lite specification, and HTML of a table of its values."""

    heading: str
    spec: chart_spec.Spec
    values: str


def page(browser: DatasetReader) -> str:
    """The tables of the tab: splits, images, statistics by split, versions."""
    manifest = browser.manifest
    return render(
        "statistics.html",
        splits=[
            {"name": split, "rows": rows, "share": rows / max(browser.num_rows, 1)}
            for split, rows in browser.splits.items()
        ],
        kinds=[
            {"name": kind, "meaning": kind_meaning(kind), "mode": _MODES.get(k.mode, k.mode), "stats": k}
            for kind in schema.IMAGE_KINDS
            if (k := manifest.kinds.get(kind)) is not None
        ],
        depth_figures=depth_figures(manifest),
        by_split=manifest.by_split,
        versions=[{"entry": entry, "changes": changes(entry)} for entry in manifest.history],
    )


def kind_meaning(kind: str) -> str:
    """What a kind of image is, from `schema.COLUMNS`: the column of its name, or the column `image` of its config."""
    columns = {column.name: column for column in schema.columns(extras=schema.EXTRAS)}
    sources = {config: schema.columns(config, extras=schema.EXTRAS) for config in (schema.BG, schema.FG)}
    if kind in sources:
        return next(column.meaning for column in sources[kind] if column.name == "image")
    return columns[kind].meaning


def depth_figures(manifest: Manifest) -> list[tuple[str, str]]:
    """Names and values of the figures about depth; none without depth labels."""
    found = manifest.kinds.get(manifest.main_depth_column or "")
    if manifest.depth is None or not isinstance(found, DepthStatistics):
        return []
    kind = manifest.depth.meaning
    smallest, largest = kind.extremes
    values = [
        (f"mean {kind.label}", found.mean_value),
        ("standard deviation", found.std_value),
        (smallest, found.min_value),
        (largest, found.max_value),
    ]
    figures = [(name, kind.format_value(value)) for name, value in values if value is not None]
    return [*figures, ("invalid pixels", percent(found.invalid_fraction)), ("depth model", manifest.depth.model)]


def charts(manifest: Manifest, split: str | None = None) -> dict[str, Chart]:
    """The charts of the card, by name, in the order of `SLOTS`; charts that the dataset has no data for are left out.

    Args:
        split: show the rows of this split in the charts of columns; None: all rows. Coverage, depth and places are
            counted over all rows only.
    """
    found = {"coverage": chart_data.coverage_bars(manifest.coverage.histogram, manifest.coverage.mean)}
    histogram = manifest.depth_histogram
    if manifest.depth is not None and histogram is not None:
        found["depth"] = chart_data.depth_bars(histogram.edges, histogram.counts, manifest.depth.meaning)
    shown = manifest if split is None else manifest.replace(columns=manifest.columns_by_split.get(split, {}))
    for check in check_charts.NAMES:
        if columns := check_charts.check_statistics(shown, check):
            found[check] = check_charts.check_bars(check, columns)
    found |= {bars.columns[0]: bars for bars in scene_bars(shown)}
    drawn = {name: _bar_chart(bars) for name, bars in found.items()}
    drawn["places"] = _heat_map(chart_data.heat_map_cells(manifest.heat_map))
    return {name: drawn[name] for name in SLOTS if name in drawn}


def splits_with_charts(manifest: Manifest) -> list[str]:
    """The splits that some chart can show alone; none if there is only one split."""
    with_columns = [split for split in manifest.splits if manifest.columns_by_split.get(split)]
    return with_columns if len(manifest.splits) > 1 else []


def _bar_chart(chart: chart_data.BarChart) -> Chart:
    unit = "pixels" if not chart.columns else "rows"
    return Chart(
        heading=render("chart_heading.html", title=chart.title, note=chart.note),
        spec=chart_spec.bars(chart),
        values=render("chart_values.html", title=chart.title, unit=unit, bars=chart_spec.bar_values(chart), grid=None),
    )


def _heat_map(chart: chart_data.HeatMap) -> Chart:
    cells = chart.shares
    block = max(1, len(cells) // _GRID_CELLS)
    if len(cells) % block == 0 and cells.shape[1] % block == 0:
        cells = cells.reshape(len(cells) // block, block, cells.shape[1] // block, block).mean(axis=(1, 3))
    return Chart(
        heading=render("chart_heading.html", title=chart.title, note=chart.note),
        spec=chart_spec.heat_map(chart),
        values=render("chart_values.html", title=chart.title, unit="rows", bars=None, grid=cells.tolist()),
    )


def changes(entry: Version) -> str:
    """What changed with a version, in one line."""
    counted = {
        "backgrounds added": entry.bg_added,
        "backgrounds removed": entry.bg_removed,
        "cut-outs added": entry.fg_added,
        "cut-outs removed": entry.fg_removed,
    }
    return "; ".join([*entry.recipe_changes, *(f"{len(names)} {what}" for what, names in counted.items() if names)])
